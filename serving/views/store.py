"""Store: the views of one MongoDB database. Both layers write through it, and every answer reads through it.

Promises
    A publish replaces a whole document, and never one of a newer run: `publish_all` compares fencing tokens.
    A read is one snapshot: see `serving.views.snapshot`.
"""

import time
from collections.abc import Iterable, Sequence
from itertools import islice

import pymongo
from pymongo import ASCENDING, DESCENDING, ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from config.settings import MongoSettings
from ingest.hours import Hour
from serving.views import indexes, validation
from serving.views.client import DUPLICATE_KEY, Document, client_of, mongo_errors
from serving.views.documents import (
    FIRST,
    HASHTAGS,
    HOURS,
    LENSES,
    PHRASE_USES,
    SAMPLES,
    USES,
    BatchView,
    HourDocument,
    SpeedCounts,
    hour_document,
    hour_id,
    lens_document,
)
from serving.views.samples import SamplesDocument
from serving.views.snapshot import WITHOUT_ROWS, Snapshot

_SAMPLES_AT_ONCE = 16


class Store:
    """The views of one database. Safe to share between threads."""

    def __init__(self, settings: MongoSettings) -> None:
        self.settings = settings
        self.client = client_of(settings)
        self.database = self.client[settings.database]
        self._prepared_at = float("-inf")

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Call it, or use the store as a context."""
        self.client.close()

    def ping(self, timeout_s: float | None = None) -> None:
        """Raise `UnavailableError` where no server answers, in `timeout_s` or in the time of the settings."""
        with mongo_errors(), pymongo.timeout(timeout_s):
            self.client.admin.command("ping")

    def collection(self, name: str) -> Collection[Document]:
        """A collection, by one of the names in `serving.views.documents`."""
        return self.database[name]

    def prepare(self) -> None:
        """Make the collections (a transaction can't) and their indexes. Idempotent."""
        with mongo_errors():
            indexes.prepare(self.database)
        self._prepared_at = time.monotonic()

    def stay_prepared(self) -> None:
        """Prepare again once in `indexes.AGAIN_S`: for services, which outlive a dropped database."""
        if time.monotonic() - self._prepared_at > indexes.AGAIN_S:
            self.prepare()

    # What the batch layer writes

    def publish_all(self, views: Sequence[BatchView], samples: Iterable[SamplesDocument] = ()) -> int:
        """Publish several hours, and count those accepted. Each document is atomic, the batch is not.

        Samples and documents of other lenses go first: once an hour's own is there, so are they. It takes the samples
        a few at a time, since one hour's are some MB in memory.
        """
        left = iter(samples)
        while some := [dict(each) for each in islice(left, _SAMPLES_AT_ONCE)]:
            self._publish(SAMPLES, some)
        self._publish(LENSES, [dict(lens_document(view)) for view in views if view.lens != HASHTAGS])
        return self._publish(HOURS, [dict(hour_document(view)) for view in views if view.lens == HASHTAGS])

    def _publish(self, name: str, published: Sequence[Document]) -> int:
        """Replace documents unless their token is larger, and count those replaced."""
        left = list(published)
        tokens: dict[str, int] = {}
        while left:
            self._replace_smaller(name, left)
            # A refusal, a lost reply and a race of two first writes look alike, so what is there decides.
            ids = [document["_id"] for document in left]
            with mongo_errors():
                there = self.collection(name).find({"_id": {"$in": ids}}, {"token": True})
                tokens |= {each["_id"]: validation.token_of(each) for each in there}
            left = [document for document in left if tokens.get(document["_id"], -1) < document["token"]]
        return sum(tokens[document["_id"]] == document["token"] for document in published)

    def _replace_smaller(self, name: str, wanted: Iterable[Document]) -> None:
        """Replace, or make, the documents whose token is smaller."""
        older = validation.older_than
        guarded = [ReplaceOne({"_id": each["_id"]} | older(each["token"]), each, upsert=True) for each in wanted]
        with mongo_errors():
            try:
                self.collection(name).bulk_write(guarded, ordered=False)
            except BulkWriteError as error:
                if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                    raise

    def drop_older_lenses(self, hours: Iterable[Hour], token: int) -> None:
        """Delete the hours' lens documents and samples of runs before this token."""
        with mongo_errors():
            wanted = {"hour": {"$in": [str(hour) for hour in hours]}, "token": {"$lt": token}}
            for name in (LENSES, SAMPLES):
                self.collection(name).delete_many(wanted)

    def drop_all_uses(self, hours: Iterable[Hour]) -> int:
        """Delete the speed rows of several hours, all of them published. How many there were."""
        with mongo_errors():
            wanted = {"hour": {"$in": [str(hour) for hour in hours]}}
            self.collection(PHRASE_USES).delete_many(wanted)
            return self.collection(USES).delete_many(wanted).deleted_count

    def speed_counts(self, hours: Iterable[Hour]) -> dict[str, SpeedCounts]:
        """The speed layer's view of some hours, by hour, without empty ones."""
        row = {"tag": "$tag", "shown": "$shown", "count": "$count"}
        ranked = {"$topN": {"n": FIRST, "sortBy": {"count": DESCENDING, "tag": ASCENDING}, "output": row}}
        stages: list[Document] = [
            {"$match": {"hour": {"$in": [str(hour) for hour in hours]}, **validation.SOUND_USE}},
            {"$group": {"_id": "$hour", "uses": {"$sum": "$count"}, "tags": {"$sum": 1}, "top": ranked}},
        ]
        with mongo_errors():
            found = self.collection(USES).aggregate(stages)
            return {each["_id"]: {"uses": each["uses"], "tags": each["tags"], "top": each["top"]} for each in found}

    def mark_dirty(self, hours: Iterable[Hour]) -> None:
        """Mark documents after a late post: they answer as provisional until the next publish."""
        ids = [hour_id(hour) for hour in hours]
        if ids:
            with mongo_errors():
                self.collection(HOURS).update_many({"_id": {"$in": ids}}, {"$set": {"dirty": True}})

    def batch_documents(self, since: Hour, until: Hour) -> list[HourDocument]:
        """The sound batch documents of `[since, until)` by hour, without rows or damaged ones."""
        with mongo_errors():
            found = self.collection(HOURS).find({"hour": {"$gte": str(since), "$lt": str(until)}}, WITHOUT_ROWS)
            return list(validation.sound(found.sort("hour"), validation.HOUR))  # type: ignore[arg-type]

    # What every answer is read from

    def snapshot(self) -> Snapshot:
        """A moment of the views: everything read through it was true at one time. Use it as a context."""
        return Snapshot(self.database)
