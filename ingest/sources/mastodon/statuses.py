"""Posts as Mastodon gives them: a status a line, or its streams as recorded.

A recording holds server-sent events, or the messages of a WebSocket, a line each (`{"stream": ["public"],
"event": "update", "payload": "{…}"}`).

The `uri` names a status, since it is the same on every server. A boost is the status that it repeats. The hashtags are
the status's `tags`, as its content spells them (`hashtag_spelling`); its content is HTML, of which the reader keeps the
text. A status that is neither public nor unlisted is a notice.
"""

import re
from html import unescape

import httpx
import msgspec
from httpx_sse import EventSource, SSEError

from config.errors import BadRecordError
from ingest.post import Post
from ingest.sources.formats.contract import Item, LineReader, Notice, utf8, why_not
from ingest.sources.formats.lines import Lines
from ingest.sources.formats.plain_json import PlainDecoder
from ingest.sources.formats.timestamps import time_of
from ingest.sources.mastodon.hashtag_spelling import restore_spelling
from ingest.sources.unpacking.content import UTF8_MARK

UPDATE = "update"
"""The event that brings a new status. An edit comes as `status.update`, and is not another post."""
PUBLISHED = ("public", "unlisted")

_FIELDS = (b"event:", b"data:", b"id:", b"retry:", b":")
"""How a line of an event stream begins."""
_BREAK = re.compile(r"<(?:br|p|li|blockquote|pre)\b[^<>]*>")
_TAG = re.compile(r"<[^<>]*>")
_MOST_LINES = 100
"""Lines that one event may span."""


class _Tag(msgspec.Struct, gc=False):
    name: str


class _Status(msgspec.Struct):
    uri: str
    created_at: str
    content: str
    visibility: str = "public"
    language: str | None = None
    tags: list[_Tag] | None = None
    reblog: "_Status | None" = None


class _Message(msgspec.Struct, gc=False):
    """A message of a WebSocket: the payload is JSON in a text, which some tools have unpacked."""

    event: str
    payload: msgspec.Raw = msgspec.Raw(b'""')


_decoder = PlainDecoder(_Status)
_message_decoder = msgspec.json.Decoder(_Message)
_MESSAGE = re.compile(r'\{\s*"(?:stream|event|payload)"')
"""How a message begins; a status does so with neither."""


class MastodonReader(LineReader):
    """Reads a status, or an event."""

    format = "mastodon"

    def frame(self, lines: Lines) -> bytes:
        """A line, or the lines of an event up to a blank one."""
        taken = [lines.next()]
        taken[0] = taken[0].removeprefix(UTF8_MARK)
        while taken[-1].startswith(_FIELDS) and len(taken) < _MOST_LINES:
            taken.append(lines.next())
        if len(taken) > 1 and taken[-1].strip():  # the event has no end: the next line stands for itself
            lines.back([taken.pop()])
        return b"".join(taken)

    def read(self, record: bytes) -> list[Item]:
        """The status of a line or of an event, or a notice. Nothing for a comment, which keeps a stream alive."""
        text = utf8(record).strip("\ufeff \t\r\n")
        if not record.startswith(_FIELDS):
            return [self._line(text)] if text else []
        return [self.of_event(kind, data) for kind, data in _events(text)]

    def of_event(self, kind: str, data: str) -> Item:
        """The status in an event of a stream, or a notice. Raises `BadRecordError`."""
        return self._status(data) if kind == UPDATE else Notice(kind)

    def _line(self, text: str) -> Item:
        try:
            return self._status(text)
        except BadRecordError:
            if not _MESSAGE.match(text):
                raise
        return self._message(text)

    def _message(self, text: str) -> Item:
        try:
            message = _message_decoder.decode(text)
            payload = bytes(message.payload).decode()
            told = msgspec.json.decode(payload, type=str) if payload.startswith('"') else payload
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise BadRecordError(f"not a message of a stream: {why_not(text, error)}") from None
        return self.of_event(message.event, told)

    def _status(self, text: str) -> Item:
        try:
            status = _decoder.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise BadRecordError(f"not a status: {why_not(text, error)}") from None
        status = status.reblog or status
        if status.visibility not in PUBLISHED:
            return Notice(status.visibility)
        tags = (
            None if status.tags is None else tuple(restore_spelling([tag.name for tag in status.tags], status.content))
        )
        return self._post(status, text, tags)

    def _post(self, status: _Status, payload: str, tags: tuple[str, ...] | None) -> Post:
        created_at = time_of(status.created_at)
        return self._reading.post(status.uri, created_at, plain(status.content), payload, status.language, tags)


def plain(html: str) -> str:
    """The text of a status's HTML, which its server has cleaned: a line a paragraph."""
    return unescape(_TAG.sub("", _BREAK.sub("\n", html))).strip("\n")


def _events(text: str) -> list[tuple[str, str]]:
    """Kind and data of the events of a recorded stream; a last one that is complete but for its blank line too."""
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=f"{text}\n\n".encode())
    try:
        return [(event.event, event.data) for event in EventSource(response).iter_sse()]
    except SSEError as error:
        raise BadRecordError(f"not an event: {error}") from None
