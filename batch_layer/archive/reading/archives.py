"""Archives: the earlier archives that batch jobs read along with the current one, and their folders.

MongoDB remembers each archive that contributed to an hour: {_id: its id, root, topic, topic_id}. `hdfs.earlier` names
others: a moved archive, or one from which an earlier version computed hours. A folder contains its own id.
"""

import logging
from collections.abc import Iterator

from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.history import History
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.storage.chunk_files.commit_log import first_topic
from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import Millis
from serving.views.client import mongo_errors
from serving.views.documents import ARCHIVES
from serving.views.store import Store

log = logging.getLogger(__name__)


class Archives:
    """Finds the history of one database. It keeps the ledgers of earlier archives between calls."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._archives = store.collection(ARCHIVES)
        self._open: dict[str, Ledger] = {}
        """Ledgers of earlier archives, by folder."""
        self._remembered: tuple[str, ...] = ()

    def history(self, own: Ledger, now: Millis) -> History:
        """The current history. Refresh `own` before the call; it refreshes the others.

        Gives an archive of an earlier version its id. Raises `TrendsError` if no archive is in a folder of
        `hdfs.earlier`.
        """
        own.adopt(now)
        earlier: dict[str, Ledger] = {}
        for ledger in self._find(own):
            ledger.refresh()
            ledger.adopt(now)
            archive = ledger.origin.archive
            if archive and archive != own.origin.archive:
                earlier.setdefault(archive, ledger)
        return History(own, list(earlier.values()))

    def remember(self, history: History) -> None:
        """Record these archives as sources of hours. Call it before publishing the first of those hours."""
        for ledger in history.ledgers:
            kept = {"root": ledger.paths.root, "topic": ledger.paths.topic, "topic_id": ledger.origin.topic_id}
            if ledger.origin.archive:
                with mongo_errors():
                    self._archives.update_one({"_id": ledger.origin.archive}, {"$set": kept}, upsert=True)

    def forget_others(self, history: History) -> None:
        """Forget all archives outside this history: no document refers to them any more."""
        with mongo_errors():
            self._archives.delete_many({"_id": {"$nin": [ledger.origin.archive for ledger in history.ledgers]}})

    def roots(self) -> dict[str, str]:
        """The folder of each archive that MongoDB remembers, by archive id."""
        with mongo_errors():
            return {each["_id"]: each["root"] for each in self._archives.find().sort("_id")}

    def _find(self, own: Ledger) -> Iterator[Ledger]:
        """Archives in the folders of `hdfs.earlier` and MongoDB. Skips a remembered one that left its folder."""
        for root in self._settings.hdfs.earlier:
            ledger = self._ledger(root)
            if ledger is None:
                raise TrendsError(
                    "no archive is there", where=f"hdfs.earlier {root}", next_step="Name folders of earlier archives"
                )
            yield ledger
        for archive, root in self.roots().items():
            if archive == own.origin.archive or root == own.paths.root:
                continue
            ledger = self._ledger(root)
            if ledger is not None:
                ledger.refresh()
                if ledger.origin.archive == archive:
                    yield ledger

    def _ledger(self, root: str) -> Ledger | None:
        if root not in self._open:
            hdfs = self._settings.hdfs.model_copy(update={"root": root})
            probe = Ledger(hdfs, self._settings.archive, self._settings.kafka.posts)
            topic = first_topic(probe.store, Paths(root, probe.paths.topic))
            if topic is None:
                return None
            log.info("hours are computed from the archive in %s, too", root)
            self._open[root] = Ledger(hdfs, self._settings.archive, topic, store=probe.store)
        return self._open[root]
