"""Posts as Bluesky's Jetstream gives them (version 1 of its wire): an event a line, or a message of the socket.

Until October 2024 an event named its kind and its operation in `type`, by other words; the reader
takes such recordings too.

The hashtags are those that the post names: the tag features of its facets, in the order in which they stand in the
text, and its `tags`, which do not stand there. Bluesky makes no hashtag of a bare `#word`, and neither does this.

The time of a post is its `createdAt`, which the author's client says, yet not after `time_us`, when the network had it:
the earlier of both, as Bluesky itself sorts posts. A time before there were posts is no time. The payload keeps both.
"""

from contextlib import suppress
from typing import Annotated, TypeVar

import msgspec

from config.errors import BadRecordError
from ingest.hours import EARLIEST_MS, Millis
from ingest.post import Post
from ingest.sources.formats.contract import Item, LineReader, Notice, utf8, why_not
from ingest.sources.formats.plain_json import PlainDecoder
from ingest.sources.formats.timestamps import time_of
from ingest.sources.unpacking.packing import ZSTD

POSTS = "app.bsky.feed.post"
"""The collection that holds posts."""
TAG_FEATURE = "app.bsky.richtext.facet#tag"

_At = Annotated[int, msgspec.Meta(ge=0)]


_ABSENT = msgspec.Raw(b"[]")


class _Feature(msgspec.Struct, gc=False):
    """Of a facet. There are many kinds, and this wants one."""

    type: str = msgspec.field(name="$type", default="")
    tag: str | None = None


class _Index(msgspec.Struct, gc=False):
    """Bytes of the text in UTF-8, the end exclusive."""

    start: _At = msgspec.field(name="byteStart")
    end: _At = msgspec.field(name="byteEnd")


class _Facet(msgspec.Struct):
    index: _Index
    features: list[_Feature]


class _Record(msgspec.Struct):
    text: str
    created_at: str = msgspec.field(name="createdAt", default="")
    langs: list[str] | None = None
    facets: msgspec.Raw = _ABSENT
    tags: msgspec.Raw = _ABSENT


class _Commit(msgspec.Struct):
    collection: str
    operation: str = ""
    type: str = ""
    rkey: str = ""
    record: msgspec.Raw = _ABSENT


class _Event(msgspec.Struct):
    did: str
    time_us: int
    kind: str = ""
    type: str = ""
    commit: _Commit | None = None


_KINDS_BEFORE = {"com": "commit", "id": "identity", "acc": "account"}
_OPERATIONS_BEFORE = {"c": "create", "u": "update", "d": "delete"}
"""The words of the wire until October 2024."""

_event_decoder = PlainDecoder(_Event)
_record_decoder = PlainDecoder(_Record)
_facet_decoder = msgspec.json.Decoder(_Facet)
_facets_decoder = msgspec.json.Decoder(list[_Facet])
_tag_decoder = msgspec.json.Decoder(str)
_tags_decoder = msgspec.json.Decoder(list[str])
_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_T = TypeVar("_T")
_WRONG = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class JetstreamReader(LineReader):
    """Reads an event."""

    format = "jetstream"

    def read(self, record: bytes) -> list[Item]:
        """The post of an event, or a notice: a deletion or a change is not another post, nor is a like one."""
        if record.startswith(ZSTD):
            raise BadRecordError("packed by zstd, and can't be unpacked")
        text = utf8(record).strip("\ufeff \t\r\n")
        if not text:
            return []
        try:
            event = _event_decoder.decode(text)
        except _WRONG as error:
            raise BadRecordError(f"not an event: {why_not(text, error)}") from None
        kind, commit = event.kind or _KINDS_BEFORE.get(event.type, event.type), event.commit
        if not kind:
            raise BadRecordError("not an event: no kind")
        if kind != "commit" or commit is None:
            return [Notice(kind)]
        operation = commit.operation or _OPERATIONS_BEFORE.get(commit.type, commit.type)
        if commit.collection != POSTS or operation != "create":
            return [Notice(operation if commit.collection == POSTS else commit.collection)]
        return [self._post(event, commit, text)]

    def _post(self, event: _Event, commit: _Commit, payload: str) -> Post:
        if not event.did or not commit.rkey:
            raise BadRecordError("no id")
        try:
            record = _record_decoder.decode(commit.record)
        except _WRONG as error:
            raise BadRecordError(f"not a post: {why_not(payload, error)}") from None
        lang = self._reading.lang_of(record.langs or ())
        id_ = f"at://{event.did}/{POSTS}/{commit.rkey}"
        return self._reading.post(id_, _created_at(record, event), record.text, payload, lang, _tags(record))


def _created_at(record: _Record, event: _Event) -> Millis:
    """The time of a post. A client may say anything, or nothing readable: then the time at which the network had it."""
    seen = event.time_us // 1000
    try:
        written = time_of(record.created_at)
    except BadRecordError:
        return seen
    return min(written, seen) if written >= EARLIEST_MS else seen


def _tags(record: _Record) -> tuple[str, ...]:
    text, named = record.text.encode(errors="replace"), []
    facets = _readable(record.facets, _facets_decoder, _facet_decoder)
    for facet in sorted(facets, key=lambda facet: facet.index.start):
        for feature in facet.features:
            if feature.type == TAG_FEATURE:
                inside = text[facet.index.start : facet.index.end].decode(errors="ignore").lstrip("#＃")
                named.append(feature.tag or inside)
    beside = _readable(record.tags, _tags_decoder, _tag_decoder)
    return (*filter(None, named), *filter(None, beside))


def _readable(
    raw: msgspec.Raw, every: "msgspec.json.Decoder[list[_T]]", single: "msgspec.json.Decoder[_T]"
) -> list[_T]:
    """The readable elements of a list. Others, which anybody may put there, refuse neither these nor the post."""
    try:
        return every.decode(raw)
    except _WRONG:
        pass
    found: list[_T] = []
    try:
        for each in _list_decoder.decode(raw):
            with suppress(*_WRONG):
                found.append(single.decode(each))
    except _WRONG:
        pass
    return found
