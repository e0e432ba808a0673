"""The poll of an API as a source of a feed."""

import hashlib

import msgspec

from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.record import Record
from ingest.feeds.sources.poll import Poll
from ingest.feeds.sources.source_request import SourceRequest
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.selection import AllItems


def make(request: SourceRequest[HttpSource]) -> LiveSource[Record]:
    """The source of a feed that polls. Raises `UsageError`, also for a missing secret."""
    table = request.table
    poll = Poll.of_feed(name_of_poll(table), table, request.now, most_polls=request.most_polls)
    return LiveSource(poll, RunOptions(AllItems(), request.stop, request.settings.ingest.transaction_ms))


def name_of_poll(table: HttpSource) -> str:
    """The name of a poll: equal for equal requests. A secret is no part of it."""
    asked = [table.url, {name: [ask.path, ask.query] for name, ask in table.ask.items()}]
    return f"http:{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:12]}"
