"""A feed of stations into a CSV and two other topics, and what they have to hold: counted by csv and a plain consumer.

`python -m tests.support.station_feed SETTINGS NAME DECLARATION SINK STEP NTH SIGNAL` is a stage that kills or freezes
itself behind a step; the step `transaction` is the moment before a commit.
"""

import csv
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from batch_layer.sinks.contract import Place
from batch_layer.sinks.stages import FeedStage, open_place
from bench.harness import stack_settings
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.kafka.topics import create_topics, log_topic
from ingest.kafka.transactions import Transactions
from tests.support.kafka import committed
from tests.support.wait import until

PARTITIONS = 2
NAMES = ["Toudouze - Clauzel", "Abbessès", "Mairie de Rosny-sous-Bois", 'Bercy, "quai"', "Clauzelle\nnord"]
KEYWORDS = [["clauzel"], ["abbesses"], ["mairie"], [], []]
"""What each name matches, worked out by hand: whole words, blind to case and accents."""
WATCHED = [[], [], ["Rosny-sous-Bois"], [], []]
BROKEN = b"no JSON"
Copies = Counter[tuple[str, bytes | None, bytes, tuple[str, ...]]]
"""Origin, key, value and matched words of each copy."""


class Stations:
    """The feed, on a topic that no other test has."""

    def __init__(self, settings: Settings, settings_file: Path, folder: Path, packet: int = 7) -> None:
        self.settings, self.settings_file = settings, settings_file
        name = uuid.uuid4().hex[:10]
        self.topic, self.csv = f"Q1-{name}", folder / "velib.csv"
        self.copies = {"keywords": f"Q2-{name}", "names": f"Q3-{name}"}
        packet_table = {"messages": packet, "after": "0.5s"}
        self.declared: dict[str, Any] = {
            "about": "stations",
            "topic": {"name": self.topic, "partitions": PARTITIONS},
            "watched": {"Montmartre": ["abbesses", "clauzel"], "Rosny-sous-Bois": ["mairie"]},
            "columns": {
                "p": {"from": "$partition", "type": "int"},
                "o": {"from": "$offset", "type": "bigint"},
                "name": {"from": "name", "type": "string"},
            },
            "sinks": {
                "csv": {"type": "csv", "file": str(self.csv), "packet": packet_table},
                "keywords": {
                    "type": "topic", "topic": self.copies["keywords"], "packet": packet_table,
                    "where": {"watched": "keywords", "in": ["name"]},
                },
                "names": {
                    "type": "topic", "topic": self.copies["names"], "packet": packet_table,
                    "where": {"watched": "names", "in": ["name"]},
                },
            },
        }  # fmt: skip
        self.feed = NamedFeed(f"f{name}", Feed.model_validate(self.declared))
        self.make_topic()
        self._producer = self._connect()
        self._sent = 0

    def make_topic(self) -> None:
        kafka = self.settings.kafka
        create_topics(kafka, [log_topic(kafka, self.topic, PARTITIONS, 3_600_000, 1_000_000)])

    def recreate_topic(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.settings.kafka.bootstrap})
        admin.delete_topics([self.topic])[self.topic].result(30)
        until(lambda: self.topic not in admin.list_topics(timeout=10).topics, lambda: "it is still there", 30)
        self.make_topic()
        self._producer = self._connect()

    def send(self, count: int) -> None:
        """Stations, each tenth of them broken, in transactions of ten; markers lie between them."""
        for start in range(0, count, 10):
            self._producer.begin_transaction()
            for _ in range(min(10, count - start)):
                number = self._sent
                value = json.dumps({"n": number, "name": NAMES[number % len(NAMES)]}).encode()
                if number % 10 == 9:
                    value = BROKEN
                key = None if number % 3 == 0 else b"k%d" % number
                self._producer.produce(self.topic, value, key, partition=number % PARTITIONS)
                self._sent += 1
            self._producer.commit_transaction(30)

    def _connect(self) -> Producer:
        options = {"bootstrap.servers": self.settings.kafka.bootstrap, "transactional.id": uuid.uuid4().hex}
        producer = Producer(options)
        producer.init_transactions(30)
        return producer

    def drain(self, sink: str, from_now: bool = False) -> None:
        FeedStage(self.settings, self.feed, sink, from_now=from_now).run(True, threading.Event(), lambda _: None)

    def run_until_killed(self, sinks: Sequence[str], step: str, nth: int = 1) -> None:
        """A process for each of some sinks, which kills itself there."""
        for process in [self.start(sink, step, nth) for sink in sinks]:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == -signal.SIGKILL, errors

    def start(
        self, sink: str, step: str = "-", nth: int = 1, end: signal.Signals = signal.SIGKILL
    ) -> "subprocess.Popen[str]":
        where = [str(self.settings_file), self.feed.name, json.dumps(self.declared), sink]
        arguments = [*where, step, str(nth), str(int(end))]
        return subprocess.Popen(
            [sys.executable, "-m", __name__, *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )

    def place(self, sink: str) -> Place:
        return open_place(self.settings, self.feed, sink)

    def accepted(self) -> list[tuple[int, int, bytes | None, bytes]]:
        messages = committed(self.settings.kafka.bootstrap, self.topic)
        return [(each.partition(), each.offset(), each.key(), each.value()) for each in messages]

    def check_csv(self, skipped: Callable[[int, int], bool] = lambda *_: False) -> None:
        """Each station once in the CSV, in the order of its partition."""
        with self.csv.open(newline="", encoding="utf-8") as lines:
            rows = [(int(row["p"]), int(row["o"]), row["name"]) for row in csv.DictReader(lines, strict=True)]
        expected = [
            (partition, offset, json.loads(value)["name"])
            for partition, offset, _, value in self.accepted()
            if value != BROKEN and not skipped(partition, offset)
        ]
        for partition in range(PARTITIONS):
            assert [row for row in rows if row[0] == partition] == [row for row in expected if row[0] == partition]
        self.check_sum("csv")

    def check_copies(self, sink: str, skipped: Callable[[int, int], bool] = lambda *_: False) -> None:
        """Each station that matches once in the other topic, with its key and value and what matched."""
        words = KEYWORDS if sink == "keywords" else WATCHED
        expected: Copies = Counter()
        for partition, offset, key, value in self.accepted():
            if value != BROKEN and not skipped(partition, offset):
                matched = words[json.loads(value)["n"] % len(NAMES)]
                if matched:
                    expected[f"{self.topic}/{partition}@{offset}", key, value, tuple(matched)] += 1
        assert self.copied(sink) == expected
        self.check_sum(sink)

    def copied(self, sink: str) -> Copies:
        found: Copies = Counter()
        for each in committed(self.settings.kafka.bootstrap, self.copies[sink]):
            headers = list(each.headers())
            matched = tuple(value.decode() for name, value in headers if name == "matched")
            found[dict(headers)["from"].decode(), each.key(), each.value(), matched] += 1
        return found

    def check_sum(self, sink: str) -> None:
        """kept + rejected + left out + gaps = accepted, and nothing is behind."""
        standings = self.place(sink).standings()
        for partition in range(PARTITIONS):
            offsets = [offset for number, offset, _, _ in self.accepted() if number == partition]
            each = standings[partition]
            lost = sum(any(start <= offset < end for start, end, _ in each.gaps) for offset in offsets)
            assert each.kept + each.rejected + each.left_out + lost == len(offsets)
            assert each.position > max(offsets, default=-1)


def signal_at(step: str, nth: int, end: int) -> Callable[[str], None]:
    """Sends a signal to this process when a step has ended for the nth time."""
    left = [nth]

    def die(name: str) -> None:
        left[0] -= name == step
        if name == step and not left[0]:
            os.kill(os.getpid(), end)

    return die


def run_stage(arguments: Sequence[str]) -> None:
    file, name, declared, sink, step, nth, end = arguments
    logging.basicConfig(level=logging.WARNING)
    die = signal_at(step, int(nth), int(end))
    if step == "transaction":
        commit = Transactions._commit

        def die_before(transactions: Transactions) -> None:
            transactions._kafka.flush(10)
            die(step)
            commit(transactions)

        Transactions._commit = die_before  # type: ignore[method-assign,assignment]
    feed = NamedFeed(name, Feed.model_validate_json(declared))
    settings = stack_settings.read(Path(file))
    FeedStage(settings, feed, sink, after_step=die).run(False, threading.Event(), lambda _: None)


def stop(processes: Iterable["subprocess.Popen[str]"]) -> None:
    for process in processes:
        process.kill()
        process.communicate(timeout=30)


if __name__ == "__main__":
    run_stage(sys.argv[1:])
