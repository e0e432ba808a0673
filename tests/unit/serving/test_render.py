"""What a terminal is shown."""

import json

import pytest
from rich.console import Console

from config.terminal_text import printable
from ingest.hours import Hour
from serving.answers.merge import View, sum_hours
from serving.render.json_answers import hour_json, range_json
from serving.render.text import table
from serving.views.documents import Row
from tests.support.rendering import HOSTILE


def view(*rows: Row) -> View:
    return View(Hour.parse("2017-01-06T07"), "batch", "final", rows, 0, 10, len(rows), 9, "1", 1_483_689_600_000)


@pytest.mark.parametrize("tag", HOSTILE)
def test_no_tag_moves_the_cursor_or_turns_the_text(tag: str) -> None:
    shown = printable(tag)
    assert len(shown) < 100
    assert not set(shown) & set("\x1b\n\x00\u202e")


def test_joiners_and_other_scripts_stay_as_they_are() -> None:
    for tag in ("می‌خواهم", "ශ්‍රී", "日本", "👩‍👧"):
        assert printable(tag) == tag


@pytest.mark.parametrize("tag", HOSTILE)
def test_a_table_shows_any_tag_as_text_and_json_has_it_whole(tag: str) -> None:
    answer = view(Row(tag, tag, 3))
    console = Console(width=80, record=True, file=open("/dev/null", "w"), color_system=None)  # noqa: SIM115, PTH123
    with console.file:
        console.print(table(answer, "title"))
        drawn = console.export_text()
    assert "\x1b" not in drawn
    assert json.loads(json.dumps(hour_json(answer)))["top"][0]["tag"] == tag


def test_the_json_of_an_hour_has_exactly_these_keys() -> None:
    told = hour_json(view(Row("a", "A", 3), Row("b", "b", 3), Row("c", "c", 1)))
    named = ["hour", "kind", "source", "origin", "state"]
    assert list(told) == [*named, "top", "tied_beyond", "uses", "tags", "posts", "rule", "computed_at"]
    assert [row["rank"] for row in told["top"]] == [1, 1, 3]
    assert told["computed_at"] == "2017-01-06T08:00:00Z"


def test_the_json_of_a_range_says_what_is_missing_and_how_far_off_it_can_be() -> None:
    since = Hour.parse("2017-01-06T07")
    told = range_json(sum_hours([view(Row("a", "A", 3))], since, since.plus(2), 10))
    assert told["missing"] == ["2017-01-06T08"]
    assert told["hours"] == [{"hour": "2017-01-06T07", "origin": "batch", "state": "final", "rule": "1"}]
    assert (told["since"], told["until"], told["max_error"]) == ("2017-01-06T07", "2017-01-06T09", 0)
