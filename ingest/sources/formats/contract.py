"""How a file holds posts: the contract of a format, and the checks of a post that all formats share."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

import msgspec

from config.errors import BadRecordError
from config.quantity import quantity
from config.settings import Settings
from ingest.hours import EARLIEST_MS, Millis, check_event_time
from ingest.post import Post
from ingest.sources.formats.ids import plain_id
from ingest.sources.formats.lines import Lines
from ingest.sources.formats.timestamps import by_id_or, time_of, time_of_id
from ingest.sources.languages import speaks

LONGEST_ID = 256
X = "x"
"""The source whose ids tell the time."""

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
"""An escaped character in JSON; two halves that belong together are one."""
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class BrokenPart(NamedTuple):
    """An unreadable part of a record; its neighbours are intact."""

    raw: bytes
    reason: str


class Notice(NamedTuple):
    """A record without a post by design: a delete, a limit, an error of the stream."""

    kind: str


Item = Post | BrokenPart | Notice
T_co = TypeVar("T_co", covariant=True)


class RecordReader(Protocol[T_co]):
    """Reads one record."""

    spec: str
    """JSON from which `ingest.sources.registry.reader_of` makes an equal reader."""

    def read(self, record: bytes) -> Sequence[T_co | BrokenPart | Notice]:
        """The parts of a record, in order; none of a blank one. Raises `BadRecordError` for an unreadable record."""
        ...


class FileRecordReader(RecordReader[T_co], Protocol[T_co]):
    """Reads the records of one file, or one of them again."""

    header_lines: int
    """Lines before the first record."""

    def frame(self, lines: Lines) -> bytes:
        """The bytes of the next record, which may span lines; nothing at the end. Never raises for a bad record."""
        ...


class Reader(FileRecordReader[Post], Protocol):
    """Reads the posts of one file, or one record of it again."""

    has_lang: bool
    """Whether posts may say their language."""


@dataclass(frozen=True)
class Reading:
    """Input of every reader: the source of the posts, and the clock that checks them."""

    source: str
    now: Callable[[], Millis]
    future_ms: int
    keep_payload: bool
    langs: frozenset[str] = frozenset()
    """Languages of the filter."""
    time_from_id: bool = False
    """Whether the id gives the time of a post, and not its record."""

    @classmethod
    def from_settings(cls, settings: Settings, source: str, now: Callable[[], Millis]) -> Self:
        """Rules for reading and checking the posts of a source, by the settings."""
        return cls(source, now, int(settings.archive.future_s * 1000), settings.ingest.keep_payload)

    @property
    def time_from(self) -> str:
        """The same, as a reader's spec has it."""
        return "id" if self.time_from_id else ""

    def check_id(self, id_: str) -> str:
        """The id of the service, from any spelling by a tool. Raises `BadRecordError` for a damaged one."""
        return plain_id(id_, of_x=self.source == X)

    def moment(self, time_text: str | None, id_: str) -> Millis:
        """Event time by the record or the id (see `by_id_or`). Raises `BadRecordError`."""
        if not time_text or self.time_from_id:
            return time_of_id(id_)
        return by_id_or(time_text, id_) if self.source == X else time_of(time_text)

    def lang_of(self, langs: Sequence[str]) -> str | None:
        """The language of a post with several: the first of the filter, else the first."""
        return next((lang for lang in langs if speaks(lang, self.langs)), langs[0] if langs else None)

    def post(  # noqa: PLR0913, PLR0917 - the fields of a post
        self, id_: str, created_at: Millis, text: str, payload: str, lang: str | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> Post:  # fmt: skip
        """A checked post. Raises `BadRecordError`."""
        if not id_ or len(id_) > LONGEST_ID:
            raise BadRecordError(f"an id of {quantity(len(id_), 'character')}" if id_ else "no id")
        received_at = self.now()
        if not EARLIEST_MS <= created_at <= received_at + self.future_ms:
            check_event_time(created_at, received_at, self.future_ms)  # which says why not
        return Post(id_, self.source, created_at, received_at, text, lang, tags, payload if self.keep_payload else None)


class LineReader:
    """Base of the readers whose record is a line of JSON."""

    format: ClassVar[str]
    """Its name in the registry."""
    header_lines = 0
    has_lang = True

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        spec = {"format": self.format, "source": reading.source}
        if reading.time_from:
            spec["time_from"] = reading.time_from
        self.spec = msgspec.json.encode(spec).decode()

    @classmethod
    def from_spec(cls, _spec: dict[str, Any], reading: Reading) -> Self:
        """See `registry.make_reader`."""
        return cls(reading)

    def frame(self, lines: Lines) -> bytes:
        """A line."""
        return lines.next()


def why_not(text: str, error: Exception) -> str:
    """Reason why JSON does not decode to the expected form."""
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "nested too deep" if isinstance(error, RecursionError) else str(error)
    return "holds half a character (a lone surrogate)"  # the standard library alone lets it pass


def replace_surrogates(text: str) -> str:
    """JSON in which each half character is another one: as long as before, so that positions beside it stay."""
    return _ESCAPE.sub(lambda escape: r"\ufffd" if _HALF.fullmatch(escape[0]) else escape[0], text)


def original_parts(parts: Iterable[bytes], text: str) -> list[bytes]:
    """Parts of the mended text, in order, as the text itself has them."""
    searched, at, found = replace_surrogates(text), 0, []
    for part in map(bytes.decode, parts):
        at = searched.index(part, at)
        found.append(text[at : at + len(part)].encode())
        at += len(part)
    return found


def _refuse(constant: str) -> None:
    """The standard library alone takes NaN and Infinity for JSON."""
    raise ValueError(constant)


def utf8(record: bytes) -> str:
    """A record as text. Raises `BadRecordError`."""
    try:
        return record.decode()
    except UnicodeDecodeError as error:
        raise BadRecordError(f"not UTF-8: byte {error.start} is {record[error.start]:#04x}") from None
