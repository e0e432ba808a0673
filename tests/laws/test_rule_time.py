"""The rule's time for each character is bounded, whatever somebody wrote: by some times that of an ordinary text."""

from functools import cache
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.inputs.hostile_texts import FAMILIES, text_of
from ingest.rule.hashtags import in_text

CHARACTERS = 50_000
ORDINARY = "At the café by the harbour, a word or two with friends: #été https://example.org/a/b "
TIMES = 20
"""The worst family takes three times as long as the ordinary text; one that is read again for each `#`, hundreds."""
PIECES = [
    "#",
    "#a",
    "x.co",
    "/",
    ".",
    "-",
    "_",
    "(",
    ")",
    "?",
    "q=",
    "http://",
    "日",
    "é",
    " ",
    ":",
    "@",
    ",",
    "&",
    "1",
]


def seconds(text: str) -> float:
    """The least of three, of CPU."""

    def once() -> float:
        began = process_time()
        in_text(text)
        return process_time() - began

    return min(once() for _ in range(3))


@cache
def bound() -> float:
    return TIMES * seconds(text_of(ORDINARY, CHARACTERS))


@pytest.mark.parametrize("piece", FAMILIES, ids=lambda piece: ascii(piece[:16]))
def test_the_time_for_each_hostile_family_is_bounded(piece: str) -> None:
    assert seconds(text_of(piece, CHARACTERS)) <= bound()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join))
def test_the_time_for_anything_repeated_is_bounded(piece: str) -> None:
    assert seconds(text_of(piece, CHARACTERS)) <= bound()
