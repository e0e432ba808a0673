"""The stream of an export: each hour once, no snapshot open while its reader works, and a word about rules."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from click.testing import CliRunner

from config.errors import UsageError
from ingest.hours import Hour
from serving.answers.bounds import Bounds
from serving.answers.merge import State, View
from serving.cli import main
from serving.cli.commands import export as command
from serving.query import query as module
from serving.query.query import Query
from serving.query.questions import Questions
from serving.query.time_expressions import zone
from serving.query.time_ranges import TimeResolver
from serving.views.documents import Lens, Origin, Row
from serving.views.layer_coverage import Extent
from serving.views.store import Store

FIRST = Hour.parse("2017-01-06T07")
LENGTH = 60
LIVE = {FIRST.plus(offset) for offset in (0, 30, LENGTH - 1)}
"""Hours that the speed layer alone has."""
ABSENT = FIRST.plus(31)
THERE = [hour for hour in map(FIRST.plus, range(LENGTH)) if hour != ABSENT]


def view_of(hour: Hour) -> View:
    origin: Origin = "speed" if hour in LIVE else "batch"
    rows = (Row("a", "A", 2), Row("b", "B", 2))
    state, rule = ("live", None) if origin == "speed" else ("final", "2" if hour > ABSENT else "1")
    return View(hour, origin, cast(State, state), rows, 0, 4, 2, None, rule, None)


class Snapshots:
    """A store that counts its snapshots."""

    def __init__(self) -> None:
        self.open = 0

    @contextmanager
    def snapshot(self) -> Iterator[object]:
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    snapshots = Snapshots()

    def between(_: object, origin: Origin, _lens: Lens, since: Hour, until: Hour) -> list[Hour]:
        assert snapshots.open == 1
        return [hour for hour in THERE if since <= hour < until and (hour in LIVE) == (origin == "speed")]

    def batch(_: object, hours: Sequence[Hour], _lens: Lens) -> dict[str, View]:
        assert snapshots.open == 1
        assert len(hours) <= 24
        return {str(hour): view_of(hour) for hour in hours if hour not in LIVE}

    def speed(_: object, hour: Hour, _lens: Lens, _n: int) -> View:
        assert snapshots.open == 1
        return view_of(hour)

    extent = Extent(FIRST, FIRST.plus(LENGTH - 1), None)
    monkeypatch.setattr(module, "extent", lambda *_: extent)
    monkeypatch.setattr(module, "hours_between", between)
    monkeypatch.setattr(module, "batch_views", batch)
    monkeypatch.setattr(module, "speed_view", speed)
    return snapshots


def test_a_reader_of_an_export_holds_no_snapshot_and_gets_each_hour_once(store: Snapshots) -> None:
    query = Query(cast(Store, cast(Any, store)))
    read = []
    for view in query.stream(FIRST.plus(-1_000), FIRST.plus(1_000)):
        assert store.open == 0
        read.append(view)
    assert read == [view_of(hour) for hour in THERE]


def test_the_bound_of_rows_is_about_one_hour_of_an_export(store: Snapshots) -> None:
    query = Query(cast(Store, cast(Any, store)), bounds=Bounds(rows=2))
    assert len(list(query.stream(FIRST, FIRST.plus(LENGTH), 1))) == len(THERE)
    with pytest.raises(UsageError, match="more than 1 row"):
        list(replace(query, bounds=Bounds(rows=1)).stream(FIRST, FIRST.plus(LENGTH), 1))


def call(store: Snapshots, monkeypatch: pytest.MonkeyPatch, since: Hour, until: Hour) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `trends export`."""
    query = Query(cast(Store, cast(Any, store)), rule_now=lambda _: "2")
    questions = Questions(query, TimeResolver(until.start_ms, zone("UTC"), lambda _: None))
    monkeypatch.setattr(command, "questions_of", lambda *_: questions)
    told = CliRunner().invoke(main, ["export", "--since", str(since), "--until", str(until)])
    return told.exit_code, told.stdout, told.stderr


def test_an_export_warns_of_several_versions_of_the_rule(store: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, error = call(store, monkeypatch, FIRST, FIRST.plus(LENGTH))
    assert (code, len(out.splitlines())) == (0, 1 + 2 * len(THERE))
    assert "rule 1 in 29 hours, rule 2 in 27 hours" in error
    assert f"trends recompute --since {FIRST.plus(1)} --until {FIRST.plus(30)}" in error
    assert not call(store, monkeypatch, FIRST, FIRST.plus(20))[2]


def test_an_export_without_data_writes_no_header(store: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, error = call(store, monkeypatch, ABSENT, ABSENT.plus(1))
    assert (code, out) == (3, "")
    assert "no data" in error
