"""Heartbeats: the spouts that count each partition now. Each spout sends some, and `trends status` reads them.

They take no part in the protocol: lanes keep the counts exact, with any number of spouts. Times are the server's, so
heartbeats of several machines compare.

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

from serving.views.client import mongo_errors
from serving.views.documents import WRITERS
from serving.views.store import Store
from speed_layer.lanes import progress_id

FRESH_S = 30
"""A spout whose last heartbeat is older does not count now. It sends one about every 5 s."""
_EXPIRE_S = 3_600


class Heartbeat(NamedTuple):
    """The last heartbeat of one spout for one partition."""

    partition: int
    writer: str
    """`hashtag_counts at host:123`: its topology, machine and process."""
    since: datetime
    last_seen: datetime


class Heartbeats:
    """The heartbeats of one spout."""

    def __init__(self, store: Store, topic: str, topology: str) -> None:
        self._writers = store.collection(WRITERS)
        self._timeout_s = store.settings.timeout_s
        self._topic = topic
        self._name = f"{topology} at {socket.gethostname()}:{os.getpid()}"
        self._uuid = uuid4().hex

    def send(self, partitions: Iterable[int]) -> None:
        """Record that the spout counts these partitions. Raises `UnavailableError`."""
        heartbeats = [self._heartbeat(partition) for partition in partitions]
        if heartbeats:
            with mongo_errors(), pymongo.timeout(self._timeout_s):
                self._writers.bulk_write(heartbeats, ordered=False)

    def _heartbeat(self, partition: int) -> UpdateOne:
        own = {"topic": self._topic, "partition": partition, "writer": self._name}
        times = {
            "since": {"$ifNull": ["$since", "$$NOW"]},
            "seen": "$$NOW",
            "expires": {"$add": ["$$NOW", _EXPIRE_S * 1000]},
        }
        return UpdateOne(
            {"_id": f"{progress_id(self._topic, partition)}|{self._uuid}"},
            [{"$set": {name: {"$literal": value} for name, value in own.items()} | times}],
            upsert=True,
        )


def read_heartbeats(store: Store, topic: str) -> list[Heartbeat]:
    """The fresh heartbeats, by partition. Raises `UnavailableError`."""
    fresh = {"$gt": ["$seen", {"$subtract": ["$$NOW", FRESH_S * 1000]}]}
    with mongo_errors(), pymongo.timeout(store.settings.timeout_s):
        documents = (
            store.collection(WRITERS).find({"topic": topic, "$expr": fresh}).sort([("partition", 1), ("writer", 1)])
        )
        heartbeats = [Heartbeat(each["partition"], each["writer"], each["since"], each["seen"]) for each in documents]
    return drop_replaced(heartbeats)


def drop_replaced(heartbeats: list[Heartbeat]) -> list[Heartbeat]:
    """Leave out each spout whose last heartbeat came before another spout of its partition began: it is dead."""
    return [
        heartbeat
        for heartbeat in heartbeats
        if not any(other.partition == heartbeat.partition and other.since > heartbeat.last_seen for other in heartbeats)
    ]
