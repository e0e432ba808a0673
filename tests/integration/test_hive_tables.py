"""Tables of Hive over the files of a feed: PyHive, as users have it, counts what was sent; Hive may be away."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from confluent_kafka import Producer
from pyhive import hive as pyhive

from batch_layer.feeds.feed_verify import verify_feed
from batch_layer.feeds.running import RunOptions, run_feed
from batch_layer.feeds.stage_status import stage_statuses
from batch_layer.sinks.hive.hive_sink import HivePlace, table_of
from batch_layer.sinks.stages import FeedStage, make_stage
from batch_layer.storage.hive_server import HiveServer
from config.errors import TrendsError, UnavailableError, UsageError
from config.settings import Settings
from config.settings.logins import hive_login
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import NamedFeed
from ingest.kafka.topics import create_topics, log_topic
from tests.support.faults.network import Link
from tests.support.feed_files import feed_of
from tests.support.wait import until

DAY_MS = 86_400_000
NOV_20 = 1_700_438_400_000
COLUMNS = {
    "brand": {"from": "brand", "type": "string"},
    "price": {"from": "price", "type": "int"},
    "big": {"from": "big", "type": "bigint"},
    "rating": {"from": "rating", "type": "double"},
    "sold": {"from": "sold", "type": "boolean"},
    "at": {"from": "$at", "type": "timestamp"},
    "local": {"from": "$at", "type": "timestamp", "zone": "Europe/Paris"},
    "day": {"from": "day", "type": "date"},
    "value": {"from": "$value", "type": "json"},
    "raw": {"from": "raw", "type": "bytes"},
}

SOURCE = {"type": "file", "path": "shop.json", "format": "json", "at": "at"}
"""It says where the event time is. Nobody runs it."""


class Shop:
    """A feed of one table, filled by others."""

    def __init__(self, settings: Settings, **more: Any) -> None:
        self.settings = settings
        self.topic = f"feed-{uuid.uuid4().hex[:10]}"
        create_topics(settings.kafka, [log_topic(settings.kafka, self.topic, 1, 7 * DAY_MS, 1_000_000)])
        self.sink: dict[str, Any] = {"type": "hive", "table": "shop", "by": "day", "columns": COLUMNS, **more}

    @property
    def feed(self) -> NamedFeed:
        return feed_of({"table": self.sink}, self.topic, source=SOURCE)

    def send(self, records: Sequence[dict[str, Any]], at: int = NOV_20) -> None:
        producer = Producer({"bootstrap.servers": self.settings.kafka.bootstrap})
        for record in records:
            producer.produce(self.topic, json.dumps(record | {"at": at / 1000}).encode())
        assert producer.flush(30) == 0

    def drain(self, settings: Settings | None = None) -> None:
        FeedStage(settings or self.settings, self.feed, "table").run(True, threading.Event(), lambda _: None)

    @contextmanager
    def running(self, settings: Settings | None = None) -> Iterator[list[TrendsError]]:
        """A stage at work. Gives the errors that ended it."""
        stop, errors = threading.Event(), list[TrendsError]()

        def work() -> None:
            try:
                FeedStage(settings or self.settings, self.feed, "table").run(False, stop, lambda _: None)
            except TrendsError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield errors
        finally:
            stop.set()
            thread.join(60)

    def place(self, settings: Settings | None = None) -> HivePlace:
        return HivePlace(make_stage(settings or self.settings, self.feed, "table"))

    def select(self, statement: str) -> list[tuple[Any, ...]]:
        login = hive_login(self.settings)
        with closing(
            pyhive.connect(
                host=login["host"], port=login["port"], username="anybody", database=self.settings.hive.database
            )
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def count(self) -> int:
        """Rows in Hive; none while there is no table."""
        if not self.select("SHOW TABLES LIKE 'shop'"):
            return 0
        return int(self.select("SELECT count(*) FROM shop")[0][0])


@pytest.fixture
def shop(settings_with_hive: Settings) -> Shop:
    return Shop(settings_with_hive)


def through(settings: Settings, port: int) -> Settings:
    return settings.model_copy(update={"hive": settings.hive.model_copy(update={"uri": f"127.0.0.1:{port}"})})


def test_hive_has_what_was_sent_in_the_types_of_the_columns(shop: Shop) -> None:
    full: dict[str, Any] = {
        "brand": " Xiaomi ", "price": "2,499", "big": 2**40, "rating": 4.5, "sold": "OUI", "day": "2023-11-19",
        "raw": "bytes",
    }  # fmt: skip
    records: list[dict[str, Any]] = [full, {}]
    records += [{"brand": f"b{number % 7}", "price": number} for number in range(500)]
    records.append({"price": "cheap"})
    shop.send(records[:200])
    shop.send(records[200:], at=NOV_20 + DAY_MS)
    shop.drain()
    assert shop.select("SELECT dt, count(*) FROM shop GROUP BY dt ORDER BY dt") == [
        ("2023-11-20", 200),
        ("2023-11-21", 302),
    ]
    by_brand: dict[str, int] = {}
    for record in records[2:-1]:
        by_brand[str(record["brand"])] = by_brand.get(str(record["brand"]), 0) + int(str(record["price"]))
    found = shop.select("SELECT brand, sum(price) FROM shop WHERE brand LIKE 'b%' GROUP BY brand")
    assert dict(found) == by_brand
    first, second = shop.select("SELECT * FROM shop WHERE kafka_offset < 2 ORDER BY kafka_offset")
    assert first[:5] == ("Xiaomi", 2_499, 2**40, 4.5, True)
    assert [str(cell) for cell in first[5:8]] == ["2023-11-20 00:00:00", "2023-11-20 01:00:00", "2023-11-19"]
    assert json.loads(first[8])["price"] == "2,499"
    assert first[9:] in {(b"bytes", 0, 0, "2023-11-20"), ("bytes", 0, 0, "2023-11-20")}
    assert list(second[:5]) == [None] * 5
    described = {row[0]: row[1] for row in shop.select("DESCRIBE shop")}
    assert (described["kafka_offset"], described["kafka_partition"]) == ("bigint", "int")
    standing = shop.place().standings()[0]
    assert (standing.kept, standing.rejected) == (502, 1)
    assert shop.place().unregistered() == []


def test_a_row_is_visible_soon_without_a_restart_also_on_a_new_day(settings_with_hive: Settings) -> None:
    shop = Shop(settings_with_hive, packet={"messages": 500, "after": "1s"})

    took: list[float] = []

    def has(rows: int) -> bool:
        return shop.count() == rows

    with shop.running() as errors:
        for day in range(3):
            shop.send([{"price": day}], at=NOV_20 + day * DAY_MS)
            began = time.monotonic()
            until(partial(has, day + 1), lambda: (shop.count(), errors), 60)
            took.append(time.monotonic() - began)
    assert min(took) <= 1 + 3, "packet.after and three seconds, on a machine that has other work too"
    assert errors == []


def test_a_packet_is_a_file(settings_with_hive: Settings) -> None:
    shop = Shop(settings_with_hive, by="none", packet={"messages": 31, "after": "1h"})
    shop.send([{"price": number} for number in range(1_000)])
    shop.drain()
    assert shop.count() == 1_000
    files = shop.select("SELECT input_file_name(), count(*) FROM shop GROUP BY 1")
    assert sorted(count for _, count in files) == [8] + [31] * 32


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE shop (brand STRING, price STRING) STORED AS PARQUET", "lacks price int.* has price string"),
        ("CREATE EXTERNAL TABLE shop ({columns}) STORED AS PARQUET LOCATION '/elsewhere/{id}'", "partition columns"),
        (
            "CREATE EXTERNAL TABLE shop ({columns}) PARTITIONED BY (dt STRING) STORED AS PARQUET "
            "LOCATION '/elsewhere/{id}'",
            "files lie in",
        ),
    ],
)
def test_a_table_of_another_shape_is_refused_with_the_difference(shop: Shop, statement: str, words: str) -> None:
    table = table_of(make_stage(shop.settings, shop.feed, "table"))
    columns = ", ".join(f"`{name}` {kind}" for name, kind in table._shape.columns)
    with HiveServer(shop.settings) as hive:
        hive.execute(statement.format(columns=columns, id=uuid.uuid4().hex))
    shop.send([{"price": 1}])
    with pytest.raises(UsageError, match=f"another shape: .*{words}.*DROP TABLE shop"):
        shop.drain()
    assert shop.place().standings() == {}
    with pytest.raises(UsageError, match="not this sink's"):
        shop.place().clear()


def test_a_rebuild_takes_the_columns_of_now(shop: Shop) -> None:
    shop.send([{"price": 1, "more": 2}])
    shop.drain()
    shop.sink["columns"] = {**COLUMNS, "more": {"from": "more", "type": "int"}}
    with pytest.raises(UsageError, match="lacks more int"):
        shop.drain()
    shop.place().clear()
    shop.drain()
    assert shop.select("SELECT price, more FROM shop") == [(1, 2)]


def test_hive_away_from_the_start_holds_up_no_file(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.send([{"price": 1}])
    shop.send([{"price": 2}], at=NOV_20 + DAY_MS)
    away = through(shop.settings, 9)
    with caplog.at_level(logging.WARNING):
        shop.drain(away)
    assert "not registered with Hive for now" in caplog.text
    assert shop.place().standings()[0].kept == 2
    assert shop.place().unregistered() == ["dt=2023-11-20", "dt=2023-11-21"]
    with pytest.raises(UnavailableError):
        shop.place(away).unregistered()
    (status,) = stage_statuses(away, shop.feed, NOV_20)
    assert (status.kept, status.unregistered) == (2, None)
    assert status.why.startswith("files go on, and Hive hears of new days later: HiveServer2 at 127.0.0.1:9")
    (status,) = stage_statuses(shop.settings, shop.feed, NOV_20)
    assert status.why == "2 folders not registered with Hive yet"
    shop.drain()
    assert shop.count() == 2
    assert shop.place().unregistered() == []


def test_hive_away_for_a_while_learns_of_the_days_of_then(settings_with_hive: Settings) -> None:
    shop = Shop(settings_with_hive, packet={"messages": 500, "after": "1s"})
    with Link(hive_login(settings_with_hive)["port"], "hive") as link:
        linked = through(settings_with_hive, link.port)
        with shop.running(linked) as errors:
            shop.send([{"price": 0}])
            until(lambda: shop.count() == 1, lambda: (shop.count(), errors), 60)
            with link.cut():
                shop.send([{"price": 1}], at=NOV_20 + DAY_MS)
                until(lambda: shop.place().standings()[0].kept == 2, lambda: errors, 60)
                until(lambda: shop.place().unregistered() == ["dt=2023-11-21"], shop.place().unregistered, 30)
                time.sleep(1)
            until(lambda: shop.count() == 2, lambda: (shop.count(), errors), 60)
    assert errors == []
    assert shop.place().unregistered() == []


def test_hive_that_lost_the_table_gets_it_again(shop: Shop) -> None:
    shop.send([{"price": 1}])
    shop.drain()
    with HiveServer(shop.settings) as hive:
        hive.execute("DROP TABLE shop")
    shop.send([{"price": 2}], at=NOV_20 + DAY_MS)
    shop.drain()
    assert shop.count() == 2


def test_the_shipped_weather_reaches_its_table_through_postgresql_and_hdfs(settings_with_hive: Settings) -> None:
    settings, topic = settings_with_hive, f"weather-{uuid.uuid4().hex[:8]}"
    create_topics(settings.kafka, [log_topic(settings.kafka, topic, 1, 7 * DAY_MS, 1_000_000)])
    feed = FeedFile(SHIPPED / "weather.toml").feed({"topic": topic, "root": f"{settings.hdfs.root}/weather"}, {})
    current = json.loads((SHIPPED / "examples/weather/current.json").read_text())
    night = 1_700_430_000  # 2023-11-19 22:40 in Paris
    polls = [{"current": current | {"dt": night + 600 * slot}, "forecast": None, "slot": slot} for slot in range(12)]
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap})
    for poll in (*polls, {"current": None}):
        producer.produce(topic, json.dumps(poll).encode())
    assert producer.flush(30) == 0
    run_feed(settings, feed, RunOptions(until_drained=True, only=("postgres", "hdfs", "hive")), threading.Event())
    shop = Shop(settings)
    rows = shop.select(
        "SELECT event_time, kafka_partition, kafka_offset, get_json_object(value, '$.slot'), ingestion_time "
        "FROM weather_data ORDER BY kafka_offset"
    )
    local = [datetime.fromtimestamp(night + 600 * slot, ZoneInfo("Europe/Paris")) for slot in range(12)]
    assert [row[:4] for row in rows] == [
        (f"{at:%Y-%m-%d %H:%M:%S}", 0, slot, str(slot)) for slot, at in enumerate(local)
    ]
    assert [(each.sink, each.kept, each.rejected, each.wrong) for each in verify_feed(settings, feed)] == [
        ("postgres", 12, 1, ()),
        ("hdfs", 12, 0, ()),
        ("hive", 12, 0, ()),
    ]
