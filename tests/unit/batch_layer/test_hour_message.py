"""The message of a finished hour."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from batch_layer.tops.hour_message import MOST_BYTES, value_of
from ingest.hours import Hour
from serving.views.documents import HourDocument, Row, hour_document
from tests.support.views import HOUR, view


def document(rows: tuple[Row, ...], **fields: Any) -> HourDocument:
    return {**hour_document(view(7)._replace(rows=rows)), **fields}  # type: ignore[typeddict-item]


def test_a_message_names_hour_rule_run_token_and_state() -> None:
    told = json.loads(value_of(document((Row("paris", "Paris", 5),), computed_at=datetime(2017, 1, 6, 9, tzinfo=UTC))))
    assert told == {
        "schema": 1, "hour": "2017-01-06T07", "since": "2017-01-06T07:00:00Z", "until": "2017-01-06T08:00:00Z",
        "state": "final", "rule": "1", "run": "run-7", "token": 7, "computed_at": "2017-01-06T09:00:00Z",
        "posts": 5, "uses": 6, "tags": 2, "top": [{"tag": "paris", "shown": "Paris", "count": 5}],
    }  # fmt: skip
    assert Hour.parse(told["hour"]) == HOUR


@pytest.mark.parametrize("fields", [{"complete": False}, {"dirty": True}])
def test_an_hour_that_is_not_final_says_so(fields: dict[str, bool]) -> None:
    assert json.loads(value_of(document((), **fields)))["state"] == "provisional"


def test_a_message_has_at_most_100_rows_and_fits_into_a_topic_of_default_size() -> None:
    rows = tuple(Row(f"t{at:04}", f"T{at}", 500 - at) for at in range(300))
    assert [row["tag"] for row in json.loads(value_of(document(rows)))["top"]] == [row.tag for row in rows[:100]]
    huge = tuple(Row(letter * 200_000, letter * 200_000, 1) for letter in "äöüabc")
    value = value_of(document(huge))
    assert [row["tag"][0] for row in json.loads(value)["top"]] == ["ä"]
    assert len(value) < MOST_BYTES + 1_000


def test_a_tag_with_control_characters_stays_as_it_is() -> None:
    hostile = "\x00\x1f\u2028</script>\ud7ff\U0001f600"
    assert json.loads(value_of(document((Row(hostile, hostile, 1),))))["top"][0]["tag"] == hostile
