"""PostsPlace: the archived posts as a sink of the feed of posts: what the ledger says, and what Hive knows of it."""

from collections.abc import Iterator
from typing import Any

from batch_layer.archive.hour_layout import hour_folder
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.archive.reading.records import records_of
from batch_layer.delivery.intake import Intake
from batch_layer.sinks.contract import Stage, Standing
from batch_layer.sinks.files.files_place import standing_of
from batch_layer.sinks.hive.posts_table import PostsTables
from config.errors import NoDataError, UsageError
from config.settings import Settings


class PostsPlace:
    """See `Place`. `tables` has a session of its own."""

    def __init__(self, settings: Settings, name: str, feed: str) -> None:
        self._settings = settings
        self._name = name
        self._feed = feed

    def standings(self) -> dict[int, Standing]:
        """See `Place`: those of the archive."""
        logs = enumerate(self._ledger().partitions)
        return {partition: standing_of(manifests) for partition, manifests in logs if manifests}

    def offsets(self, partition: int) -> Iterator[int]:  # noqa: ARG002 - of no partition
        """See `Place`."""
        raise NoDataError(
            "its rows are the archive's own files", where=f"feed {self._feed}", next_step="`trends verify --all`"
        )

    def rows(self, most: int) -> list[dict[str, Any]]:
        """See `Place`: posts of the latest hours."""
        ledger, found = self._ledger(), list[dict[str, Any]]()
        for hour in reversed(ledger.hours()):
            for part in reversed(ledger.parts(hour)):
                if len(found) >= most:
                    return found
                found = list(records_of(ledger, part))[-(most - len(found)) :] + found
        return found

    def clear(self) -> None:
        """See `Place`. Deletes the view and the table; the archive stays as it is."""
        tables = PostsTables(self._settings, self._name)
        try:
            tables.drop()
        finally:
            tables.close()

    def intake(self, reader: Stage) -> Intake:
        """See `Place`."""
        raise UsageError(
            "no stage reads the archived posts",
            where=f"feed {reader.feed.name}, sinks.{reader.sink}",
            next_step='Have a source of type "posts"',
        )

    def unregistered(self) -> list[str]:
        """Hours of the archive that Hive does not know yet. Raises `UnavailableError`."""
        tables = PostsTables(self._settings, self._name)
        try:
            known = tables.folders()
        finally:
            tables.close()
        return sorted({hour_folder(hour) for hour in self._ledger().hours()} - known)

    def _ledger(self) -> Ledger:
        return ledger_of(self._settings)
