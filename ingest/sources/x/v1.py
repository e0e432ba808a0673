"""Posts as X's API v1.1 gives them: a status a line, lines of a stream, answers of a search, X's own export.

The API's own hashtags come first. The API cuts the text of a retweet, and so its hashtags: the reader takes those of
the status that it repeats, and completes its text.
"""

import msgspec

from config.errors import BadRecordError
from ingest.post import Post
from ingest.sources.formats.contract import (
    BrokenPart,
    Item,
    LineReader,
    Notice,
    original_parts,
    replace_surrogates,
    utf8,
    why_not,
)
from ingest.sources.formats.plain_json import PlainDecoder
from ingest.sources.x.retweets import whole_retweet

NOTICES = (
    "delete", "limit", "scrub_geo", "status_withheld", "user_withheld", "disconnect", "warning", "friends", "event",
    "for_user", "control", "errors",
)  # fmt: skip
"""First keys of lines in a stream that are no status."""


class _Hashtag(msgspec.Struct, gc=False):
    text: str


class _Entities(msgspec.Struct):
    hashtags: list[_Hashtag] | None = None


class _ExtendedTweet(msgspec.Struct):
    full_text: str | None = None
    entities: _Entities | None = None


class _Status(msgspec.Struct):
    id: int | str | None = None
    id_str: str | None = None
    created_at: str | None = None
    timestamp_ms: str | int | None = None
    lang: str | None = None
    text: str | None = None
    full_text: str | None = None
    entities: _Entities | None = None
    extended_tweet: _ExtendedTweet | None = None
    retweeted_status: "_Status | None" = None
    statuses: list[msgspec.Raw] | None = None
    tweet: msgspec.Raw = msgspec.Raw()
    """In X's own export, all of it."""


_decoder = PlainDecoder(_Status)
_keys_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class V1Reader(LineReader):
    """Reads a line."""

    format = "x-v1"

    def read(self, record: bytes) -> list[Item]:
        """The status of a line, the statuses of a search's answer, or a notice."""
        text = utf8(record).strip("\ufeff \t\r\n")
        if not text:
            return []
        try:
            status = _decode(text)
            parts = _parts(status)
        except BadRecordError as error:
            status, parts = _beside_halves(text, error)
        if parts is not None:
            return [self._part(part) for part in parts]
        if status.id is None and status.id_str is None:
            if status.tweet:
                return [self._part(bytes(status.tweet))]
            if notice := _notice(text):
                return [notice]
        return [self._post(status, text)]

    def _part(self, raw: bytes) -> Item:
        try:
            text = utf8(raw)
            return self._post(_decode(text), text)
        except BadRecordError as error:
            return BrokenPart(raw, error.reason)

    def _post(self, status: _Status, payload: str) -> Post:
        id_ = status.id_str or (str(status.id) if status.id is not None else "")
        if not id_:
            raise BadRecordError("no id")
        if not id_.isdigit():
            id_ = self._reading.check_id(id_)
        text, tags = _text_and_tags(status)
        created_at = self._reading.moment(_time(status), id_)
        return self._reading.post(id_, created_at, text, payload, status.lang, tags)


def _decode(text: str) -> _Status:
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadRecordError(f"not a status: {why_not(text, error)}") from None


def _parts(status: _Status) -> list[bytes] | None:
    return None if status.statuses is None else [bytes(raw) for raw in status.statuses]


def _beside_halves(text: str, error: BadRecordError) -> tuple[_Status, list[bytes]]:
    """An answer that is well-formed but for half characters: the caller refuses only the statuses that have them."""
    try:
        status = _decode(replace_surrogates(text))
    except BadRecordError:
        raise error from None
    parts = _parts(status)
    if parts is None:
        raise error
    return status, original_parts(parts, text)


def _notice(text: str) -> Notice | None:
    try:
        kind = next(iter(_keys_decoder.decode(text)), "")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Notice(kind) if kind in NOTICES else None


def _time(status: _Status) -> str | None:
    return str(status.timestamp_ms) if status.timestamp_ms else status.created_at


def _text_and_tags(status: _Status) -> tuple[str, tuple[str, ...] | None]:
    """The whole text and the hashtags of a status; None where it names none at all."""
    own = status.extended_tweet or _ExtendedTweet()
    text = own.full_text or status.full_text or status.text
    if text is None:
        raise BadRecordError("no text")
    if status.retweeted_status is not None:
        original, tags = _text_and_tags(status.retweeted_status)
        return whole_retweet(text, original), tags
    entities = own.entities or status.entities
    if entities is None or entities.hashtags is None:
        return text, None
    return text, tuple(hashtag.text for hashtag in entities.hashtags)
