"""Progress and lanes as they are stored: what a spout reads when it starts, and the little that it writes.

progress {_id: "hashtags/3", next}                   below it everything is counted; written now and then
lanes    {_id: "3|2017-01-06T07", next, expires}     may be ahead of progress; written by `counters` alone
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import pymongo
from pymongo import UpdateOne

from serving.store import Store, told
from serving.views import LANES, PROGRESS
from speed_layer.steps import NO_LANE, lane_id


class Counted(NamedTuple):
    """How far one partition is counted."""

    progress: int
    """Below it everything is counted."""
    ahead: dict[str, int]
    """The lanes that are beyond it: hour to next."""


class Lanes:
    """Progress and lanes of one topic. Reads see what a majority knows. Raises `UnavailableError`."""

    def __init__(self, store: Store, topic: str) -> None:
        self._lanes = store.collection(LANES)
        self._progress = store.collection(PROGRESS)
        self._topic = topic
        self._timeout_s = store.settings.timeout_s

    def read(self, partition: int) -> Counted:
        """Where to read a partition from, and what of it is counted."""
        with told(), pymongo.timeout(self._timeout_s):
            found = self._progress.find_one({"_id": progress_id(self._topic, partition)})
            progress = 0 if found is None else int(found["next"])
            ahead = self._lanes.find({"_id": _of_partition(partition), "next": {"$gt": progress}})
            return Counted(progress, {_hour(lane["_id"]): int(lane["next"]) for lane in ahead})

    def next_of(self, partition: int, hours: Iterable[str]) -> dict[str, int]:
        """The next of some lanes; `NO_LANE` for one that does not exist."""
        nexts = dict.fromkeys(hours, NO_LANE)
        with told(), pymongo.timeout(self._timeout_s):
            for lane in self._lanes.find({"_id": {"$in": [lane_id(partition, hour) for hour in nexts]}}):
                nexts[_hour(lane["_id"])] = int(lane["next"])
        return nexts

    def save(self, positions: Mapping[int, int]) -> None:
        """Raise the progress of partitions. It never goes back."""
        raised = [
            UpdateOne({"_id": progress_id(self._topic, partition)}, {"$max": {"next": position}}, upsert=True)
            for partition, position in positions.items()
        ]
        if raised:
            with told(), pymongo.timeout(self._timeout_s):
                self._progress.bulk_write(raised, ordered=False)

    def sweep(self, partition: int, progress: int, before: datetime, most: int) -> list[str]:
        """Remove lanes that the *saved* progress has passed and that expire before a moment. Their hours."""
        passed = {"_id": _of_partition(partition), "next": {"$lte": progress}, "expires": {"$lt": before}}
        with told(), pymongo.timeout(self._timeout_s):
            ids = [lane["_id"] for lane in self._lanes.find(passed, {"_id": True}).limit(most)]
            if ids:
                self._lanes.delete_many(passed | {"_id": {"$in": ids}})
            return [_hour(each) for each in ids]


def progress_id(topic: str, partition: int) -> str:
    """`_id` of a partition's progress."""
    return f"{topic}/{partition}"


def _of_partition(partition: int) -> dict[str, str]:
    return {"$gte": f"{partition}|", "$lt": f"{partition}}}"}  # `}` follows `|`


def _hour(lane: str) -> str:
    return lane.split("|", 1)[1]
