"""Live sources, as asked on the command line, and dismissed."""

import threading
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from config.errors import NoDataError, TrendsError, UsageError
from config.settings import Settings
from ingest.encoder import TransactionEncoder
from ingest.hours import Millis
from ingest.post import Post
from ingest.producer import Producer
from ingest.sources.bluesky.decompression import RecordDecompressor
from ingest.sources.bluesky.stream import Jetstream
from ingest.sources.live.http import ApiClient, token_of
from ingest.sources.live.service import Service
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.mastodon.stream import Mastodon
from ingest.sources.selection import PostFilter
from ingest.sources.status import CONNECTED, RECONNECTING, STOPPED
from ingest.sources.x.stream import XStream
from ingest.standings import standings
from serving.cli.ingest_runner import Clock, MakeSource, reading_of, rule_of
from serving.query.time_expressions import parse, span


def jetstream_source(settings: Settings, now: Clock, asked: dict[str, Any]) -> MakeSource:
    """Bluesky's posts."""
    post_filter = _post_filter(settings, asked)
    since = _since(asked["since"], now()) if asked["since"] else None
    dictionary = asked["zstd_dictionary"] or settings.jetstream.zstd_dictionary
    decompressor = RecordDecompressor(dictionary) if dictionary else None
    reading = reading_of(settings, "bluesky", now)
    service = Jetstream(settings.jetstream.hosts, post_filter, reading, since=since, decompressor=decompressor)
    return _live_source(settings, service, post_filter)


def x_source(settings: Settings, now: Clock, asked: dict[str, Any]) -> MakeSource:
    """X's posts."""
    post_filter, names = _post_filter(settings, asked), "TRENDS_X__TOKEN or TRENDS_X__TOKEN_FILE"
    api = ApiClient(settings.x.url, token_of(settings.x.token, settings.x.token_file, names), now, names)
    reading = reading_of(settings, "x", now)
    service = XStream(
        api, post_filter, reading, sample=asked["sample"], rules=asked["rules"], backfill=asked["backfill"]
    )
    return _live_source(settings, service, post_filter)


def mastodon_source(settings: Settings, now: Clock, asked: dict[str, Any]) -> MakeSource:
    """A Mastodon server's posts."""
    post_filter, names = _post_filter(settings, asked), "TRENDS_MASTODON__TOKEN or TRENDS_MASTODON__TOKEN_FILE"
    api = ApiClient(asked["server"], token_of(settings.mastodon.token, settings.mastodon.token_file, names), now, names)
    reading, pages = reading_of(settings, "mastodon", now), settings.mastodon.catch_up_pages
    service = Mastodon(api, post_filter, reading, local=asked["local"], pages=pages)
    return _live_source(settings, service, post_filter)


def dismiss(settings: Settings, name: str, now: Millis) -> None:
    """Tell a source that ended without telling so, or in failure, as stopped. Should it sleep, it is fenced.

    Raises `NoDataError` where there is none of that name, `TrendsError` where it runs.
    """
    standing = next((each for each in standings(settings.kafka) if each.name == name), None)
    if standing is None:
        raise NoDataError("no such live source", where=name, next_step="`trends status` names those that there are")
    if standing.stands(now) in (CONNECTED, RECONNECTING):
        raise TrendsError("it runs", where=name, next_step="Stop it: Ctrl-C there, or SIGTERM")
    with Producer(
        settings.kafka, settings.ingest, TransactionEncoder(settings.kafka, settings.ingest, rule_of(settings)), name
    ) as producer:
        producer.commit_state(
            msgspec.structs.replace(standing.state, state=STOPPED, since=now, at=now, why="dismissed")
        )


def _post_filter(settings: Settings, asked: dict[str, Any]) -> PostFilter:
    return PostFilter.typed(asked["langs"], asked["tags"], asked["limit"], rule_of(settings))


def _live_source(settings: Settings, service: Service[Post], post_filter: PostFilter) -> MakeSource:
    def make(stop: threading.Event) -> LiveSource[Post]:
        return LiveSource(service, RunOptions(post_filter, stop, settings.ingest.transaction_ms))

    return make


def _since(text: str, now: Millis) -> Millis:
    """`1h` is an hour ago; else a moment, which has passed. Raises `UsageError`."""
    try:
        moment = now - span(text)
    except UsageError:
        moment = parse(text, now, ZoneInfo("UTC"))
    if not 0 <= moment <= now:
        raise UsageError(f"a moment that has not passed, or before 1970: {text[:40]!r}", where="--since",
                         next_step="Write 1h, or a moment that has passed")  # fmt: skip
    return moment
