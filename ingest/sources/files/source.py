"""A source of files: their items in order, from a cursor on, whatever an item is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Generic, NamedTuple

import msgspec

from config.errors import TrendsError
from config.quantity import quantity
from ingest.sources.base import Batch, Cursor, ItemFilter, T
from ingest.sources.batching import BatchBuilder
from ingest.sources.files.cursor import AGAIN, FileCursor, digest_of_names, open_at, position_of
from ingest.sources.files.inputs import Input, begins
from ingest.sources.files.layouts import Choice
from ingest.sources.files.reader import FileReader
from ingest.sources.formats.contract import Notice
from ingest.sources.unpacking.content import Content
from ingest.wire import Reject

BATCH_BYTES = 32_000_000
"""A batch ends early when its records have so many bytes."""
MOST_REFUSED = 100
"""The source gives up on a file that begins with so many unreadable records, unless `force` is on."""


class NextSteps(NamedTuple):
    """What a user can do about files that the source can't read."""

    changed: str = AGAIN
    """About files that have changed behind a cursor."""
    refused: str = (
        "Nothing of it is written. Name its columns, fields or format (`trends ingest file --help`), or read on with "
        "--force, which puts them into `trends rejects`"
    )
    """About a file whose first records nobody can read."""


POSTS = NextSteps()


class FileSource(Generic[T]):
    """Items of files. Its cursor is a `FileCursor`.

    A folder with further files, or a last file that has grown, resumes at its cursor. Other changes of files raise
    `UsageError`. An unreadable file raises at its turn, and so does one that begins with `MOST_REFUSED` rejects, unless
    `force`: the source yields the files before it, and nothing of that file. It skips empty files.
    """

    def __init__(  # noqa: PLR0913 - a source, and how it refuses
        self,
        files: Sequence[Input],
        name: str,
        choose: Callable[[Content], Choice[T] | None],
        item_filter: ItemFilter[T],
        *,
        force: bool = False,
        steps: NextSteps = POSTS,
    ) -> None:
        """`choose` gives the reader for a content, none for an empty one, and raises `UsageError` if none reads it."""
        self.files = files
        self.name = name
        self._choose = choose
        self._filter = item_filter
        self._force = force
        self._steps = steps

    def sizes(self, cursor: Cursor) -> tuple[int, int]:
        """Bytes of all files as stored, and how many of them, about, are behind a cursor. Pipes count as 0."""
        position = position_of(cursor, self._steps.changed)
        sizes = [file.size for file in self.files]
        return sum(sizes), min(sum(sizes[: position.file]) + position.byte, sum(sizes))

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[T]]:
        """See `Source`. A batch ends with `most` items and rejects, with `BATCH_BYTES`, or where the files end."""
        position = position_of(cursor, self._steps.changed)
        first = open_at(position, self.files, self._steps.changed) if cursor else None
        given, limit = position.posts, self._filter.limit
        builder, takes_all = BatchBuilder[T](), self._filter.everything
        if limit is not None and given >= limit:
            if first is not None:
                first.close()
            return
        last: FileReader[T] | None = None
        try:
            for reader in self._open_readers(position, first):
                items = reader.items()
                for item in self._beginning(items, reader, builder):
                    if takes_all and type(item) is not Reject and type(item) is not Notice:  # as nearly every item
                        builder.items.append(item)  # type: ignore[arg-type] # an item, by its type
                        given += 1
                    else:
                        given += self._take(item, builder)
                    if len(builder.items) + len(builder.rejects) >= most or reader.record_bytes >= BATCH_BYTES:
                        yield _batch(builder, reader, given)
                        builder = BatchBuilder[T]()
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

    def _beginning(
        self, items: Iterator[T | Reject | Notice], reader: FileReader[T], builder: BatchBuilder[T]
    ) -> Iterator[T | Reject | Notice]:
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
                raise _not_read_on(refused, self._steps.refused)
        builder.rejects += refused
        return iter(())

    def _take(self, item: T | Reject | Notice, builder: BatchBuilder[T]) -> int:
        """Put an item where it belongs; return the number of items that the source delivers."""
        if isinstance(item, Reject):
            builder.rejects.append(item)
        elif isinstance(item, Notice):
            builder.notices += 1
        else:
            return builder.add(item, self._filter)
        return 0

    def _open_readers(self, position: FileCursor, first: Content | None) -> Iterator[FileReader[T]]:
        """The files from a position on that hold anything, each open until the next one."""
        for index in range(position.file, len(self.files)):
            file = self.files[index].open() if first is None or index > position.file else first
            with closing(file) as content:
                choice = self._choose(content)
                if choice is not None:
                    yield FileReader(content, choice, self._start(position, index, content))

    def _start(self, position: FileCursor, index: int, content: Content) -> FileCursor:
        """The start of reading a file."""
        head = begins(content)
        if index > position.file:
            return FileCursor(file=index, before=digest_of_names(self.files[:index]), head=head)
        return position if position.head[0] else msgspec.structs.replace(position, head=head)


def _batch(builder: BatchBuilder[T], reader: FileReader[T], given: int) -> Batch[T]:
    """Ends here: the cursor is behind the item that the open file gave last."""
    reader.record_bytes = 0
    builder.read_bytes += reader.read_bytes()
    return builder.batch(reader.position(given).cursor())


def _not_read_on(refused: list[Reject], next_step: str) -> TrendsError:
    first = refused[0]
    return TrendsError(
        f"it begins with {quantity(len(refused), 'record')} that can't be read, the first since: {first.reason}",
        where=first.where,
        next_step=next_step,
    )
