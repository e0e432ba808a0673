"""Prose names who acts: pages and the docstrings of each layer have few passive and who/what clauses."""

from pathlib import Path

import pytest

from tests.house.prose import LIMIT, clauses, count, docstring_counts, pages
from tests.house.repository import OURS, ROOT


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_who_acts(page: Path) -> None:
    text = page.read_text()
    assert count(text).per_thousand < LIMIT, clauses(text)


def test_passive_clauses_and_who_or_what_clauses_are_found() -> None:
    passive, who = clauses("A chunk is quickly written. An idle one is let go of. Who dies has changed nothing.")
    assert passive == ["is quickly written", "is let"]
    assert who == ["Who dies"]
    assert clauses("It tells Prometheus what trends status tells.") == ([], ["what trends"])


def test_active_clauses_adjectives_questions_and_code_are_no_clauses_of_these_kinds() -> None:
    text = "The archiver writes a chunk. Memory is limited. What was trending? `what is written`\n"
    text += "\n```\nwhat is written\n```\n"
    assert clauses(text) == ([], [])
    assert count("one two three four").words == 4


def test_the_docstrings_of_a_layer_name_who_acts() -> None:
    counts = docstring_counts()
    assert list(counts) == list(OURS)
    assert all(counts[layer].words > 1_000 for layer in ("config", "ingest", "speed_layer", "batch_layer", "serving"))
    assert {layer: each.per_thousand for layer, each in counts.items() if each.per_thousand >= LIMIT} == {}
