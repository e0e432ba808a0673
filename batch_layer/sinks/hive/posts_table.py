"""Posts in Hive: the archive's own Avro files as an external table, and a view of each post once.

    <name>_archived   a folder an hour: with what sources sent twice and, for a while, with files that were merged
    <name>            of each post, by hour, source and id, the row with the smallest partition and offset

That is the row which the batch layer counts, so both agree. The ledger names the hours, never a listing.
"""

import logging
from collections.abc import Callable
from threading import Event

from batch_layer.archive.hour_layout import hour_folder
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.sinks.hive.hive_table import HiveTable, TableShape
from batch_layer.storage.hive_server import HiveServer, identifier
from config.errors import TrendsError, UsageError
from config.quantity import quantity
from config.settings import Settings
from ingest.feeds.declaration.model import ARCHIVE, HiveSink, NamedFeed

LOOK_S = 10.0
"""Seconds between two looks at the ledger, unless the sink's `every` says otherwise."""
COLUMNS = (
    ("id", "string"),
    ("source", "string"),
    ("created_at", "timestamp"),
    ("received_at", "timestamp"),
    ("text", "string"),
    ("lang", "string"),
    ("tags", "array<string>"),
    ("payload", "string"),
    ("partition", "int"),
    ("offset", "bigint"),
)
"""`ingest/post.avsc` in types of Hive."""
LABELS = ("dt", "hour")

_log = logging.getLogger(__name__)


class PostsTables:
    """The table and the view. One thread uses it."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.name = name
        self._hive = HiveServer(settings)
        location = f"{settings.hdfs.name_node}{settings.hdfs.root}"
        self._table = HiveTable(self._hive, f"{name}_archived", TableShape(COLUMNS, LABELS, location), "AVRO")
        self._ledger = Ledger(settings.hdfs, settings.archive, settings.kafka.posts)
        self._known: set[str] | None = None

    def register(self) -> int:
        """Make both where they are not there, and register the hours that are new; return how many.

        Raises `UnavailableError`, and `UsageError` where a table of another shape has the name.
        """
        self._ledger.refresh()
        try:
            if self._known is None:
                self._table.make()
                self._hive.execute(self._view())
                self._known = self._table.folders()
            new = {hour_folder(hour) for hour in self._ledger.hours()} - self._known
            self._table.add(new)
        except TrendsError:
            self._known = None
            raise
        self._known |= new
        return len(new)

    def folders(self) -> set[str]:
        """The hours that Hive knows, as folders."""
        return self._table.folders() if self._table.exists() else set()

    def drop(self) -> None:
        """Delete the view and the table. Raises `UsageError` where the table is over another folder."""
        self._table.drop()
        self._hive.execute(f"DROP VIEW IF EXISTS {identifier(self.name)}")

    def close(self) -> None:
        """End the session."""
        self._hive.close()

    def _view(self) -> str:
        columns = ", ".join(identifier(name) for name in (*(name for name, _ in COLUMNS), *LABELS))
        return (  # identifiers alone go into it
            f"CREATE OR REPLACE VIEW {identifier(self.name)} AS SELECT {columns} FROM (SELECT {columns}, "  # noqa: S608
            "row_number() OVER (PARTITION BY `dt`, `hour`, `source`, `id` ORDER BY `partition`, `offset`) AS `arrival` "
            f"FROM {identifier(f'{self.name}_archived')}) `arrivals` WHERE `arrival` = 1"
        )


class PostsStage:
    """The stage of a sink that reads the archive: it registers hours until somebody stops it."""

    def __init__(self, settings: Settings, feed: NamedFeed, sink: str) -> None:
        table = feed.declaration.sinks[sink]
        if not isinstance(table, HiveSink) or table.from_ != ARCHIVE:
            raise UsageError("it does not read the archive", where=f"feed {feed.name}, sinks.{sink}")
        self._every = table.every or LOOK_S
        self._tables = PostsTables(settings, table.table)

    def run(self, until_drained: bool, stop: Event, report: Callable[[TrendsError | None], None]) -> None:
        """Register the hours of now, and those that come until `stop`. Waits for servers that do not answer."""
        try:
            while not stop.is_set():
                try:
                    new = self._tables.register()
                except TrendsError as error:
                    if not error.retriable:
                        raise
                    report(error)
                    _log.warning("degraded, nothing is lost: %s", error)
                else:
                    report(None)
                    if new:
                        _log.info("%s: Hive knows %s more", self._tables.name, quantity(new, "hour"))
                    if until_drained:
                        return
                stop.wait(self._every)
        finally:
            self._tables.close()
