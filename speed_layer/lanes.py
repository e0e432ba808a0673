"""Lanes: progress and lanes in MongoDB. A spout reads them when it starts, and writes progress.

progress {_id: "hashtags/3@<lineage>", next, topic_id}          everything below `next` is counted; saved now and then
lanes    {_id: "<lineage>|3|2017-01-06T07", next, expires}      may be ahead of progress; only `lane_commit` writes them

The *lineage* is Kafka's id of the topic: a recreated topic has positions of its own, and so has a topic of another
Kafka. State of earlier versions has none: `hashtags/3`, `3|2017-01-06T07`. The first spout that starts adopts it for
its topic, by writing the topic's id into that progress. If the topic ends before that progress, it was recreated: then
counting begins with the new topic. So an empty lineage stands for one topic, too.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import pymongo
from pymongo import UpdateOne

from serving.views.client import mongo_errors
from serving.views.documents import LANES, PROGRESS
from serving.views.store import Store
from speed_layer.lane_update import NO_LANE, lane_id

log = logging.getLogger(__name__)


class PartitionState(NamedTuple):
    """How far the speed layer has counted one partition."""

    progress: int
    """Everything below is counted."""
    ahead: dict[str, int]
    """The next of each lane that is beyond progress, by hour."""


class Lanes:
    """Progress and lanes of one topic, by majority reads. Raises `UnavailableError`."""

    def __init__(self, store: Store, topic: str) -> None:
        self._lanes = store.collection(LANES)
        self._progress = store.collection(PROGRESS)
        self._topic = topic
        self._timeout_s = store.settings.timeout_s

    def lineage(self, partition: int, topic_id: str, end: int, *, adopt: bool = True) -> str:
        """The lineage of a partition's positions: empty if the topic owns those of earlier versions.

        `topic_id`: of the topic now, empty if Kafka has none. `end`: of the partition.
        """
        if not topic_id:
            return ""
        name = progress_id(self._topic, partition)
        with mongo_errors(), pymongo.timeout(self._timeout_s):
            document = self._progress.find_one({"_id": name})
            if document is None and self._has_unnamed_lanes(partition):
                document = {"_id": name, "next": 0}
            if document is None:
                return topic_id
            owner = document.get("topic_id")
            if owner is None and document["next"] <= end:
                owner = self._adopt(name, topic_id) if adopt else topic_id
        if owner != topic_id:
            log.info("%s: recreated, or of another Kafka: counting under its id %s", name, topic_id)
        return "" if owner == topic_id else topic_id

    def _adopt(self, name: str, topic_id: str) -> str:
        """Assign the state of earlier versions to a topic unless another spout has; the id of its topic."""
        self._progress.update_one({"_id": name}, {"$setOnInsert": {"next": 0}}, upsert=True)
        self._progress.update_one({"_id": name, "topic_id": {"$exists": False}}, {"$set": {"topic_id": topic_id}})
        document = self._progress.find_one({"_id": name}) or {}
        return str(document.get("topic_id", ""))

    def _has_unnamed_lanes(self, partition: int) -> bool:
        """Whether an earlier version has counted in this partition, and neither it nor another topic saved progress."""
        if self._lanes.find_one({"_id": _of_partition(partition, "")}) is None:
            return False
        return self._progress.find_one({"_id": re.compile(rf"/{partition:d}$")}) is None

    def read(self, partition: int, lineage: str = "") -> PartitionState:
        """Where to read a partition from, and which lanes are ahead of that."""
        with mongo_errors(), pymongo.timeout(self._timeout_s):
            document = self._progress.find_one({"_id": progress_id(self._topic, partition, lineage)})
            progress = 0 if document is None else int(document["next"])
            ahead = self._lanes.find({"_id": _of_partition(partition, lineage), "next": {"$gt": progress}})
            return PartitionState(progress, {_hour(lane["_id"]): int(lane["next"]) for lane in ahead})

    def next_of(self, partition: int, hours: Iterable[str], lineage: str = "") -> dict[str, int]:
        """The next of some lanes; `NO_LANE` if one does not exist."""
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
        """Remove lanes below the *saved* progress that expire before a moment; their hours."""
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
