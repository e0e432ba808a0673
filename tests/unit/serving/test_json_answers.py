"""The JSON of each answer, byte for byte: keys in their order, values, and what is null."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from ingest.hours import Hour
from serving.answers.day import grid
from serving.answers.history import history
from serving.answers.merge import View, sum_hours
from serving.answers.rising import rising
from serving.answers.rule_versions import rules_of
from serving.render import json_shapes
from serving.render.json_answers import day_json, history_json, hour_json, hours_json, range_json, rising_json
from serving.status.model import Status
from serving.views.documents import Row

FIRST = Hour.parse("2017-01-06T07")
END = FIRST.plus(4)
PARIS = Row("paris", "Paris", 5)
VIEWS = [
    View(FIRST, "batch", "final", (PARIS, Row("a", "A", 2)), 1, 12, 6, 9, "1", FIRST.end_ms),
    View(FIRST.plus(1), "batch", "provisional", (Row("paris", "Paris", 9), Row("b", "b", 1)), 0, 10, 2, 8, "2",
         FIRST.plus(1).end_ms),
    View(FIRST.plus(3), "speed", "live", (Row("b", "B", 7), Row("paris", "PARIS", 7)), 0, 14, 2, None, None, None),
]  # fmt: skip
ANSWERS: dict[str, Mapping[str, object]] = {
    "hour": hour_json(VIEWS[0]),
    "hours": hours_json(VIEWS, rules_of(VIEWS)),
    "range": range_json(sum_hours(VIEWS, FIRST, END, 2)),
    "day": day_json(grid(VIEWS, FIRST.plus(1), END, 2, 1)),
    "rising": rising_json(rising(VIEWS[2], VIEWS[:2], FIRST, 2, 0)),
    "history": history_json(history("a", VIEWS, FIRST, END)),
}
EXPECTED = dict(
    line.split(" ", 1) for line in (Path(__file__).parent / "json_answers.txt").read_text("utf-8").splitlines()
)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_the_same_bytes_as_in_the_release_before(name: str) -> None:
    assert json.dumps(ANSWERS[name], ensure_ascii=False) == EXPECTED[name]


def test_the_shape_of_a_status_has_all_its_parts() -> None:
    assert list(json_shapes.Status.__annotations__) == [field.name for field in fields(Status)]
