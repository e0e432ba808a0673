"""Store: the views in MongoDB. What both layers write through, and what every answer is read from.

Promises
    A document is replaced whole, and never by that of an older run: `publish` compares fencing tokens.
    A read is one snapshot: a reader sees an hour before or after a publish, never between it and the deletion of the
    hour's speed rows.
Writes wait for the majority of the replica set. Servers are waited for as long as `mongo.timeout_s`, then
`UnavailableError` says so.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, MongoClient, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, ConfigurationError, InvalidURI, PyMongoError

from config.errors import UnavailableError, UsageError
from config.settings import MongoSettings
from ingest.hours import Hour
from serving.views import indexes, validation
from serving.views.documents import (
    FIRST,
    HASHTAGS,
    HOURS,
    LENSES,
    PHRASE_USES,
    USES,
    BatchView,
    HourDocument,
    Kind,
    Lens,
    LensDocument,
    Row,
    SpeedSeen,
    hour_document,
    hour_id,
    lens_document,
    lens_id,
)

log = logging.getLogger(__name__)
logging.getLogger("pymongo").setLevel(logging.WARNING)

Document = dict[str, Any]

DUPLICATE_KEY = 11000
"""Code of a write error: another document has the key."""
_WITHOUT_ROWS = {"top": False}


def client_of(settings: MongoSettings) -> MongoClient[Document]:
    """A client with our guarantees: majority, journaled, retried once by the driver, and no call without an end."""
    limit = int(settings.timeout_s * 1000)
    try:
        return MongoClient(
            settings.uri.get_secret_value(),
            tz_aware=True,
            serverSelectionTimeoutMS=limit,
            connectTimeoutMS=limit,
            socketTimeoutMS=3 * limit,
            w="majority",
            readConcernLevel="majority",
            appname="trends",
        )
    except (InvalidURI, ConfigurationError, ValueError):  # the text of these may hold the password
        raise UsageError(
            "not a MongoDB connection string", where="mongo.uri", next_step="See `trends config`"
        ) from None


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Translates the driver's errors, without the connection string, and damaged documents into errors of `config`."""
    try:
        yield
    except PyMongoError as error:
        raise UnavailableError(
            f"{type(error).__name__}: {str(error).split(', Timeout:')[0][:300]}",
            where="MongoDB",
            next_step="See `trends status` and `trends logs mongo`",
        ) from error
    except (BSONError, LookupError, TypeError, ValueError, OverflowError, UsageError) as error:
        raise validation.unreadable(error) from error


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
        """Give the connections back. A store is closed by whoever made it, or used as a context."""
        self.client.close()

    def ping(self) -> None:
        """Raise `UnavailableError` where no server answers."""
        with mongo_errors():
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
        """Prepare again once in `indexes.AGAIN_S`: for services, which outlive a database that is dropped."""
        if time.monotonic() - self._prepared_at > indexes.AGAIN_S:
            self.prepare()

    # What the batch layer writes

    def publish(self, view: BatchView) -> bool:
        """Replace the hour's document, unless one of an equal or larger token is there: then False."""
        return self.publish_all([view]) == 1

    def publish_all(self, views: Sequence[BatchView]) -> int:
        """Publish several hours; how many were not refused. Each document is atomic, the batch is not.

        Documents of other lenses go first: once an hour's own is there, so are they.
        """
        self._publish(LENSES, [dict(lens_document(view)) for view in views if view.lens != HASHTAGS])
        return self._publish(HOURS, [dict(hour_document(view)) for view in views if view.lens == HASHTAGS])

    def _publish(self, name: str, published: Sequence[Document]) -> int:
        """Put documents in place of those whose token is not larger; how many were not refused."""
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
        """Delete what earlier runs saw of these hours through lenses that the run of this token does not have."""
        with mongo_errors():
            wanted = {"hour": {"$in": [str(hour) for hour in hours]}, "token": {"$lt": token}}
            self.collection(LENSES).delete_many(wanted)

    def drop_uses(self, hour: Hour) -> int:
        """Delete the hour's speed rows: only after its document was published. How many there were."""
        return self.drop_all_uses([hour])

    def drop_all_uses(self, hours: Iterable[Hour]) -> int:
        """Delete the speed rows of several hours, all of them published. How many there were."""
        with mongo_errors():
            wanted = {"hour": {"$in": [str(hour) for hour in hours]}}
            self.collection(PHRASE_USES).delete_many(wanted)
            return self.collection(USES).delete_many(wanted).deleted_count

    def speed_seen(self, hours: Iterable[Hour]) -> dict[str, SpeedSeen]:
        """What the speed layer has of some hours, by hour; an hour that it has nothing of is left out."""
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
        """Say of documents that a late post has come: they answer as provisional until they are replaced."""
        ids = [hour_id(hour) for hour in hours]
        if ids:
            with mongo_errors():
                self.collection(HOURS).update_many({"_id": {"$in": ids}}, {"$set": {"dirty": True}})

    def batch_documents(self, since: Hour, until: Hour) -> list[HourDocument]:
        """The sound batch documents of `[since, until)` by hour, without their rows: so damaged ones are replaced."""
        with mongo_errors():
            found = self.collection(HOURS).find({"hour": {"$gte": str(since), "$lt": str(until)}}, _WITHOUT_ROWS)
            return list(validation.sound(found.sort("hour"), validation.HOUR))  # type: ignore[arg-type]

    # What every answer is read from

    def snapshot(self) -> "Snapshot":
        """A moment of the views: everything read through it was true at one time. Use it as a context."""
        return Snapshot(self)


class Snapshot:
    """The views at one moment. `serving.views.layer_coverage` asks it which hours there are."""

    def __init__(self, store: Store) -> None:
        self._session = store.client.start_session(snapshot=True)
        self.collection = store.collection
        self._hours = store.collection(HOURS)
        self._lenses = store.collection(LENSES)
        self._uses = store.collection(USES)
        self._phrase_uses = store.collection(PHRASE_USES)

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.end_session()

    @property
    def session(self) -> ClientSession:
        """What a question of another module carries, so that it is answered as of the same moment."""
        return self._session

    def batch(self, hours: Sequence[Hour], *, rows: bool = True) -> dict[str, HourDocument]:
        """The batch documents of some hours, by hour; their rows, which are most of them, where they are wanted."""
        ids = [hour_id(hour) for hour in hours]
        with mongo_errors():
            found = self._hours.find({"_id": {"$in": ids}}, None if rows else _WITHOUT_ROWS, session=self._session)
            shape = validation.RANKED_HOUR if rows else validation.HOUR
            return {each["hour"]: validation.check(each, shape) for each in found}  # type: ignore[misc]

    def lenses(self, hours: Sequence[Hour], lens: Lens) -> dict[str, LensDocument]:
        """The documents of some hours through one lens, by hour."""
        ids = [lens_id(lens, hour) for hour in hours]
        with mongo_errors():
            found = self._lenses.find({"_id": {"$in": ids}}, session=self._session)
            shape = validation.LENS
            return {each["hour"]: validation.check(each, shape) for each in found}  # type: ignore[misc]

    def lenses_of(self, hour: Hour) -> list[LensDocument]:
        """All that was seen of an hour through other lenses than the hour's own."""
        with mongo_errors():
            found = self._lenses.find({"hour": str(hour)}, session=self._session).sort("_id")
            return [validation.check(each, validation.LENS) for each in found]  # type: ignore[misc]

    def speed_rows(self, hour: Hour, limit: int = 0, kind: Kind = "hashtag") -> list[Row]:
        """The hour's speed rows, ranked; all of them where limit is 0."""
        uses, of_hour = self._speed(hour, kind)
        wanted = {"_id": False, "tag": True, "shown": True, "count": True}
        ranked = [("count", DESCENDING), ("tag", ASCENDING)]
        with mongo_errors():
            found = uses.find(of_hour, wanted, session=self._session).sort(ranked).limit(limit)
            sound = (validation.check(each, validation.USE) for each in found)
            return [Row(each["tag"], each["shown"], each["count"]) for each in sound]

    def speed_totals(self, hour: Hour, count: int, kind: Kind = "hashtag") -> tuple[int, int, int]:
        """The hour's uses, distinct tags, and how many tags have exactly this count."""
        uses, of_hour = self._speed(hour, kind)
        tied = {"$sum": {"$cond": [{"$eq": ["$count", count]}, 1, 0]}}
        stages: list[Document] = [
            {"$match": of_hour},
            {"$group": {"_id": None, "uses": {"$sum": "$count"}, "tags": {"$sum": 1}, "tied": tied}},
        ]
        with mongo_errors():
            for totals in uses.aggregate(stages, session=self._session):
                return totals["uses"], totals["tags"], totals["tied"]
        return 0, 0, 0

    def _speed(self, hour: Hour, kind: Kind) -> tuple[Collection[Document], Document]:
        """Where the speed rows of a kind lie, and which are of an hour."""
        if kind == "hashtag":
            return self._uses, {"hour": str(hour)}
        return self._phrase_uses, {"kind": kind, "hour": str(hour)}
