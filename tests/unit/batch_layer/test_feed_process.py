"""The parts of a feed in one process: which error ends it, which only delays a part, and who goes on meanwhile."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from batch_layer.feeds import feed_process as module
from batch_layer.feeds.feed_process import FeedProcess
from batch_layer.feeds.stage_reports import StageReports
from config.errors import TrendsError, UnavailableError
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed

CSV = {"type": "csv", "columns": {"n": {"from": "n", "type": "int"}}}
FEED = NamedFeed(
    "numbers",
    Feed.model_validate({
        "about": "Numbers", "topic": {"name": "numbers"},
        "source": {"type": "file", "path": "numbers.csv", "format": "csv"},
        "sinks": {"a": CSV | {"file": "a.csv"}, "b": CSV | {"file": "b.csv"}},
    }),
)  # fmt: skip
Run = Callable[[threading.Event], None]


class Stages:
    """Stages that do what a test says, one after another run of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **runs: list[Run]) -> None:
        self.runs = runs
        self.begun: list[str] = []
        self.states: list[tuple[str, str]] = []
        monkeypatch.setattr(module, "FeedStage", lambda _settings, _feed, sink, **_: self._stage(sink))
        monkeypatch.setattr(module, "AGAIN_S", 0.01)
        monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.01)
        monkeypatch.setattr(StageReports, "_send", lambda reports: None)
        monkeypatch.setattr(StageReports, "_set", lambda _, sink, state, __: self.states.append((sink, state)))

    def _stage(self, sink: str) -> Any:
        self.begun.append(sink)
        run = self.runs[sink].pop(0)
        return type("Stage", (), {"run": lambda _self, _drained, stop, _report: run(stop)})()


def raises(error: Exception) -> Run:
    def run(_: threading.Event) -> None:
        raise error

    return run


def until_stop(stop: threading.Event) -> None:
    assert stop.wait(20)


def ends(_: threading.Event) -> None:
    pass


def stops(stop: threading.Event) -> None:
    stop.set()


def process(**options: Any) -> FeedProcess:
    return FeedProcess(Settings(), FEED, options.pop("parts", ["a", "b"]), options.pop("source", ends), **options)


def test_an_error_that_no_retry_helps_ends_the_process_after_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def fails(_: threading.Event) -> None:
        assert begun.wait(20)
        raise TrendsError("a table of another shape")

    def runs_on(stop: threading.Event) -> None:
        begun.set()
        until_stop(stop)

    stages = Stages(monkeypatch, a=[fails], b=[runs_on])
    with pytest.raises(TrendsError, match="another shape"):
        process().run(threading.Event())
    assert ("a", "failed") in stages.states
    assert ("b", "stopped") in stages.states


def test_a_server_that_is_down_at_the_start_delays_its_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    down = raises(UnavailableError("PostgreSQL is down"))
    stages = Stages(monkeypatch, a=[down, down, stops], b=[until_stop])
    process().run(threading.Event())
    assert sorted(stages.begun) == ["a", "a", "a", "b"]
    assert [state for sink, state in stages.states if sink == "a"][:2] == ["connected", "reconnecting"]


def test_with_keep_going_the_others_go_on_and_the_part_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Stages(monkeypatch, a=[raises(TrendsError("damaged")), stops], b=[until_stop])
    process(keep_going=True).run(threading.Event())
    assert sorted(stages.begun) == ["a", "a", "b"]


def test_a_bug_in_a_part_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    Stages(monkeypatch, a=[raises(ZeroDivisionError("a bug"))], b=[until_stop])
    with pytest.raises(ZeroDivisionError):
        process().run(threading.Event())


def test_a_drain_runs_the_source_first_and_ends_at_the_first_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Stages(monkeypatch, a=[raises(UnavailableError("down"))], b=[ends])
    order: list[int] = []
    with pytest.raises(UnavailableError):
        process(parts=["source", "a", "b"], source=lambda _: order.append(len(stages.begun))).drain(threading.Event())
    assert order == [0]
