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
from ingest.sources.batching import Gathered
from ingest.sources.files.content import Content
from ingest.sources.files.cursor import Position, digest_of_names, expanded, resumed
from ingest.sources.files.inputs import STANDARD_INPUT, Input, Pipe, begins, is_pipe
from ingest.sources.files.reader import Opened
from ingest.sources.files.reader_choice import ReaderChoice
from ingest.sources.formats.contract import Notice, Reading, X
from ingest.sources.formats.csv_cells import Escape
from ingest.sources.formats.csv_header import Asked
from ingest.sources.selection import Wanted
from ingest.wire import Reject

logger = logging.getLogger(__name__)

BATCH_BYTES = 32_000_000
"""A batch ends early when its records have so many bytes."""
MOST_REFUSED = 100
"""A file that begins with so many records that can't be read is not read on, unless that is asked for."""
ALL = Wanted()

Item = Post | Reject | Notice


class FileSource:
    """Posts in files. Its cursor is a `Position`; its name tells the paths as asked and what is wanted of them.

    A reading whose `source` is empty takes the one that is usual for the format of each file.

    A folder that has got further files, or a last file that has grown, goes on where it stood. Files that are not what
    they were are refused, and said (`UsageError`). A file that can't be read at all raises when its turn comes, and
    one that begins with `MOST_REFUSED` refusals does, unless `force`: what was read before is given then. Of such a
    file nothing is. A file in which there is nothing is passed over.
    """

    def __init__(  # noqa: PLR0913 - what is asked of files
        self,
        paths: Sequence[str],
        reading: Reading,
        *,
        format: str = "auto",
        columns: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        delimiter: str = "",
        escape: Escape | None = None,
        wanted: Wanted = ALL,
        force: bool = False,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        self.files = expanded(paths)
        self.name = _name(paths, self.files, reading.source, wanted)
        asked = Asked(dict(columns or {}), dict(fields or {}), delimiter, escape)
        self._choice = ReaderChoice(replace(reading, langs=wanted.langs), format, asked, say)
        self._wanted = wanted
        self._force = force

    def sizes(self, cursor: Cursor) -> tuple[int, int]:
        """Bytes of all files as stored, and how many of them, about, are behind a cursor. Of pipes nothing is known."""
        position = resumed(cursor, self.files)
        sizes = [file.size for file in self.files]
        return sum(sizes), min(sum(sizes[: position.file]) + position.byte, sum(sizes))

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch]:
        """See `Source`. A batch ends with `most` posts and rejects, with `BATCH_BYTES`, or where the files end."""
        position = resumed(cursor, self.files)
        given, limit = position.posts, self._wanted.limit
        gathered, takes_all = Gathered(), self._wanted.everything
        if limit is not None and given >= limit:
            return
        last: Opened | None = None
        try:
            for opened in self._opened(position):
                items = opened.items()
                for item in self._begun(items, opened, gathered):
                    if takes_all and type(item) is Post:
                        gathered.posts.append(item)
                        given += 1
                    else:
                        given += self._take(item, gathered)
                    if len(gathered.posts) + len(gathered.rejects) >= most or opened.record_bytes >= BATCH_BYTES:
                        yield _batch(gathered, opened, given)
                        gathered = Gathered()
                    if given == limit:
                        if gathered:
                            yield _batch(gathered, opened, given)
                        return
                gathered.read_bytes += opened.read_bytes()
                last = opened
        except TrendsError:
            if gathered and last is not None:
                yield _batch(gathered, last, given)
            raise
        if gathered and last is not None:
            yield _batch(gathered, last, given)

    def _begun(self, items: Iterator[Item], opened: Opened, gathered: Gathered) -> Iterator[Item]:
        """The items of a file, but refusals that it begins with: they are gathered. Raises where they are too many."""
        if self._force or not opened.fresh:
            return items
        refused: list[Reject] = []
        for item in items:
            if type(item) is not Reject:
                gathered.rejects += refused
                return chain([item], items)
            refused.append(item)
            if len(refused) >= MOST_REFUSED or opened.record_bytes >= BATCH_BYTES:
                raise _not_read_on(refused)
        gathered.rejects += refused
        return iter(())

    def _take(self, item: Item, gathered: Gathered) -> int:
        """Put an item where it belongs; how many posts were taken."""
        if type(item) is Post:
            return gathered.take(item, self._wanted)
        if type(item) is Reject:
            gathered.rejects.append(item)
        else:
            gathered.notices += 1
        return 0

    def _opened(self, position: Position) -> Iterator[Opened]:
        """The files from a position on that hold anything, each open while it is read."""
        for index in range(position.file, len(self.files)):
            with closing(self.files[index].open()) as content:
                choice = self._choice.of(content)
                if choice is not None:
                    yield Opened(content, choice.reader, self._start(position, index, content), layout=choice.layout)

    def _start(self, position: Position, index: int, content: Content) -> Position:
        """Where a file is read from."""
        head = begins(content)
        if index > position.file:
            return Position(file=index, before=digest_of_names(self.files[:index]), head=head)
        return position if position.head[0] else msgspec.structs.replace(position, head=head)


def _batch(gathered: Gathered, opened: Opened, given: int) -> Batch:
    """Ends here: the cursor is behind the item that the open file gave last."""
    opened.record_bytes = 0
    gathered.read_bytes += opened.read_bytes()
    return gathered.batch(opened.position(given).cursor())


def _not_read_on(refused: list[Reject]) -> TrendsError:
    first = refused[0]
    return TrendsError(
        f"it begins with {quantity(len(refused), 'record')} that can't be read, the first since: {first.reason}",
        where=first.where,
        next_step="Nothing of it is written. Name its columns, fields or format (`trends ingest file --help`), or read "
        "on with --force, which puts them into `trends rejects`",
    )


def _name(paths: Sequence[str], files: Sequence[Input], source: str, wanted: Wanted) -> str:
    pipes = {str(file.path): file.name for file in files if isinstance(file, Pipe)}
    asked = [
        [pipes[path] if is_pipe(path) else str(Path(path).absolute()) for path in paths],
        source or X,
        sorted(wanted.langs),
        sorted(wanted.tags),
    ]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
    first = STANDARD_INPUT if is_pipe(paths[0]) else Path(paths[0]).name
    return f"file:{first[:60].encode(errors='replace').decode()}:{digest}"
