"""Live sources, made from the options of their command, and dismissed."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from config.errors import NoDataError, TrendsError, UsageError
from config.settings import Settings
from ingest.hours import Millis
from ingest.post_encoder import PostEncoder
from ingest.producer import Producer
from ingest.sources.live.entry import Option
from ingest.sources.live.posts import live_posts
from ingest.sources.registry import live_entry
from ingest.sources.selection import PostFilter
from ingest.sources.status import CONNECTED, RECONNECTING, STOPPED
from ingest.standings import standings
from serving.cli.ingest.ingest_runner import Clock, MakeSource, rule_of
from serving.query.time_expressions import parse, span


def live_source(name: str, settings: Settings, now: Clock, values: dict[str, Any]) -> MakeSource:
    """The source of a live service in the registry, by the values of its options. Raises `UsageError`."""
    entry = live_entry(name)
    post_filter = PostFilter.typed(values["langs"], values["tags"], values["limit"], rule_of(settings))
    options = {option.name: _value(option, values[option.name], now) for option in entry.options}
    return live_posts(settings, name, options, post_filter, now)


def dismiss(settings: Settings, name: str, now: Millis) -> None:
    """Tell a source that ended without telling so, or in failure, as stopped. Should it sleep, it is fenced.

    Raises `NoDataError` where there is none of that name, `TrendsError` where it runs.
    """
    standing = next((each for each in standings(settings.kafka) if each.name == name), None)
    if standing is None:
        raise NoDataError("no such live source", where=name, next_step="`trends status` lists the live sources")
    if standing.state_at(now) in (CONNECTED, RECONNECTING):
        raise TrendsError("it is running", where=name, next_step="Stop it with Ctrl-C or SIGTERM")
    with Producer(
        settings.kafka, settings.ingest, PostEncoder(settings.kafka, settings.ingest, rule_of(settings)), name
    ) as producer:
        producer.commit_state(
            msgspec.structs.replace(standing.state, state=STOPPED, since=now, at=now, why="dismissed")
        )


def _value(option: Option, value: Any, now: Clock) -> Any:
    return _since(value, now(), option.flag) if option.type == "moment" and value else value


def _since(text: str, now: Millis, flag: str) -> Millis:
    """`1h` is an hour ago; else a moment, which has passed. Raises `UsageError`."""
    try:
        moment = now - span(text)
    except UsageError:
        moment = parse(text, now, ZoneInfo("UTC"))
    if not 0 <= moment <= now:
        raise UsageError(f"not a time in the past, or before 1970: {text[:40]!r}", where=flag,
                         next_step="Write 1h, or a time in the past")  # fmt: skip
    return moment
