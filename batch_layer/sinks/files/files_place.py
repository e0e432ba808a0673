"""FilesPlace: what a folder of files holds, from its manifests and from the files themselves."""

from collections.abc import Iterator, Sequence
from typing import Any

from batch_layer.delivery.intake import Intake
from batch_layer.delivery.start_line import DELETED
from batch_layer.sinks.contract import Stage, Standing
from batch_layer.sinks.files.feed_folder import LABELS, FeedFolder
from batch_layer.sinks.files.files_intake import FilesIntake
from batch_layer.storage.chunk_files.chunk_manifest import ChunkManifest


class FilesPlace:
    """See `Place`."""

    def __init__(self, stage: Stage, folder: FeedFolder) -> None:
        self._stage = stage
        self._folder = folder

    def standings(self) -> dict[int, Standing]:
        """See `Place`."""
        logs = self._folder.manifests()
        return {partition: standing_of(manifests) for partition, manifests in logs.items() if manifests}

    def offsets(self, partition: int) -> Iterator[int]:
        """See `Place`. Raises `DamagedError` where a file contradicts its manifest."""
        column = self._folder.offset_column()
        for manifest in self._folder.manifests().get(partition, []):
            yield from (int(row[column]) for row in self._folder.ordered(manifest, []))

    def rows(self, most: int) -> list[dict[str, Any]]:
        """See `Place`: rows of the latest chunks, the latest chunk last."""
        manifests = [manifest for log in self._folder.manifests().values() for manifest in log]
        found: list[dict[str, Any]] = []
        for manifest in sorted(manifests, key=lambda each: (each.committed_at, each.start), reverse=True):
            if len(found) >= most:
                break
            rows = self._folder.ordered(manifest, list(self._folder.rows.columns))
            found = rows[-(most - len(found)) :] + found
        return found

    def clear(self) -> None:
        """See `Place`. Files that no manifest names stay. A crash in between leaves something to clear again."""
        store, paths = self._folder.store, self._folder.paths
        for log in self._folder.manifests().values():
            for part in (part for manifest in log for part in manifest.parts):
                store.delete(paths.absolute(part.path))
        for folder in (paths.all_commits, paths.all_indexes, paths.all_tmp, paths.identity):
            store.delete(folder, everything_below=True)

    def intake(self, reader: Stage) -> Intake:
        """See `Place`."""
        return FilesIntake(self._folder, reader)

    def foreign(self) -> list[str]:
        """Files in the folders of rows that no manifest names: tables show them, and no stage reads them."""
        store, root = self._folder.store, self._folder.paths.root
        folders = [root]
        for name in LABELS[self._folder.by]:
            below = [(folder, entry) for folder in folders for entry in store.entries(folder)]
            folders = [f"{folder}/{e.name}" for folder, e in below if e.is_folder and e.name.startswith(f"{name}=")]
        there = [f"{folder}/{e.name}" for folder in folders for e in store.entries(folder) if not e.is_folder]
        logs = self._folder.manifests().values()
        ours = {self._folder.paths.absolute(part.path) for log in logs for each in log for part in each.parts}
        return [path for path in there if path not in ours]


def standing_of(manifests: Sequence[ChunkManifest]) -> Standing:
    """The standing of a partition, from all its manifests."""
    return Standing(
        position=manifests[-1].next,
        kept=sum(manifest.records for manifest in manifests),
        rejected=sum(manifest.rejected for manifest in manifests),
        left_out=sum(manifest.left_out or 0 for manifest in manifests),
        gaps=tuple((gap.start, gap.next, gap.why or DELETED) for gap in manifests if gap.kind == "gap"),
        committed_at=manifests[-1].committed_at,
    )
