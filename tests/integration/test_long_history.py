"""What idles takes no more for a longer history: calls to HDFS, documents and bytes of MongoDB are counted."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring

from batch_layer.scheduling.schedule import Schedule
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from bench.inputs.long_history import lay_history
from config.settings import Settings
from ingest.hours import wall_clock
from ingest.kafka.topics import core_topics, create_topics
from ingest.rule.hashtags import AS_IS
from serving.status.archive_status import archive_status
from serving.status.collect import collect_status
from serving.status.metrics import render_metrics
from serving.views.store import Store

SHORT, LONG = 60, 600
NOISE = {"hello", "ismaster", "ping", "endSessions", "killCursors"}
_listening: list["Cost"] = []


@dataclass
class Cost:
    """What was asked and handed over while somebody looked."""

    hdfs: Counter[str] = field(default_factory=Counter)
    listed: int = 0
    """Entries of folders."""
    mongo: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    bytes: int = 0


class Listener(monitoring.CommandListener):
    """Adds what MongoDB answers to whoever is measuring."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if event.command_name in NOISE:
            return
        cursor = event.reply.get("cursor", {})
        found = cursor.get("firstBatch", cursor.get("nextBatch", event.reply.get("values", [])))
        for cost in _listening:
            cost.mongo[event.command_name] += 1
            cost.documents += len(found)
            cost.bytes += len(str(found))


monitoring.register(Listener())


@contextmanager
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cost]:
    cost = Cost()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: HdfsStore, path: str, *rest: Any, **named: Any) -> Any:
            answer = real(self, path, *rest, **named)
            cost.hdfs[name] += 1
            cost.listed += len(answer) if name == "entries" else 0
            return answer

        return call

    with monkeypatch.context() as patched:
        for name in ("entries", "get", "bytes_of", "open"):
            patched.setattr(HdfsStore, name, counting(name, getattr(HdfsStore, name)))
        _listening.append(cost)
        try:
            yield cost
        finally:
            _listening.remove(cost)


@pytest.fixture
def histories(stack_file: Path, tmp_path: Path) -> Iterator[list[Settings]]:
    """A history, and one that is ten times as long."""
    made = []
    for hours in (SHORT, LONG):
        file = stack_settings.isolate(stack_file, tmp_path / f"{hours}.toml", kafka={"partitions": 3})
        settings = stack_settings.read(file)
        create_topics(settings.kafka, core_topics(settings.kafka))
        with Store(settings.mongo) as store:
            store.prepare()
        lay_history(settings, hours)
        made.append(settings)
    yield made
    for settings in made:
        with Store(settings.mongo) as store:
            store.client.drop_database(settings.mongo.database)


def test_a_status_and_a_scrape_read_no_more_of_a_longer_history(
    histories: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for settings, hours in zip(histories, (SHORT, LONG), strict=True):
        first = archive_status(settings)
        assert (first.posts, first.hours, first.files, first.waiting) == (hours, hours, hours, 0)
        with measured(monkeypatch) as cost:
            facts = collect_status(settings)
        assert facts.archive == first
        assert facts.to_json()["hours"]["final"] == hours
        assert b"trends_archive_hours %.1f" % hours in render_metrics(facts, "")[0]
        costs.append(cost)
    short, long = costs
    assert (short.hdfs, short.listed) == (long.hdfs, long.listed)
    assert (short.mongo, short.documents) == (long.mongo, long.documents)
    assert short.hdfs["get"] <= 2
    assert abs(short.bytes - long.bytes) < 100


def test_an_idle_tick_and_an_idle_look_at_files_read_no_more_of_a_longer_history(
    histories: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for settings in histories:
        schedule = Schedule(settings, lambda: AS_IS, wall_clock)
        for _ in range(2):  # the first one gives the archive its id, so the second looks at it anew
            schedule._tick()
        schedule._compact()
        assert not schedule.batch.engine.started
        for work in (schedule._tick, schedule._compact):
            with measured(monkeypatch) as cost:
                work()
            costs.append(cost)
        schedule.batch.close()
    for short, long in zip(costs[:2], costs[2:], strict=True):
        assert (short.hdfs, short.listed, short.mongo) == (long.hdfs, long.listed, long.mongo)
        assert short.documents == long.documents
        assert short.hdfs["get"] <= 2  # the identity, until an archiver has written it
        assert short.documents <= 10
