"""Posts of a live service of the registry, by the values of its options."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from config.settings import Settings
from ingest.hours import Millis
from ingest.post import Post
from ingest.sources.formats.contract import Reading
from ingest.sources.live.request import ServiceRequest
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.registry import live_entry
from ingest.sources.selection import PostFilter


def live_posts(
    settings: Settings, name: str, options: Mapping[str, Any], post_filter: PostFilter, now: Callable[[], Millis]
) -> Callable[[threading.Event], LiveSource[Post]]:
    """A function that makes the source, given the event that ends it. Raises `UsageError` for options that don't fit.

    `options` has a value for each option of the service.
    """
    entry = live_entry(name)
    reading = Reading.from_settings(settings, entry.published_on, now)
    request = ServiceRequest(settings.section(name), options, post_filter, reading)
    service = entry.service_class().from_request(request)

    def make(stop: threading.Event) -> LiveSource[Post]:
        return LiveSource(service, RunOptions(post_filter, stop, settings.ingest.transaction_ms))

    return make
