"""Posts in files: tables, JSON of several makes and layouts, Parquet, packed or not, in folders, patterns and pipes."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

import msgspec

from config.errors import TrendsError
from config.quantity import quantity
from ingest.post import Post
from ingest.sources.base import Batch, Cursor
from ingest.sources.batching import BatchBuilder
from ingest.sources.files.cursor import FileCursor, digest_of_names, expand_paths, resume
from ingest.sources.files.inputs import STANDARD_INPUT, Input, Pipe, begins, is_pipe
from ingest.sources.files.reader import FileReader
from ingest.sources.files.reader_choice import ReaderChoice
from ingest.sources.formats.contract import Notice, Reading, X
from ingest.sources.formats.csv_cells import Escape
from ingest.sources.formats.csv_header import FormatOptions
from ingest.sources.selection import PostFilter
from ingest.sources.unpacking.content import Content
from ingest.wire import Reject

logger = logging.getLogger(__name__)

BATCH_BYTES = 32_000_000
"""A batch ends early when its records have so many bytes."""
MOST_REFUSED = 100
"""The source gives up on a file that begins with so many unreadable records, unless `force` is on."""
ALL = PostFilter()

Item = Post | Reject | Notice


class FileSource:
    """Posts in files. Its cursor is a `FileCursor`; its name stands for its paths and its filter.

    A reading whose `source` is empty takes the usual one for the format of each file.

    A folder with further files, or a last file that has grown, resumes at its cursor. Other changes of files raise
    `UsageError`. An unreadable file raises at its turn, and so does one that begins with `MOST_REFUSED` rejects, unless
    `force`: the source yields the files before it, and nothing of that file. It skips empty files.
    """

    def __init__(  # noqa: PLR0913 - the options for files
        self,
        paths: Sequence[str],
        reading: Reading,
        *,
        format: str = "auto",
        columns: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        delimiter: str = "",
        escape: Escape | None = None,
        post_filter: PostFilter = ALL,
        force: bool = False,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        self.files = expand_paths(paths)
        self.name = _name(paths, self.files, reading.source, post_filter)
        asked = FormatOptions(dict(columns or {}), dict(fields or {}), delimiter, escape)
        self._choice = ReaderChoice(replace(reading, langs=post_filter.langs), format, asked, say)
        self._post_filter = post_filter
        self._force = force

    def sizes(self, cursor: Cursor) -> tuple[int, int]:
        """Bytes of all files as stored, and how many of them, about, are behind a cursor. Pipes count as 0."""
        position = resume(cursor, self.files)
        sizes = [file.size for file in self.files]
        return sum(sizes), min(sum(sizes[: position.file]) + position.byte, sum(sizes))

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[Post]]:
        """See `Source`. A batch ends with `most` posts and rejects, with `BATCH_BYTES`, or where the files end."""
        position = resume(cursor, self.files)
        given, limit = position.posts, self._post_filter.limit
        builder, takes_all = BatchBuilder[Post](), self._post_filter.everything
        if limit is not None and given >= limit:
            return
        last: FileReader | None = None
        try:
            for reader in self._open_readers(position):
                items = reader.items()
                for item in self._beginning(items, reader, builder):
                    if takes_all and type(item) is Post:
                        builder.items.append(item)
                        given += 1
                    else:
                        given += self._take(item, builder)
                    if len(builder.items) + len(builder.rejects) >= most or reader.record_bytes >= BATCH_BYTES:
                        yield _batch(builder, reader, given)
                        builder = BatchBuilder[Post]()
                    if given == limit:
                        if builder:
                            yield _batch(builder, reader, given)
                        return
                builder.read_bytes += reader.read_bytes()
                last = reader
        except TrendsError:
            if builder and last is not None:
                yield _batch(builder, last, given)
            raise
        if builder and last is not None:
            yield _batch(builder, last, given)

    def _beginning(self, items: Iterator[Item], reader: FileReader, builder: BatchBuilder[Post]) -> Iterator[Item]:
        """The items of a file after its leading rejects, which go into the batch. Raises if they are too many."""
        if self._force or not reader.fresh:
            return items
        refused: list[Reject] = []
        for item in items:
            if type(item) is not Reject:
                builder.rejects += refused
                return chain([item], items)
            refused.append(item)
            if len(refused) >= MOST_REFUSED or reader.record_bytes >= BATCH_BYTES:
                raise _not_read_on(refused)
        builder.rejects += refused
        return iter(())

    def _take(self, item: Item, builder: BatchBuilder[Post]) -> int:
        """Put an item where it belongs; return the number of posts."""
        if type(item) is Post:
            return builder.add(item, self._post_filter)
        if type(item) is Reject:
            builder.rejects.append(item)
        else:
            builder.notices += 1
        return 0

    def _open_readers(self, position: FileCursor) -> Iterator[FileReader]:
        """The files from a position on that hold anything, each open until the next one."""
        for index in range(position.file, len(self.files)):
            with closing(self.files[index].open()) as content:
                choice = self._choice.of(content)
                if choice is not None:
                    yield FileReader(
                        content, choice.reader, self._start(position, index, content), layout=choice.layout
                    )

    def _start(self, position: FileCursor, index: int, content: Content) -> FileCursor:
        """The start of reading a file."""
        head = begins(content)
        if index > position.file:
            return FileCursor(file=index, before=digest_of_names(self.files[:index]), head=head)
        return position if position.head[0] else msgspec.structs.replace(position, head=head)


def _batch(builder: BatchBuilder[Post], reader: FileReader, given: int) -> Batch[Post]:
    """Ends here: the cursor is behind the item that the open file gave last."""
    reader.record_bytes = 0
    builder.read_bytes += reader.read_bytes()
    return builder.batch(reader.position(given).cursor())


def _not_read_on(refused: list[Reject]) -> TrendsError:
    first = refused[0]
    return TrendsError(
        f"it begins with {quantity(len(refused), 'record')} that can't be read, the first since: {first.reason}",
        where=first.where,
        next_step="Nothing of it is written. Name its columns, fields or format (`trends ingest file --help`), or read "
        "on with --force, which puts them into `trends rejects`",
    )


def _name(paths: Sequence[str], files: Sequence[Input], source: str, post_filter: PostFilter) -> str:
    pipes = {str(file.path): file.name for file in files if isinstance(file, Pipe)}
    asked = [
        [pipes[path] if is_pipe(path) else str(Path(path).absolute()) for path in paths],
        source or X,
        sorted(post_filter.langs),
        sorted(post_filter.tags),
    ]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
    first = STANDARD_INPUT if is_pipe(paths[0]) else Path(paths[0]).name
    return f"file:{first[:60].encode(errors='replace').decode()}:{digest}"
