"""Upload: the first two steps of a flush, which change nothing that a reader sees. Any process may take them.

It encodes parts in memory and writes no local file: after a crash nothing would read one.
"""

from concurrent.futures import Executor
from typing import Generic
from uuid import uuid4

import msgspec

from batch_layer.delivery.chunk import Chunk, Label, Row
from batch_layer.storage.chunk_files.attempts import Attempt
from batch_layer.storage.chunk_files.chunk_manifest import FilePart, M
from batch_layer.storage.chunk_files.file_format import FileFormat
from batch_layer.storage.chunk_files.file_paths import FilePaths
from batch_layer.storage.chunk_files.layout import Span
from batch_layer.storage.file_store import Store
from config.errors import UnavailableError
from ingest.wire import Reject


class Receipt(msgspec.Struct, frozen=True):
    """What a commit needs of an upload: it can travel from one process to another."""

    attempt: Attempt
    next: int
    """The chunk has the offsets from the attempt's start up to here."""
    parts: tuple[FilePart, ...]
    rejects: tuple[Reject, ...]
    left_out: int


class Upload(Generic[Label, Row, M]):
    """One chunk on its way into a folder of its own in `_tmp`. Each step may run again after an `UnavailableError`."""

    def __init__(
        self,
        store: Store,
        paths: FilePaths[M],
        threads: Executor,
        files: FileFormat[Label, Row],
        chunk: Chunk[Label, Row],
    ) -> None:
        self._store = store
        self._paths = paths
        self._threads = threads
        self._format = files
        self._chunk = chunk
        self._attempt = Attempt(chunk.partition, chunk.start, uuid4())
        self._files: list[bytes] = []
        self._parts: list[FilePart] = []

    def write(self) -> None:
        """Step 1."""
        files, rows = self._format, self._chunk.rows
        labels = sorted(rows, key=files.folder)
        self._files = list(self._threads.map(lambda label: files.encode(rows[label]), labels))
        self._parts = [
            self._part(number, label, len(file))
            for number, (label, file) in enumerate(zip(labels, self._files, strict=True), start=1)
        ]

    def upload(self) -> None:
        """Step 2. One listing gives the length of every part."""
        folder = self._paths.tmp(self._attempt)
        files = {self._paths.tmp_part(self._attempt, n): file for n, file in enumerate(self._files, start=1)}
        list(self._threads.map(self._store.put, files.keys(), files.values()))
        there = {f"{folder}/{entry.name}": entry.bytes for entry in self._store.entries(folder)}
        for path, file in files.items():
            if there.get(path) != len(file):
                raise UnavailableError("a part is cut off", where=path)

    def receipt(self) -> Receipt:
        """The result of both steps."""
        chunk = self._chunk
        return Receipt(self._attempt, chunk.next, tuple(self._parts), tuple(chunk.rejects), chunk.left_out)

    def _part(self, number: int, label: Label, size: int) -> FilePart:
        span = Span(self._chunk.partition, self._chunk.start, self._chunk.next)
        folder, rows = self._format.folder(label), self._chunk.rows
        path = self._paths.part_in(folder, span, number, len(rows))
        return self._format.part(label, path, rows[label], size)
