"""Posts as X's API v2 gives them: answers (`data` and `includes`), lines of a stream, and flattened lines.

The API's own hashtags come first. The API cuts the text of a retweet, and so its hashtags: where the record holds the
post that it repeats, the reader takes the hashtags of that post, and completes the text. Of a long post `text` and
`entities` are its beginning: all of it is in `note_tweet`, which comes first. An edited post is the same post: it keeps
the id and the time of its first version, so that an edit does not count as another post.
"""

import msgspec

from config.errors import BadRecordError
from ingest.hours import Millis
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
from ingest.sources.formats.timestamps import time_of_id
from ingest.sources.x.retweets import whole_retweet

NOTICES = ("errors", "action", "meta", "title", "status")
"""Keys of a record without a post: errors of the stream, compliance lines, an empty answer."""


class _Hashtag(msgspec.Struct, gc=False):
    tag: str


class _Entities(msgspec.Struct):
    hashtags: list[_Hashtag] | None = None


class _Note(msgspec.Struct):
    """A long post, whole."""

    text: str
    entities: _Entities | None = None


class _Reference(msgspec.Struct):
    """A referenced post: its id alone, or all of it in flattened lines and in `includes`."""

    id: str | int = ""
    type: str = ""
    text: str | None = None
    entities: _Entities | None = None
    note_tweet: _Note | None = None


class _Tweet(msgspec.Struct):
    id: str | int | None = None
    text: str | None = None
    created_at: str | None = None
    lang: str | None = None
    entities: _Entities | None = None
    note_tweet: _Note | None = None
    referenced_tweets: list[_Reference] | None = None
    edit_history_tweet_ids: list[str] | None = None


class _Includes(msgspec.Struct):
    tweets: list[_Reference] = []


_ABSENT = msgspec.Raw()


class _Line(_Tweet):
    data: msgspec.Raw = _ABSENT
    includes: msgspec.Raw = _ABSENT
    errors: msgspec.Raw = _ABSENT
    action: msgspec.Raw = _ABSENT
    meta: msgspec.Raw = _ABSENT
    title: msgspec.Raw = _ABSENT
    status: msgspec.Raw = _ABSENT
    tweet: msgspec.Raw = _ABSENT
    """All of it, as X's own export wraps it."""


_line_decoder = PlainDecoder(_Line)
_tweet_decoder = PlainDecoder(_Tweet)
_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_includes_decoder = PlainDecoder(_Includes)
_WRONG = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)

_References = dict[str, _Reference]


class V2Reader(LineReader):
    """Reads a line."""

    format = "x-v2"

    def read(self, record: bytes) -> list[Item]:
        """The posts of an answer, the post of a line, or a notice. A post in `includes` alone is no post."""
        text = utf8(record).strip("\ufeff \t\r\n")
        if not text:
            return []
        try:
            line, parts = _decode(text)
        except _WRONG as error:
            line, parts = _beside_halves(text, why_not(text, error))
        if parts is not None:
            references = _references_of(line.includes)
            return [self._part(raw, references) for raw in parts]
        if line.text is None:
            if line.tweet != _ABSENT:
                return [self._part(bytes(line.tweet), {})]
            for kind in NOTICES:
                if getattr(line, kind) != _ABSENT:
                    return [Notice(kind)]
        return [self._post(line, text, {})]

    def _part(self, raw: bytes, references: _References) -> Item:
        try:
            text = utf8(raw)
            try:
                tweet = _tweet_decoder.decode(text)
            except _WRONG as error:
                raise BadRecordError(f"not a post: {why_not(text, error)}") from None
            return self._post(tweet, text, references)
        except BadRecordError as error:
            return BrokenPart(raw, error.reason)

    def _post(self, tweet: _Tweet, payload: str, references: _References) -> Post:
        id_, created_at = self._id_and_time(tweet)
        text, tags = _text_and_tags(tweet, references)
        return self._reading.post(id_, created_at, text, payload, tweet.lang, tags)

    def _id_and_time(self, tweet: _Tweet) -> tuple[str, Millis]:
        """The id and the time, those of the first version of an edited post."""
        if tweet.id is None or tweet.id == "":
            raise BadRecordError("no id")
        id_ = str(tweet.id)
        if not id_.isdigit():
            id_ = self._reading.check_id(id_)
        history = tweet.edit_history_tweet_ids
        if history and history[0] != id_ and id_ in history:
            return history[0], time_of_id(history[0])
        return id_, self._reading.moment(tweet.created_at, id_)


def _decode(text: str) -> tuple[_Line, list[bytes] | None]:
    line = _line_decoder.decode(text)
    return line, _parts(line.data) if line.data != _ABSENT else None


def _beside_halves(text: str, why: str) -> tuple[_Line, list[bytes] | None]:
    """An answer that is well-formed but for half characters: the caller refuses only the posts that have them."""
    try:
        line, parts = _decode(replace_surrogates(text))
    except _WRONG:
        parts = None
    if parts is None:
        raise BadRecordError(f"not an answer or post: {why}")
    return line, original_parts(parts, text)


def _parts(data: msgspec.Raw) -> list[bytes]:
    raw = bytes(data)
    if not raw.startswith(b"["):
        return [raw]
    return [bytes(part) for part in _list_decoder.decode(raw)]


def _references_of(includes: msgspec.Raw) -> _References:
    if includes == _ABSENT:
        return {}
    try:
        return {str(tweet.id): tweet for tweet in _includes_decoder.decode(includes).tweets}
    except _WRONG:  # `includes` only completes retweets: the posts stand without it
        return {}


def _text_and_tags(tweet: _Tweet, references: _References) -> tuple[str, tuple[str, ...] | None]:
    """The whole text and the hashtags; None where the record names none at all (the request left entities out)."""
    own = _whole(tweet)
    if own is None:
        raise BadRecordError("no text")
    for reference in tweet.referenced_tweets or ():
        if reference.type == "retweeted":
            original = _whole(reference) or _whole(references.get(str(reference.id)))
            if original is not None:
                return whole_retweet(own.text, original.text), _tags(original.entities)
    return own.text, _tags(own.entities)


def _whole(tweet: _Tweet | _Reference | None) -> _Note | None:
    """All of a post, be it long or not; None where the record does not hold it."""
    if tweet is None:
        return None
    return tweet.note_tweet or (None if tweet.text is None else _Note(tweet.text, tweet.entities))


def _tags(entities: _Entities | None) -> tuple[str, ...] | None:
    if entities is None:
        return None
    return tuple(hashtag.tag for hashtag in entities.hashtags or ())
