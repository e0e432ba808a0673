"""Trigger: the hours that the next run may have to compute, at a cost that does not grow with history.

The next look finds an hour that became complete, a late post, a document that says that it is dirty or not complete,
and missing documents (there are fewer than before). The next full look finds a document that somebody replaced by hand,
or deleted while a run published as many. A full look reads every manifest and document; one is due `FULL_LOOK_S` after
the last, wherever that was, and `trends batch run` always is one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from batch_layer.archive.reading.follower import Follower
from batch_layer.archive.reading.watermark import complete_until
from batch_layer.scheduling import due
from config.settings import Settings
from ingest.hours import Hour, Millis
from serving.views.client import mongo_errors
from serving.views.documents import ARCHIVE_MARKS, HOURS
from serving.views.store import Store

FULL_LOOK_S = 86_400


@dataclass(slots=True)
class Trigger:
    """Looks for one scheduler. Raises as `Follower.look` and `complete_until` do."""

    settings: Settings
    store: Store
    now: Callable[[], Millis]
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.follower = Follower(self.settings, self.store)

    def look(self) -> tuple[Hour, ...] | None:
        """The hours to plan, which may be none; None calls for a full look, at all of history."""
        self.follower.look()
        until = complete_until(self.follower, self.settings.kafka, self.settings.archive, self.now())
        found = due.look(self.store, self.follower, until)
        self.store.mark_dirty(found.late)
        return None if self._is_full_look_due() else found.waiting

    def end_full_look(self) -> None:
        """Note the end of a full look."""
        self._write({"at": self.now()})

    def _is_full_look_due(self) -> bool:
        with mongo_errors():
            count = self.store.collection(HOURS).estimated_document_count()
            last = self.store.collection(ARCHIVE_MARKS).find_one({"_id": self._id}) or {}
        fewer = count < int(last.get("documents", 0))
        late = self.now() - int(last.get("at", 0)) >= FULL_LOOK_S * 1000
        if fewer and not late:
            self._write({"at": 0, "documents": count})  # until any process has done a full look
        elif count != last.get("documents"):
            self._write({"documents": count})
        return fewer or late

    def _write(self, values: dict[str, int]) -> None:
        with mongo_errors():
            self.store.collection(ARCHIVE_MARKS).update_one({"_id": self._id}, {"$set": values}, upsert=True)

    @property
    def _id(self) -> str:
        """Id of these archives together: other archives in the settings call for a full look."""
        return "|".join([self.follower.archive, *self.settings.hdfs.earlier, "full look"])
