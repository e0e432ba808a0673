"""The shipped feeds `hashtag` and `fitness` from a file to their tables: what PyHive gives, against json and csv."""

import csv
import json
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyhive import hive

from batch_layer.feeds.feed_verify import verify_feed
from config.settings import Settings
from config.settings.logins import hive_login
from ingest.feeds.declaration.model import HiveSink, PostRecords
from ingest.feeds.demo.fitness_rows import CHEAP, fitness_csv
from tests.support.kafka import committed
from tests.support.notebooks import execute, pictures, texts
from tests.support.shipped_feeds import changed_feed, run_to_the_end, shipped, topic_of

POSTS, PACKET = 300, 31
ROWS = 500
NOON = datetime(2024, 4, 22, 12, tzinfo=UTC)


def select(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    login = hive_login(settings)
    with closing(hive.connect(login["host"], login["port"], "anybody", database=settings.hive.database)) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def posts() -> list[dict[str, Any]]:
    """Every third post has the tag, in one of three spellings."""
    tags = ["#BigData", "#bigdata é '; DROP TABLE tweets", "x #BIGDATA #hive"]
    return [
        {
            "id": str(10_000 + number), "lang": "fr" if number % 2 else "en",
            "created_at": (NOON + timedelta(minutes=number)).isoformat().replace("+00:00", "Z"),
            "text": f"post {number} {tags[number // 3 % 3] if number % 3 == 0 else '#bigdatas nothing'}",
        }
        for number in range(POSTS)
    ]  # fmt: skip


def test_posts_with_a_tag_are_in_hive_once_in_packets(settings_with_hive: Settings, tmp_path: Path) -> None:
    settings, path = settings_with_hive, tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(post) + "\n" for post in posts()))
    feed = shipped(settings, "hashtag", tmp_path, tag="bigdata")
    source, table = feed.declaration.source, feed.declaration.sinks["hive"]
    assert isinstance(source, PostRecords)
    assert isinstance(table, HiveSink)
    packets = table.model_copy(update={"packet": table.packet.model_copy(update={"messages": PACKET})})
    feed = changed_feed(
        feed, source=source.model_copy(update={"from_": "file", "path": str(path)}), sinks={"hive": packets}
    )
    run_to_the_end(settings, feed)
    with path.open() as lines:
        wanted = [post for post in map(json.loads, lines) if "#bigdata" in post["text"].lower().split()]
    rows = select(settings, "SELECT id, created_at, source, lang, text, tags, kafka_offset FROM tweets ORDER BY id")
    assert [row[:1] + row[2:5] for row in rows] == [(post["id"], "x", post["lang"], post["text"]) for post in wanted]
    at = [datetime.fromisoformat(post["created_at"]).replace(tzinfo=None) for post in wanted]
    assert [datetime.fromisoformat(str(row[1])) for row in rows] == at
    assert [json.loads(row[5]) for row in rows] == [
        ["bigdata", "hive"] if "#hive" in post["text"] else ["bigdata"] for post in wanted
    ]
    sent = committed(settings.kafka.bootstrap, topic_of(feed))
    assert [row[6] for row in rows] == [message.offset() for message in sent]
    files = select(settings, "SELECT count(*) FROM tweets GROUP BY input_file_name()")
    assert sorted(Counter(size for (size,) in files).items()) == sorted(
        Counter([PACKET] * (len(wanted) // PACKET) + [len(wanted) % PACKET]).items()
    )
    (recount,) = verify_feed(settings, feed)
    assert (recount.kept, recount.rejected, recount.wrong) == (len(wanted), 0, ())


def test_rows_of_a_csv_are_typed_in_hive_and_each_is_there_once(
    settings_with_hive: Settings, settings_file: Path, tmp_path: Path
) -> None:
    """The rows of the demo of this feed, which its notebook queries at the end."""
    settings, path = settings_with_hive, tmp_path / "fitness_trackers.csv"
    path.write_text(fitness_csv(1, ROWS))
    feed = shipped(settings, "fitness", tmp_path, file=str(path))
    run_to_the_end(settings, feed)
    with path.open(newline="", encoding="utf-8") as lines:
        read = list(csv.DictReader(lines, strict=True))
    wanted = [typed(row) for row in read if row["Selling Price"] != "cheap"]
    assert len(wanted) == ROWS - ROWS // CHEAP
    names = ", ".join(wanted[0])
    rows = select(settings, f"SELECT {names} FROM fitness_trackers ORDER BY model")
    assert rows == sorted((tuple(row.values()) for row in wanted), key=lambda row: str(row[2]))
    places = select(settings, "SELECT kafka_partition, kafka_offset FROM fitness_trackers")
    sent = {(each.partition(), each.offset()) for each in committed(settings.kafka.bootstrap, topic_of(feed))}
    assert len(set(places)) == len(wanted)
    assert set(places) <= sent
    assert [(each.sink, each.kept, each.rejected, each.wrong) for each in verify_feed(settings, feed)] == [
        ("staging", ROWS, 0, ()),
        ("hive", len(wanted), ROWS // CHEAP, ()),
    ]
    reasons = [
        dict(each.headers() or ())["reason"] for each in committed(settings.kafka.bootstrap, settings.kafka.rejects)
    ]
    assert all(isinstance(each, bytes) and each.startswith(b"\"selling_price\": 'cheap'") for each in reasons)
    variables = {"TRENDS_CONFIG": str(settings_file), "FITNESS_TABLE": "fitness_trackers"}
    kept, now = execute("fitness.ipynb", tmp_path, **variables)
    assert texts(now) == texts(kept)
    assert pictures(now) == pictures(kept) == 2


def typed(row: dict[str, str]) -> dict[str, Any]:
    """A row of the table."""

    def number(name: str) -> int | None:
        return int(Decimal(row[name].replace(",", ""))) if row[name] else None

    return {
        "brand": row["Brand Name"].strip(), "device_type": row["Device Type"], "model": row["Model Name"],
        "color": row["Color"], "selling_price": number("Selling Price"), "original_price": number("Original Price"),
        "display": row["Display"], "rating": float(row["Rating (Out of 5)"]) if row["Rating (Out of 5)"] else None,
        "strap": row["Strap Material"], "battery_days": number("Average Battery Life (in days)"),
        "reviews": number("Reviews"),
    }  # fmt: skip
