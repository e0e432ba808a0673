"""What tests of the batch layer share: posts made by hand, a batch layer whose Spark all tests use, its documents."""

from collections.abc import Iterable
from typing import Any

import bson

from batch_layer.archive.reading.ledger import Ledger
from batch_layer.plan import Plan
from batch_layer.runner import BatchRunner
from batch_layer.spark.session import Engine
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from ingest.rule.hashtags import AS_IS, Rule
from serving.views.documents import HOURS, USES
from serving.views.store import Store

FIRST = Hour.parse("2013-04-15T12")


def post(post_id: int, hours: int, text: str, tags: tuple[str, ...] | None = None) -> Post:
    """A post of the hour that many after the first."""
    at = FIRST.plus(hours).start_ms + post_id % 3_600_000
    return Post(id=str(post_id), source="x", created_at=at, received_at=at, text=text, tags=tags)


class Layers:
    """Batch layers of one test; all of them compute with the Spark session that tests share."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self._made: list[BatchRunner] = []

    def __call__(self, rule: Rule = AS_IS, until: Hour | None = None, settings: Settings | None = None) -> BatchRunner:
        """A batch layer; hours before `until` are complete, or all of them."""

        def complete_until(ledger: Ledger) -> Hour:
            return until or _after(ledger.hours())

        made = BatchRunner(settings or self._settings, lambda: rule, lambda: 1_700_000_000_000, complete_until)
        made.engine = self._engine
        self._made.append(made)
        return made

    def close(self) -> None:
        """Give all connections back; Spark stays."""
        for made in self._made:
            made.store.close()


def run_missing(batch: BatchRunner) -> Plan:
    """Plan what is missing, and run it."""
    plan = batch.plan_missing()
    batch.run(plan)
    return plan


def documents(store: Store) -> dict[Hour, dict[str, Any]]:
    """All batch documents."""
    return {Hour.parse(each["hour"]): each for each in store.collection(HOURS).find()}


def as_bytes(store: Store, hours: Iterable[Hour]) -> dict[Hour, bytes]:
    """Batch documents as they lie, byte for byte."""
    there = documents(store)
    return {hour: bson.encode(there[hour]) for hour in hours}


def top(document: dict[str, Any], n: int = 1_000) -> list[tuple[str, int]]:
    """A document's first rows."""
    return [(row["tag"], row["count"]) for row in document["top"][:n]]


def speed_row(store: Store, hour: Hour, tag: str) -> None:
    """A row as the speed layer leaves it."""
    store.collection(USES).insert_one({"_id": f"{hour}|{tag}", "hour": str(hour), "tag": tag, "shown": tag, "count": 7})


def speed_hours(store: Store) -> set[Hour]:
    """The hours that have speed rows."""
    return {Hour.parse(each) for each in store.collection(USES).distinct("hour")}


def _after(hours: list[Hour]) -> Hour:
    return hours[-1].plus(1) if hours else FIRST
