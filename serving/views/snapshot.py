"""Snapshot: the views at one moment. A reader sees an hour before or after a publish, never between."""

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from ingest.hours import Hour
from serving.views import validation
from serving.views.client import Document, mongo_errors
from serving.views.documents import (
    HOURS,
    LENSES,
    PHRASE_USES,
    SAMPLES,
    USES,
    HourDocument,
    Kind,
    Lens,
    LensDocument,
    Row,
    hour_id,
    lens_id,
)

WITHOUT_ROWS = {"top": False}


class Snapshot:
    """The views at one moment. `serving.views.layer_coverage` asks it which hours there are."""

    def __init__(self, database: Database[Document]) -> None:
        self._session = database.client.start_session(snapshot=True)
        self._database = database
        self._hours = database[HOURS]
        self._lenses = database[LENSES]
        self._uses = database[USES]
        self._phrase_uses = database[PHRASE_USES]

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.end_session()

    def collection(self, name: str) -> Collection[Document]:
        """A collection; read it with `session`."""
        return self._database[name]

    @property
    def session(self) -> ClientSession:
        """The session of other reads at the same moment."""
        return self._session

    def batch(self, hours: Sequence[Hour], *, rows: bool = True) -> dict[str, HourDocument]:
        """The batch documents of some hours, by hour; optionally without rows, their largest part."""
        ids = [hour_id(hour) for hour in hours]
        with mongo_errors():
            found = self._hours.find({"_id": {"$in": ids}}, None if rows else WITHOUT_ROWS, session=self._session)
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
        """The documents of an hour through all other lenses."""
        with mongo_errors():
            found = self._lenses.find({"hour": str(hour)}, session=self._session).sort("_id")
            return [validation.check(each, validation.LENS) for each in found]  # type: ignore[misc]

    def samples_of(self, hour: Hour) -> list[Document]:
        """The documents of an hour's samples, with all tags. Raises `DamagedError`."""
        with mongo_errors():
            found = self._database[SAMPLES].find({"hour": str(hour)}, session=self._session).sort("_id")
            return [validation.check(each, validation.SAMPLES) for each in found]

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
