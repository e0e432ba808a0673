"""Posts as records of a feed: of any source of `trends ingest`, by language and tag."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from config.errors import BadRecordError, UsageError
from ingest.feeds.declaration.model import PostRecords
from ingest.feeds.record import Record
from ingest.feeds.sources.files.file_records import CHANGED
from ingest.feeds.sources.source_request import SourceRequest
from ingest.hours import Millis, moment_of
from ingest.post import Post
from ingest.rule.escapes import author_text
from ingest.rule.hashtags import Rule, tags_of
from ingest.sources.base import Batch, Cursor, Source
from ingest.sources.files.post_files import PostFiles
from ingest.sources.files.source import NextSteps
from ingest.sources.formats.contract import BrokenPart, Notice, Reading, RecordReader
from ingest.sources.formats.timestamps import time_of
from ingest.sources.live.entry import LiveEntry, Option
from ingest.sources.live.posts import live_posts
from ingest.sources.live.source import LiveSource
from ingest.sources.registry import LIVE, live_entry
from ingest.sources.registry import reader_of as posts_reader
from ingest.sources.sample.source import SampleSource
from ingest.sources.selection import PostFilter
from ingest.sources.status import State

FILE, SAMPLE = "file", "sample"
_STEPS = NextSteps(CHANGED, "Nothing of it is written. `trends ingest file --help` says which files hold posts")
_KINDS = {"flag": bool, "count": int}
"""Types of values by the type of their option; a text otherwise."""


class PostRecordSource:
    """The posts of a source as records. The cursor is that of the posts."""

    def __init__(self, posts: Source[Post], rule: Rule) -> None:
        self.name = posts.name
        self._posts = posts
        self._rule = rule

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[Record]]:
        """See `Source`."""
        for batch in self._posts.batches(cursor, most):
            yield Batch(
                [record_of(post, self._rule) for post in batch.items], batch.rejects, batch.cursor, batch.notices,
                batch.filtered, batch.read_bytes, batch.gaps, batch.state,
            )  # fmt: skip


class LivePostRecordSource(PostRecordSource):
    """The posts of a live source as records."""

    def __init__(self, posts: LiveSource[Post], rule: Rule) -> None:
        super().__init__(posts, rule)
        self._live = posts

    def final_state(self, state: str, why: str) -> State:
        """See `LiveSource`."""
        return self._live.final_state(state, why)


def make(request: SourceRequest[PostRecords]) -> Source[Record]:
    """The source of a feed of posts. Raises `UsageError`."""
    settings, table, now = request.settings, request.table, request.now
    rule = Rule.from_settings(settings.rule)
    post_filter = filter_of(table, rule)
    if table.from_ in LIVE:
        options = _options(live_entry(table.from_), table, now)
        live = live_posts(settings, table.from_, options, post_filter, now)(request.stop)
        return LivePostRecordSource(live, rule)
    if table.options:
        raise UsageError(f"posts from {table.from_} take no options", where="source.options")
    if table.from_ == FILE:
        if table.path is None:
            raise UsageError("posts from a file need `path`", where="source.path")
        reading = Reading.from_settings(settings, "", now)
        files = PostFiles([table.path], reading, post_filter=post_filter, steps=_STEPS, say=request.say)
        return PostRecordSource(files, rule)
    if table.from_ != SAMPLE:
        there = ", ".join([*LIVE, SAMPLE, FILE])
        raise UsageError(f"no source of posts {table.from_[:40]!r}; there are {there}", where="source.from")
    reading = Reading.from_settings(settings, SAMPLE, now)
    sample = SampleSource(reading, end=now(), batch_ms=settings.ingest.transaction_ms, stop=request.stop)
    return PostRecordSource(_Filtered(sample, post_filter), rule)


def reader_of(request: SourceRequest[PostRecords], spec: Mapping[str, Any], _where: str) -> "PostRecordReader":
    """The reader of a reject. Raises `UsageError`."""
    settings = request.settings
    rule = Rule.from_settings(settings.rule)
    reader = posts_reader(
        msgspec.json.encode(spec).decode(), lambda source: Reading.from_settings(settings, source, request.now)
    )
    return PostRecordReader(reader, filter_of(request.table, rule), rule)


class PostRecordReader:
    """Reads posts as records. It leaves out those that the filter does not accept."""

    def __init__(self, reader: RecordReader[Post], post_filter: PostFilter, rule: Rule) -> None:
        self.spec = reader.spec
        self._reader = reader
        self._filter = post_filter
        self._rule = rule

    def read(self, record: bytes) -> list[Record | BrokenPart | Notice]:
        """See `RecordReader`."""
        return [
            record_of(item, self._rule) if isinstance(item, Post) else item
            for item in self._reader.read(record)
            if not isinstance(item, Post) or self._filter.accepts(item)
        ]


def filter_of(table: PostRecords, rule: Rule) -> PostFilter:
    """The choice of a feed among the posts of its source."""
    return PostFilter.typed([table.lang] if table.lang else [], [table.tag] if table.tag else [], None, rule)


def record_of(post: Post, rule: Rule) -> Record:
    """A post as a record: the author's own characters, and the tags as `trends top` counts them."""
    value = {
        "id": post.id,
        "source": post.source,
        "created_at": moment_of(post.created_at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "lang": post.lang,
        "text": author_text(post.source, post.text),
        "tags": list(tags_of(post, rule)),
    }
    return Record(f"{post.source}/{post.id}", post.created_at, value)


class _Filtered:
    """Posts of a source that has no filter of its own."""

    def __init__(self, posts: Source[Post], post_filter: PostFilter) -> None:
        self.name = posts.name
        self._posts = posts
        self._filter = post_filter

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[Post]]:
        """See `Source`."""
        for batch in self._posts.batches(cursor, most):
            items = list(filter(self._filter.accepts, batch.items))
            yield batch._replace(items=items, filtered=len(batch.items) - len(items))


def _options(entry: LiveEntry, table: PostRecords, now: Callable[[], Millis]) -> Mapping[str, Any]:
    """A value for each option of a live service. Raises `UsageError`."""
    known = {option.name: option for option in entry.options}
    for name in table.options:
        if name not in known:
            there = ", ".join(known) or "none"
            raise UsageError(f"{table.from_} has no option {name[:40]!r}; there are {there}", where="source.options")
    return {name: _value(option, table.options.get(name), now) for name, option in known.items()}


def _value(option: Option, value: Any, now: Callable[[], Millis]) -> Any:
    where = f"source.options.{option.name}"
    if value is None:
        if option.required:
            raise UsageError("it is missing", where=where, next_step=option.help)
        return () if option.repeatable else False if option.type == "flag" else None
    if option.repeatable:
        return tuple(_one(option, each, now, where) for each in (value if isinstance(value, list) else [value]))
    return _one(option, value, now, where)


def _one(option: Option, value: Any, now: Callable[[], Millis], where: str) -> Any:
    if option.type == "moment" and isinstance(value, str):
        return _moment(value, now(), where)
    kind = type(value)
    if kind is not _KINDS.get(option.type, str) or (option.most is not None and not 0 <= value <= option.most):
        raise UsageError(f"{str(value)[:40]!r} does not fit", where=where, next_step=option.help)
    return value


def _moment(text: str, now: Millis, where: str) -> Millis:
    try:
        moment = time_of(text)
    except BadRecordError as error:
        raise UsageError(error.reason, where=where) from None
    if not 0 <= moment <= now:
        raise UsageError(f"not in the past: {text[:40]!r}", where=where)
    return moment
