"""Writers: who counts which partition now. Each spout leaves a mark now and then, and `trends status` reads them.

They take no part in the protocol: lanes keep the counts exact, whoever writes. Times are the server's, so marks of
several machines compare.

writers {_id: "hashtags/3|<uuid of the spout>", topic, partition, writer, since, seen, expires}
"""

import os
import socket
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import pymongo
from pymongo import UpdateOne

from serving.views.client import Store, mongo_errors
from serving.views.documents import WRITERS
from speed_layer.lanes import progress_id

FRESH_S = 30
"""A spout that has left no mark for so long does not count now. It leaves one about every 5 s."""
_KEPT_S = 3_600


class Mark(NamedTuple):
    """One spout at one partition."""

    partition: int
    writer: str
    """`hashtag_counts at host:123`: its topology, machine and process."""
    since: datetime
    seen: datetime


class Writer:
    """One spout, which leaves marks."""

    def __init__(self, store: Store, topic: str, topology: str) -> None:
        self._writers = store.collection(WRITERS)
        self._timeout_s = store.settings.timeout_s
        self._topic = topic
        self._name = f"{topology} at {socket.gethostname()}:{os.getpid()}"
        self._uuid = uuid4().hex

    def mark(self, partitions: Iterable[int]) -> None:
        """Say that it counts these. Raises `UnavailableError`."""
        marks = [self._mark(partition) for partition in partitions]
        if marks:
            with mongo_errors(), pymongo.timeout(self._timeout_s):
                self._writers.bulk_write(marks, ordered=False)

    def _mark(self, partition: int) -> UpdateOne:
        own = {"topic": self._topic, "partition": partition, "writer": self._name}
        times = {
            "since": {"$ifNull": ["$since", "$$NOW"]},
            "seen": "$$NOW",
            "expires": {"$add": ["$$NOW", _KEPT_S * 1000]},
        }
        return UpdateOne(
            {"_id": f"{progress_id(self._topic, partition)}|{self._uuid}"},
            [{"$set": {name: {"$literal": value} for name, value in own.items()} | times}],
            upsert=True,
        )


def writing(store: Store, topic: str) -> list[Mark]:
    """Who counts now, by partition. Raises `UnavailableError`."""
    fresh = {"$gt": ["$seen", {"$subtract": ["$$NOW", FRESH_S * 1000]}]}
    with mongo_errors(), pymongo.timeout(store.settings.timeout_s):
        found = store.collection(WRITERS).find({"topic": topic, "$expr": fresh}).sort([("partition", 1), ("writer", 1)])
        marks = [Mark(each["partition"], each["writer"], each["since"], each["seen"]) for each in found]
    return current(marks)


def current(marks: list[Mark]) -> list[Mark]:
    """Without those that another has followed: who was last seen before the other began is dead."""
    return [
        mark
        for mark in marks
        if not any(other.partition == mark.partition and other.since > mark.seen for other in marks)
    ]
