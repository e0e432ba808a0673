"""SinkGuard: the guard of a stage that reads another sink. Its positions follow that sink, so it asks no Kafka."""

from typing import Any

from batch_layer.storage.chunk_files.file_paths import FilePaths
from batch_layer.storage.chunk_files.identity import Origin, ensure_archive
from batch_layer.storage.file_store import Store
from config.errors import UnavailableError
from ingest.hours import Millis


class SinkGuard:
    """See `Guard`."""

    def __init__(self, paths: FilePaths[Any]) -> None:
        self._paths = paths

    def admit_folder(self, store: Store, now: Millis) -> Origin:
        """See `Guard`."""
        return Origin(ensure_archive(store, self._paths, now).id)

    def check_end(self, partition: int, position: int, end: int) -> None:
        """Wait for a sink that is behind: a rebuild fills it again."""
        if position > end:
            raise UnavailableError(
                f"the sink that it reads ends at offset {end}, and this one has everything below {position}",
                where=f"{self._paths.root}, partition {partition}",
                next_step="While somebody rebuilds that sink, wait; otherwise rebuild this one too",
            )

    def check(self) -> None:
        """See `Guard`."""
