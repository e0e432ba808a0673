"""The shipped feed `weather` from its topic to PostgreSQL and on to HDFS, as recipe 002 has it, by offset."""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from batch_layer.sinks.stages import FeedStage
from batch_layer.storage.webhdfs import HdfsStore
from config.settings import Settings
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import NamedFeed
from tests.support.table_feeds import RecordSender, execute, query

PARIS = ZoneInfo("Europe/Paris")
NIGHT = 1_700_430_000
"""2023-11-19 22:40 in Paris, seconds: two slots later it is another day in UTC, and eight later in Paris."""
SLOT = 600
EXPORT = ["write", "upload", "commit", "place"]


class CrashError(BaseException):
    """The stage dies here."""


@pytest.fixture
def settings(settings_with_postgres: Settings) -> Settings:
    return settings_with_postgres


@pytest.fixture
def feed(settings: Settings) -> NamedFeed:
    """The file as shipped, with a topic and a folder that no other test has."""
    topic, root = f"weather-api-{uuid.uuid4().hex[:8]}", f"{settings.hdfs.root}/weather"
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    return FeedFile(SHIPPED / "weather.toml").feed({"topic": topic, "root": root}, {})


def answer(slot: int) -> bytes:
    """What one poll gives, 20 kB as OpenWeather's answers together."""
    example = json.loads((SHIPPED / "examples/weather/current.json").read_text())
    current = example | {"dt": NIGHT + SLOT * slot}
    return json.dumps({"current": current, "forecast": None, "air": None, "slot": slot, "note": 'é\\ "'}).encode()


def send(settings: Settings, feed: NamedFeed, *slots: int) -> None:
    assert feed.declaration.topic is not None
    RecordSender(settings, feed.declaration.topic.name).send([answer(slot) for slot in slots])


def run(settings: Settings, feed: NamedFeed, sink: str, after_step: Callable[[str], None] = lambda _: None) -> None:
    FeedStage(settings, feed, sink, after_step=after_step).run(True, threading.Event(), lambda _: None)


def exported(settings: Settings) -> dict[str, list[dict[str, object]]]:
    """The lines of all files below the folder of the recipe, by the folder of their day."""
    store, root = HdfsStore(settings.hdfs), f"{settings.hdfs.root}/weather"
    lines: dict[str, list[dict[str, object]]] = {}
    for day in store.entries(root):
        if day.name.startswith("dt="):
            for file in store.entries(f"{root}/{day.name}"):
                assert PurePosixPath(file.name).match("weather_*.json")
                data = store.get(f"{root}/{day.name}/{file.name}")
                assert data is not None
                lines.setdefault(day.name, []).extend(json.loads(line) for line in data.splitlines())
    return lines


def slots(settings: Settings) -> Counter[int]:
    return Counter(
        json.loads(line["value"])["slot"] if isinstance(line["value"], str) else line["value"]["slot"]  # type: ignore[index]
        for lines in exported(settings).values()
        for line in lines
    )


def test_each_record_is_in_the_table_and_in_the_folder_of_its_own_day(settings: Settings, feed: NamedFeed) -> None:
    send(settings, feed, *range(12))
    run(settings, feed, "postgres")
    run(settings, feed, "hdfs")
    rows = query(settings, "SELECT partition, msg_offset, date_time::text, value FROM weather ORDER BY msg_offset")
    assert [row[3]["slot"] for row in rows] == list(range(12))
    lines = exported(settings)
    for folder, of_day in lines.items():
        for line in of_day:
            offset, text = line["kafka_offset"], line["event_time"]
            partition, _, local, value = next(row for row in rows if row[1] == offset)
            assert (line["kafka_partition"], text) == (partition, local)
            assert line["value"] == value
            assert folder == f"dt={datetime.fromtimestamp(value['current']['dt'], UTC).astimezone(PARIS):%Y-%m-%d}"
    assert {folder: len(of_day) for folder, of_day in lines.items()} == {"dt=2023-11-19": 8, "dt=2023-11-20": 4}


def test_late_records_and_any_ref_date_change_nothing(settings: Settings, feed: NamedFeed) -> None:
    for sent, change in [
        ((5, 6), "DELETE FROM ref_date"),
        ((1, 7), "UPDATE ref_date SET ref_date = '2099-01-01'"),
        ((0,), ""),
    ]:
        send(settings, feed, *sent)
        run(settings, feed, "postgres")
        run(settings, feed, "hdfs")
        assert query(settings, "SELECT application_name FROM ref_date") == [("weather.hdfs",)]
        if change:
            execute(settings, change)
    assert slots(settings) == Counter([5, 6, 1, 7, 0])


def test_a_crash_of_the_export_after_any_step_exports_each_row_once(settings: Settings, feed: NamedFeed) -> None:
    for number, fatal in enumerate(EXPORT):
        send(settings, feed, number)
        run(settings, feed, "postgres")

        def die(step: str, fatal: str = fatal) -> None:
            if step == fatal:
                raise CrashError

        with pytest.raises(CrashError):
            run(settings, feed, "hdfs", die)
    run(settings, feed, "hdfs")
    assert slots(settings) == Counter(range(len(EXPORT)))
