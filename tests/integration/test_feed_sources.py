"""Sources of feeds on a real Kafka: rows, words and posts in their topic once, whatever is killed."""

import csv
import itertools
import json
import re
import threading
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Message, Producer

from bench.harness import stack_settings
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.catalog import Catalog
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.feeds.source_runner import run_source, topics_of
from ingest.kafka.topic_ids import OtherTopicError
from ingest.kafka.topics import create_topics
from ingest.producer import Committed
from ingest.rejects.reject import outstanding_rejects
from ingest.standings import standings
from serving.cli.commands.rejects import rejects
from tests.support.feed_source_process import run
from tests.support.kafka import committed
from tests.support.live_servers import JetstreamHost, jetstream
from tests.support.recreated import recreate

HEADER = "Brand Name,Model Name,Color,Selling Price,Reviews\n"
ROWS = [
    'OnePlus ,Band,"Black, ""Onyx""","2,499",\n',
    "Xiaomi,Mi Band 5,Noir ébène,,\n",
    'Fitbit,Luxe,,"17,999","4,142"\n',
]
KEY = '{brand: "Brand Name", model: "Model Name"}'

MINE = """about = "rows of a CSV"
[vars]
topic = { needed = true }
[source]
type = "file"
format = "csv"
path = "PATH"
at = '"TIME"'
[topic]
name = "{topic}"
key = '"Model Name"'
[sinks.csv]
type = "csv"
file = "a.csv"
[sinks.csv.columns]
n = { from = "Reviews", type = "string" }
"""


def event(n: int, text: str) -> bytes:
    record = {"text": text, "createdAt": "2026-07-04T14:38:06Z", "tags": [f"t{n % 2}"]}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"r{n}", "rev": "1", "record": record}
    told = {"did": "did:plc:a", "time_us": 1_783_175_888_090_631 + n, "kind": "commit", "commit": commit}
    return json.dumps(told).encode() + b"\n"


def feed(settings: Settings, source: dict[str, Any], **topic: Any) -> NamedFeed:
    declared = {
        "about": "", "source": source, "topic": {"name": f"feed-{settings.kafka.posts}", **topic},
        "sinks": {"csv": {"type": "csv", "file": "a.csv"}},
    }  # fmt: skip
    return NamedFeed("fitness", Feed.model_validate(declared))


def trackers(tmp_path: Path, count: int) -> dict[str, Any]:
    file = tmp_path / "trackers.csv"
    file.write_text(HEADER + "".join(ROWS[n % 3].replace("\n", f"{n}\n") for n in range(count)))
    return {"type": "file", "path": str(file), "format": "csv"}


def append(tmp_path: Path, rows: str) -> None:
    with (tmp_path / "trackers.csv").open("a") as file:
        file.write(rows)


def messages_of(settings: Settings, declared: NamedFeed) -> list[Message]:
    assert declared.declaration.topic is not None
    return committed(settings.kafka.bootstrap, declared.declaration.topic.name)


def values_of(settings: Settings, declared: NamedFeed) -> list[Any]:
    return [json.loads(message.value() or b"") for message in messages_of(settings, declared)]


def bring(settings: Settings, declared: NamedFeed, **options: Any) -> Committed:
    return run_source(settings, declared, threading.Event(), **options)


def test_rows_of_a_csv_are_messages_with_keys_and_each_delivery_is_told(settings: Settings, tmp_path: Path) -> None:
    declared = feed(settings, trackers(tmp_path, 30), partitions=4, key=KEY)
    lines: list[str] = []
    done = bring(settings, declared, deliver=lines.append)
    messages = messages_of(settings, declared)
    assert done.counts.posts == len(messages) == 30
    assert {message.key() for message in messages} == {
        b'{"brand":"Fitbit","model":"Luxe"}',
        b'{"brand":"OnePlus ","model":"Band"}',
        b'{"brand":"Xiaomi","model":"Mi Band 5"}',
    }
    value = json.loads(messages[0].value() or b"")
    assert set(value) == set(HEADER.strip().split(","))
    assert {v["Selling Price"] for v in values_of(settings, declared)} == {"2,499", "", "17,999"}
    topic = messages[0].topic()
    assert sorted(lines[:-1]) == sorted(f"{topic}/{m.partition()}@{m.offset()} delivered" for m in messages)
    assert lines[-1] == "committed 30"
    assert bring(settings, declared).counts.posts == 0


def test_a_kill_between_any_two_steps_loses_and_doubles_no_row(settings_file: Path, tmp_path: Path) -> None:
    file = stack_settings.override(settings_file, tmp_path / "few.toml", {"ingest": {"transaction_posts": 4}}, {})
    settings = stack_settings.read(file)
    declared = feed(settings, trackers(tmp_path, 40), key=KEY)
    kills = 0
    for step in itertools.count(1):
        ran = run(file, declared, step)
        if ran.returncode == 0:
            break
        assert ran.returncode == -9, ran.stderr
        kills += 1
    assert kills >= 8
    found = Counter(value["Reviews"] for value in values_of(settings, declared))
    assert found == {("" if n % 3 < 2 else "4,142") + str(n): 1 for n in range(40)}


def test_a_corpus_of_a_thousand_words_is_a_thousand_messages_resumed_in_the_middle(
    settings: Settings, tmp_path: Path
) -> None:
    few = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"transaction_posts": 70})})
    file = tmp_path / "corpus.txt"
    file.write_text("".join(f"word{n}" + (".\n" if n % 25 == 24 else ", ") for n in range(1_000)))
    declared = feed(few, {"type": "file", "path": str(file), "format": "words"})
    stop = threading.Event()
    half = run_source(few, declared, stop, lambda done: stop.set() if done.counts.posts >= 400 else None)
    assert 400 <= half.counts.posts < 1_000
    rest = bring(few, declared)
    assert half.counts.posts + rest.counts.posts == 1_000
    values = values_of(few, declared)
    assert [value["word"] for value in values] == [f"word{n}" for n in range(1_000)]
    assert values[999] == {"word": "word999", "file": "corpus.txt", "line": 40}


def test_what_others_wrote_into_the_topic_stays_as_it_is(settings: Settings, tmp_path: Path) -> None:
    declared = feed(settings, trackers(tmp_path, 3))
    bring(settings, declared)
    foreign = [b"", b"\xff\xfe", b"no JSON", b"'; DROP TABLE x", b"x" * 900_000]
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap})
    for value in foreign:
        producer.produce(f"feed-{settings.kafka.posts}", value)
    producer.flush(30)
    append(tmp_path, "Garmin,Vivo,,,\n")
    assert bring(settings, declared).counts.posts == 1
    values = [message.value() for message in messages_of(settings, declared)]
    assert values[3:-1] == foreign
    assert len(values) == 9


def test_a_row_that_no_message_takes_is_a_reject_of_the_feed(settings: Settings, tmp_path: Path) -> None:
    declared = feed(settings, trackers(tmp_path, 3))
    append(tmp_path, "too,few\n" + "x" * 5_000_000 + ",b,c,d,e\n")
    assert bring(settings, declared).counts[:3] == (3, 0, 2)
    headers = [dict(reject.headers() or ()) for reject in committed(settings.kafka.bootstrap, settings.kafka.rejects)]
    assert [header["stage"] for header in headers] == [b"feed/fitness"] * 2
    assert [str(header["where"]).rpartition(":")[2] for header in headers] == ["5'", "6'"]


def test_a_delivery_that_fails_is_told_and_nothing_of_its_transaction_is_there(
    settings: Settings, tmp_path: Path
) -> None:
    declared = feed(settings, trackers(tmp_path, 3))
    append(tmp_path, Random(1).randbytes(4_000).hex() + ",b,c,d,e\n")
    spec, *others = topics_of(settings, declared)
    small = spec._replace(config=spec.config | {"max.message.bytes": "1000"})
    create_topics(settings.kafka, [small, *others])
    lines: list[str] = []
    with pytest.raises(TrendsError, match=r"max\.message\.bytes"):
        bring(settings, declared, deliver=lines.append)
    assert any(line.startswith(f"{small.name}: failed: ") for line in lines), lines
    assert messages_of(settings, declared) == []


def test_rejects_are_retried_once_the_file_of_the_feed_is_right(settings: Settings, tmp_path: Path) -> None:
    table = trackers(tmp_path, 3)
    append(tmp_path, "Garmin,Vivo,,2017-01-06,\ntoo,few\n")
    file, topic = tmp_path / "mine.toml", f"feed-{settings.kafka.posts}"
    text = MINE.replace("PATH", table["path"])
    file.write_text(text.replace("TIME", "Color"))
    own = settings.model_copy(update={"feeds": settings.feeds.model_copy(update={"folder": tmp_path})})
    bring(own, Catalog(own, frozenset()).feed("mine", {"topic": topic}))
    assert committed(own.kafka.bootstrap, topic) == []
    file.write_text(text.replace("TIME", "Selling Price"))
    words = ["retry", "--json", "--set", f"topic={topic}"]
    ran = CliRunner().invoke(rejects, words, obj=own, catch_exceptions=False)
    assert json.loads(ran.stdout) == {"retried": 5, "settled": 1, "failing": 4, "posts": 1, "uses": 0}
    (message,) = committed(own.kafka.bootstrap, topic)
    assert message.key() == b"Vivo"
    assert [parked.reject.stage for parked in outstanding_rejects(own.kafka)] == ["feed/mine"] * 4


def test_a_topic_that_was_made_anew_and_a_file_that_changed_are_refused(settings: Settings, tmp_path: Path) -> None:
    declared = feed(settings, trackers(tmp_path, 3))
    bring(settings, declared)
    recreate(settings, f"feed-{settings.kafka.posts}", topics_of(settings, declared))
    with pytest.raises(OtherTopicError, match="its records went to a topic"):
        bring(settings, declared)
    other = feed(settings, trackers(tmp_path, 3), name=f"other-{settings.kafka.posts}")
    bring(settings, other)
    (tmp_path / "trackers.csv").write_text("another,header\n1,2\n")
    with pytest.raises(TrendsError, match="the file has changed"):
        bring(settings, other)


def test_recorded_posts_by_tag(settings: Settings, test_data: Path) -> None:
    file = test_data / "crisislex_t6" / "2013_Boston_Bombings-ontopic_offtopic.csv"
    source = {"type": "posts", "from": "file", "path": str(file), "tag": "prayforboston"}
    done = bring(settings, feed(settings, source))
    found = values_of(settings, feed(settings, source))
    with file.open(newline="") as table:
        texts = [row[1] for row in csv.reader(table)]
    expected = [text for text in texts if re.search(r"(?<![\w&])#prayforboston(?!\w)", text, re.IGNORECASE)]
    assert done.counts.filtered + len(found) == len(texts) - 1
    assert len(found) == len(expected) > 100
    assert all("prayforboston" in value["tags"] for value in found)
    assert found[0]["source"] == "x"


def test_live_posts_by_tag_come_once_over_a_restart_and_the_state_is_told(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    events = [event(n, str(n)) for n in range(70)]
    source = {"type": "posts", "from": "jetstream", "tag": "t1"}

    def listen(host: JetstreamHost, count: int) -> None:
        with jetstream(host) as hosts:
            file = stack_settings.override(settings_file, tmp_path / "live.toml", {"jetstream": {"hosts": hosts}})
            own, stop = stack_settings.read(file), threading.Event()

            def report(done: Committed) -> None:
                if done.counts.posts + done.counts.filtered >= count:
                    stop.set()

            run_source(own, feed(own, source), stop, report)

    listen(JetstreamHost(events[:60]), 60)
    listen(JetstreamHost(events), 10)  # it gives the others again
    texts = [value["text"] for value in values_of(settings, feed(settings, source))]
    assert texts == [str(n) for n in range(1, 70, 2)]
    (standing,) = standings(settings.kafka)
    assert standing.name.startswith(f"feed/fitness/feed-{settings.kafka.posts}/jetstream:")
    assert standing.state.state == "stopped"
