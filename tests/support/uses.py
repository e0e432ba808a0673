"""Uses: recorded ones written to Kafka, and those that the speed layer has counted."""

import csv
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer

from config.settings import Settings
from ingest.rule.hashtags import in_text, normalise
from ingest.wire import Use, encode
from serving.views.documents import USES
from serving.views.store import Store


def uses_of(file: Path) -> list[Use]:
    """The uses of a CrisisLex file, hours from the ids."""
    found = []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        for row in rows:
            number = row[0].strip().strip("'")
            written = ((int(number) >> 22) + 1288834974657) / 1000
            hour = datetime.fromtimestamp(written, UTC).strftime("%Y-%m-%dT%H")
            shown = {normalise(spelling): spelling for spelling in reversed(in_text(row[1]))}
            found += [Use(tag, hour, number, "x", spelling) for tag, spelling in shown.items()]
    return found


def produce(settings: Settings, uses: list[Use], every_s: float = 0.0, size: int = 500) -> None:
    """Write uses in transactions, paced; with them, in each, one message that nobody can read."""
    name = settings.kafka.hashtags
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "transactional.id": f"test-{name}"})
    producer.init_transactions(30)
    for begin in range(0, len(uses), size):
        producer.begin_transaction()
        for use in uses[begin : begin + size]:
            producer.produce(name, encode(use), key=use.tag)
        producer.produce(name, b"\xff not a use", key=str(begin))
        producer.commit_transaction(30)
        time.sleep(every_s)


def counted(settings: Settings) -> Counter[tuple[str, str]]:
    with Store(settings.mongo) as store:
        return Counter({(use["hour"], use["tag"]): use["count"] for use in store.collection(USES).find()})
