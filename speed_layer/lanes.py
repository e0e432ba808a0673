"""Progress and lanes as they are stored: what a spout reads when it starts, and the little that it writes.

progress {_id: "hashtags/3@<lineage>", next, topic_id}          below it everything is counted; written now and then
lanes    {_id: "<lineage>|3|2017-01-06T07", next, expires}      may be ahead of progress; written by `counters` alone

The *lineage* is Kafka's id of the topic: a topic that was deleted and recreated has positions of its own, and so has a
topic of another Kafka. State of earlier versions has none: `hashtags/3`, `3|2017-01-06T07`. Whoever starts first adopts
it for the topic that he sees, by writing the topic's id into that progress, unless the topic ends before what is
counted: then it was recreated, and counting begins with the new topic. So an empty lineage stands for one topic, too.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import pymongo
from pymongo import UpdateOne

from serving.views.client import Store, mongo_errors
from serving.views.documents import LANES, PROGRESS
from speed_layer.lane_update import NO_LANE, lane_id

log = logging.getLogger(__name__)


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

    def lineage(self, partition: int, topic_id: str, end: int, *, adopt: bool = True) -> str:
        """Under which name the positions of a partition lie: empty where the topic owns those of earlier versions.

        `topic_id`: of the topic as it is now, empty where Kafka has none. `end`: where the partition ends.
        """
        if not topic_id:
            return ""
        name = progress_id(self._topic, partition)
        with mongo_errors(), pymongo.timeout(self._timeout_s):
            found = self._progress.find_one({"_id": name})
            if found is None and self._has_lanes_of_before(partition):
                found = {"_id": name, "next": 0}
            if found is None:
                return topic_id
            owner = found.get("topic_id")
            if owner is None and found["next"] <= end:
                owner = self._adopted(name, topic_id) if adopt else topic_id
        if owner != topic_id:
            log.info("%s: it was recreated, or is of another Kafka: counting under its id %s", name, topic_id)
        return "" if owner == topic_id else topic_id

    def _adopted(self, name: str, topic_id: str) -> str:
        """Write whose the state of earlier versions is, unless somebody has; whose it is."""
        self._progress.update_one({"_id": name}, {"$setOnInsert": {"next": 0}}, upsert=True)
        self._progress.update_one({"_id": name, "topic_id": {"$exists": False}}, {"$set": {"topic_id": topic_id}})
        found = self._progress.find_one({"_id": name}) or {}
        return str(found.get("topic_id", ""))

    def _has_lanes_of_before(self, partition: int) -> bool:
        """Whether an earlier version has counted in this partition and saved no progress, nor has any other topic."""
        if self._lanes.find_one({"_id": _of_partition(partition, "")}) is None:
            return False
        return self._progress.find_one({"_id": re.compile(rf"/{partition:d}$")}) is None

    def read(self, partition: int, lineage: str = "") -> Counted:
        """Where to read a partition from, and what of it is counted."""
        with mongo_errors(), pymongo.timeout(self._timeout_s):
            found = self._progress.find_one({"_id": progress_id(self._topic, partition, lineage)})
            progress = 0 if found is None else int(found["next"])
            ahead = self._lanes.find({"_id": _of_partition(partition, lineage), "next": {"$gt": progress}})
            return Counted(progress, {_hour(lane["_id"]): int(lane["next"]) for lane in ahead})

    def next_of(self, partition: int, hours: Iterable[str], lineage: str = "") -> dict[str, int]:
        """The next of some lanes; `NO_LANE` for one that does not exist."""
        nexts = dict.fromkeys(hours, NO_LANE)
        ids = [lane_id(partition, hour, lineage) for hour in nexts]
        with mongo_errors(), pymongo.timeout(self._timeout_s):
            for lane in self._lanes.find({"_id": {"$in": ids}}):
                nexts[_hour(lane["_id"])] = int(lane["next"])
        return nexts

    def save(self, positions: Mapping[int, int], lineages: Mapping[int, str] | None = None) -> None:
        """Raise the progress of partitions, each of its lineage. It never goes back."""
        raised = [_raise(self._topic, number, at, (lineages or {}).get(number, "")) for number, at in positions.items()]
        if raised:
            with mongo_errors(), pymongo.timeout(self._timeout_s):
                self._progress.bulk_write(raised, ordered=False)

    def sweep(self, partition: int, progress: int, before: datetime, most: int, lineage: str = "") -> list[str]:
        """Remove lanes that the *saved* progress has passed and that expire before a moment. Their hours."""
        of_partition = _of_partition(partition, lineage)
        passed = {"_id": of_partition, "next": {"$lte": progress}, "expires": {"$lt": before}}
        with mongo_errors(), pymongo.timeout(self._timeout_s):
            ids = [lane["_id"] for lane in self._lanes.find(passed, {"_id": True}).limit(most)]
            if ids:
                self._lanes.delete_many(passed | {"_id": {"$in": ids}})
            return [_hour(each) for each in ids]


def progress_id(topic: str, partition: int, lineage: str = "") -> str:
    """`_id` of a partition's progress."""
    return f"{topic}/{partition}@{lineage}" if lineage else f"{topic}/{partition}"


def _raise(topic: str, partition: int, position: int, lineage: str) -> UpdateOne:
    change: dict[str, dict[str, Any]] = {"$max": {"next": position}}
    if lineage:
        change["$set"] = {"topic_id": lineage}
    return UpdateOne({"_id": progress_id(topic, partition, lineage)}, change, upsert=True)


def _of_partition(partition: int, lineage: str) -> dict[str, str]:
    lane = lane_id(partition, "", lineage)[:-1]
    return {"$gte": f"{lane}|", "$lt": f"{lane}}}"}  # `}` follows `|`


def _hour(lane: str) -> str:
    return lane.rsplit("|", 1)[1]
