"""Outbox: which hours the topic of finished hours still lacks. The marks are in MongoDB, beside the facts.

A publish replaces an hour's document together with its mark `unsent`, in one write. A reset deletes documents, and
notes their hours in `tops` before. So no crash separates a change from its mark. The marks exist whether the settings
want the topic or not: it can start at any time, with all of history.

    hours   {…, token, unsent: true}    the topic lacks this document; false: it has it
    tops    {_id: "gone|HOUR", hour, token}   a reset with this token deletes the document: the topic needs a tombstone
    tops    {_id: "topic", name, topic_id}    the topic that the marks are about
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from pymongo import DeleteOne, UpdateOne

from batch_layer.tops.hour_message import MOST_ROWS
from ingest.hours import Hour
from serving.views.client import mongo_errors
from serving.views.documents import HOURS, TOPS, HourDocument, hour_id
from serving.views.store import Store
from serving.views.validation import RANKED_HOUR, sound

_AT_ONCE = 200
_TOPIC = "topic"


class Pending(NamedTuple):
    """What the topic lacks."""

    hours: int
    oldest: str | None
    """The first of these hours."""


class Outbox:
    """The marks of one database."""

    def __init__(self, store: Store) -> None:
        self._hours, self._tops = store.collection(HOURS), store.collection(TOPS)

    def pending(self) -> Pending:
        """How many hours the topic lacks. Raises `UnavailableError`."""
        with mongo_errors():
            first = self._hours.find_one({"unsent": True}, {"hour": True}, sort=[("hour", 1)])
            count = self._hours.count_documents({"unsent": True}) if first else 0
        gone = self.tombstones()
        hours = [*([str(first["hour"])] if first else []), *gone]
        return Pending(count + len(gone), min(hours, default=None))

    def batches(self) -> Iterator[list[HourDocument]]:
        """The documents that the topic lacks, by hour, with the rows that a message may have. Skips damaged ones."""
        fields = {"top": {"$slice": MOST_ROWS}, "speed": False}
        with mongo_errors():
            found = sound(self._hours.find({"unsent": True}, fields).sort("hour"), RANKED_HOUR)
            while some := list(islice(found, _AT_ONCE)):
                yield some  # type: ignore[misc]

    def settle(self, documents: Sequence[HourDocument]) -> None:
        """Note that the topic has these documents. A mark stays where another run has replaced one meanwhile."""
        of = [{"_id": each["_id"], "token": each["token"], "unsent": True} for each in documents]
        with mongo_errors():
            self._hours.bulk_write([UpdateOne(each, {"$set": {"unsent": False}}) for each in of], ordered=False)

    def note_reset(self, run: str, token: int) -> None:
        """Note the hours whose documents a reset is about to delete: all but those of this run. Call it before."""
        with mongo_errors():
            others = {"run": {"$ne": run}, "unsent": {"$exists": True}, "hour": {"$type": "string"}}
            known = self._hours.find(others, {"hour": True})
            while some := list(islice(known, _AT_ONCE)):
                notes = [
                    UpdateOne(
                        {"_id": f"gone|{each['hour']}"}, {"$set": {"hour": each["hour"], "token": token}}, upsert=True
                    )
                    for each in some
                ]
                self._tops.bulk_write(notes, ordered=False)

    def tombstones(self) -> dict[str, int]:
        """The hours whose document is gone, ascending, and the token of the reset that deleted it."""
        gone = self._gone()
        published = self._published(gone)
        return {hour: gone[hour] for hour in sorted(gone.keys() - published.keys())}

    def bury(self, hours: Mapping[str, int]) -> None:
        """Forget these tombstones, unless another reset has noted an hour meanwhile."""
        if hours:
            notes = [DeleteOne({"_id": f"gone|{hour}", "token": token}) for hour, token in hours.items()]
            with mongo_errors():
                self._tops.bulk_write(notes, ordered=False)

    def begin_delivery(self) -> None:
        """Write to the majority, so that the reads that follow see all that earlier deliveries have seen.

        A primary that has lost its majority without knowing fails here, and can't give documents that are outdated.
        """
        with mongo_errors():
            self._tops.update_one({"_id": _TOPIC}, {"$inc": {"deliveries": 1}}, upsert=True)
        gone = self._gone()
        published = self._published(gone)
        self.bury({hour: gone[hour] for hour, token in published.items() if token >= gone[hour]})

    def is_known(self, name: str, topic_id: str) -> bool:
        """Whether the marks are about this topic."""
        with mongo_errors():
            topic = self._tops.find_one({"_id": _TOPIC}) or {}
        return (topic.get("name"), topic.get("topic_id")) == (name, topic_id)

    def start_over(self, name: str, topic_id: str) -> None:
        """Mark every finished hour, since this topic has none of them."""
        with mongo_errors():
            self._hours.update_many({"complete": True}, {"$set": {"unsent": True}})
            self._tops.update_one({"_id": _TOPIC}, {"$set": {"name": name, "topic_id": topic_id}}, upsert=True)

    def _gone(self) -> dict[str, int]:
        with mongo_errors():
            return {each["hour"]: each["token"] for each in self._tops.find({"hour": {"$exists": True}})}

    def _published(self, hours: Mapping[str, int]) -> dict[str, int]:
        if not hours:
            return {}
        ids = [hour_id(Hour.parse(hour)) for hour in hours]
        with mongo_errors():
            found = self._hours.find({"_id": {"$in": ids}}, {"hour": True, "token": True})
            return {each["hour"]: each["token"] for each in found}
