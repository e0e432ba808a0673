"""Posts in files: CSV and JSON lines, plain, gzip or zstd, in folders and patterns, in order of their names."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec

from config.errors import UsageError
from ingest.post import Post
from ingest.sources import FORMATS, PUBLISHED_ON
from ingest.sources.base import Batch, Cursor
from ingest.sources.csv_rows import columns_of
from ingest.sources.detect import Detected, detect
from ingest.sources.formats import Notice, Reader, Reading
from ingest.sources.gathered import Gathered
from ingest.sources.lines import head
from ingest.sources.opened import Opened
from ingest.sources.positions import Position, digest_of_names, expanded, identity, resumed
from ingest.sources.wanted import Wanted
from ingest.wire import Reject

logger = logging.getLogger(__name__)

BATCH_BYTES = 32_000_000
"""A batch ends early when its records have so many bytes."""
HEADER_BYTES = 65_536
DEFAULT = "x"
"""Where posts were published if neither their format tells nor somebody says."""
ALL = Wanted()


class FileSource:
    """Posts in files. Its cursor is a `Position`; its name tells the paths as asked and what is wanted of them.

    A reading whose `source` is empty takes the one that is usual for the format of each file.

    A folder that has got further files, or a last file that has grown, goes on where it stood. Files that are not what
    they were are refused, and said (`UsageError`).
    """

    def __init__(  # noqa: PLR0913 - what is asked of files
        self,
        paths: Sequence[str],
        reading: Reading,
        *,
        format: str = "auto",
        columns: Mapping[str, str] | None = None,
        wanted: Wanted = ALL,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        self.files = expanded(paths)
        self.name = _name(paths, reading.source, wanted)
        self._asked = replace(reading, langs=wanted.langs)
        self._format = format
        self._columns = dict(columns or {})
        self._wanted = wanted
        self._say = say

    def sizes(self, cursor: Cursor) -> tuple[int, int]:
        """Bytes of all files as stored, and how many of them, about, are behind a cursor."""
        position = resumed(cursor, self.files)
        sizes = [file.stat().st_size for file in self.files]
        return sum(sizes), min(sum(sizes[: position.file]) + position.byte, sum(sizes))

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch]:
        """See `Source`. A batch ends with `most` posts and rejects, with `BATCH_BYTES`, or where the files end."""
        position = resumed(cursor, self.files)
        given, limit = position.posts, self._wanted.limit
        gathered, takes_all = Gathered(), self._wanted.everything
        if limit is not None and given >= limit:
            return
        for opened in self._opened(position):
            for item in opened.items():
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
        if gathered:
            yield _batch(gathered, last, given)

    def _take(self, item: Post | Reject | Notice, gathered: Gathered) -> int:
        """Put an item where it belongs; how many posts were taken."""
        if type(item) is Post:
            return gathered.take(item, self._wanted)
        if type(item) is Reject:
            gathered.rejects.append(item)
        else:
            gathered.notices += 1
        return 0

    def _opened(self, position: Position) -> Iterator[Opened]:
        """The files from a position on, each open while it is read."""
        for index in range(position.file, len(self.files)):
            file = self.files[index]
            if index > position.file:
                start = Position(file=index, before=digest_of_names(self.files[:index]), head=identity(file))
            else:
                start = position if position.head[0] else msgspec.structs.replace(position, head=identity(file))
            with closing(Opened(file, self._reader(file), start)) as opened:
                yield opened

    def _reader(self, file: Path) -> Reader:
        found = Detected(self._format, "asked for") if self._format != "auto" else detect(file, self._columns)
        if self._format == "auto":
            self._say(f"{file.name}: reading it as {found.format}, since {found.why}")
        reading = replace(self._asked, source=self._asked.source or PUBLISHED_ON.get(found.format, DEFAULT))
        spec: dict[str, object] = {"format": found.format, "source": reading.source}
        if found.format == "csv":
            spec = self._csv_spec(file, reading.source)
        reader = FORMATS[found.format](spec, reading)
        if self._wanted.langs and not reader.has_lang:
            raise UsageError("no column tells the language", where=str(file), next_step="Name it: --lang-column")
        return reader

    def _csv_spec(self, file: Path, source: str) -> dict[str, object]:
        header = head(file, HEADER_BYTES).partition(b"\n")[0]
        columns = columns_of(header, self._columns, source, str(file))
        spec: dict[str, object] = msgspec.to_builtins(columns)
        return spec


def _batch(gathered: Gathered, opened: Opened, given: int) -> Batch:
    """Ends here: the cursor is behind the item that the open file gave last."""
    opened.record_bytes = 0
    gathered.read_bytes += opened.read_bytes()
    return gathered.batch(opened.position(given).cursor())


def _name(paths: Sequence[str], source: str, wanted: Wanted) -> str:
    asked = [
        [str(Path(path).absolute()) for path in paths],
        source or DEFAULT,
        sorted(wanted.langs),
        sorted(wanted.tags),
    ]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
    shown = Path(paths[0]).name[:60].encode(errors="replace").decode()
    return f"file:{shown}:{digest}"
