"""Posts as Bluesky's Jetstream gives them (version 1 of its wire): an event a line, or a message of the socket.

The hashtags are those that the post names: the tag features of its facets, in the order in which they stand in the
text, and its `tags`, which do not stand there. Bluesky makes no hashtag of a bare `#word`, and neither does this.

A post is written at its `createdAt`, which the author's client says, yet not after `time_us`, when the network had it:
the earlier of both, as Bluesky itself sorts posts. The payload keeps both.
"""

from typing import Annotated

import msgspec

from config.errors import BadRecordError
from ingest.hours import Millis
from ingest.post import Post
from ingest.sources.formats import Item, LineReader, Notice, utf8, why_not
from ingest.sources.lines import ZSTD
from ingest.sources.times import time_of

POSTS = "app.bsky.feed.post"
"""The collection that holds posts."""
TAG_FEATURE = "app.bsky.richtext.facet#tag"

_At = Annotated[int, msgspec.Meta(ge=0)]


class _Feature(msgspec.Struct, gc=False):
    type: str = msgspec.field(name="$type", default="")
    tag: str = ""


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
    facets: list[_Facet] | None = None
    tags: list[str] | None = None


_ABSENT = msgspec.Raw()


class _Commit(msgspec.Struct):
    operation: str
    collection: str
    rkey: str = ""
    record: msgspec.Raw = _ABSENT


class _Event(msgspec.Struct):
    did: str
    time_us: int
    kind: str
    commit: _Commit | None = None


_event_decoder = msgspec.json.Decoder(_Event)
_record_decoder = msgspec.json.Decoder(_Record)
_WRONG = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class JetstreamReader(LineReader):
    """Reads an event."""

    format = "jetstream"

    def read(self, record: bytes) -> list[Item]:
        """The post of an event, or a notice: what was deleted or changed is not another post, nor is a like one."""
        if record.startswith(ZSTD):
            raise BadRecordError("packed by zstd, and can't be unpacked")
        text = utf8(record).strip("\ufeff \t\r\n")
        if not text:
            return []
        try:
            event = _event_decoder.decode(text)
        except _WRONG as error:
            raise BadRecordError(f"not an event: {why_not(text, error)}") from None
        commit = event.commit
        if event.kind != "commit" or commit is None:
            return [Notice(event.kind)]
        if commit.collection != POSTS or commit.operation != "create":
            return [Notice(commit.operation if commit.collection == POSTS else commit.collection)]
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
        return self._reading.post(id_, _written(record, event), record.text, payload, lang, _tags(record))


def _written(record: _Record, event: _Event) -> Millis:
    """When it was written. A client may say anything, or nothing that can be read: then it is when it was seen."""
    seen = event.time_us // 1000
    try:
        return min(time_of(record.created_at), seen)
    except BadRecordError:
        return seen


def _tags(record: _Record) -> tuple[str, ...]:
    text, named = record.text.encode(errors="replace"), []
    for facet in sorted(record.facets or (), key=lambda facet: facet.index.start):
        for feature in facet.features:
            if feature.type == TAG_FEATURE:
                inside = text[facet.index.start : facet.index.end].decode(errors="ignore").lstrip("#＃")
                named.append(feature.tag or inside)
    return (*filter(None, named), *filter(None, record.tags or ()))
