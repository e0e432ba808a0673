"""FeedStages: reads the rejects of feeds again, those of a source and those of a sink, for `trends rejects retry`."""

from collections.abc import Callable
from typing import Any

import msgspec

from config.errors import BadRecordError, UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.record_encoder import VALUE, RecordEncoder, RejectOrigin, topic_of
from ingest.feeds.rows.row_reader import RowReader
from ingest.feeds.sources.feed_sources import make_reader
from ingest.hours import Millis
from ingest.kafka.message import Message
from ingest.kafka.transactions import Outgoing
from ingest.rejects.stage import ReadAgain, Rewrite
from ingest.sources.formats.contract import BrokenPart
from ingest.wire import Reject


class FeedStages:
    """The stages of all feeds, by their name: `feed/NAME` and `feed/NAME/SINK`."""

    def __init__(self, settings: Settings, find_feed: Callable[[str], NamedFeed], now: Callable[[], Millis]) -> None:
        """`find_feed` gives the feed of a name, and raises `UsageError`."""
        self._settings = settings
        self._find_feed = find_feed
        self._now = now
        self._stages: dict[str, ReadAgain] = {}

    def find(self, stage: str) -> ReadAgain | None:
        """How a stage reads its rejects again; None where no feed can have it. Raises `UsageError`."""
        if stage not in self._stages:
            kind, _, rest = stage.partition("/")
            name, _, sink = rest.partition("/")
            if kind != "feed" or not name:
                return None
            feed = self._find_feed(name)
            retry = SinkRetry if sink else SourceRetry
            self._stages[stage] = retry(self._settings, feed, self._now, sink).read_again
        return self._stages[stage]


class SourceRetry:
    """Reads a record with the reader that its reject names, by the declaration of now."""

    def __init__(self, settings: Settings, feed: NamedFeed, now: Callable[[], Millis], _sink: str = "") -> None:
        self._settings = settings
        self._feed = feed
        self._now = now
        self._encoder = RecordEncoder(settings.kafka, settings.ingest, feed)

    def read_again(self, reject: Reject) -> Rewrite:
        """See `ReadAgain`. A reject may hold several records: some may fail."""
        if not reject.reader:
            raise BadRecordError(reject.reason)  # the encoder cut it, or no reader can read it again
        origin = _origin(reject)
        if origin.topic != self._encoder.topic:
            raise BadRecordError(f"the feed filled the topic {origin.topic[:80]} then, and {self._encoder.topic} now")
        outgoing = Outgoing()
        failures = []
        records = 0
        for part in self._parts(reject, origin):
            if isinstance(part, BrokenPart):
                failures.append(reject._replace(raw=part.raw, reason=part.reason))
            elif isinstance(part, Record):
                refusal = self._encoder.add_item(outgoing, part)
                records += refusal is None
                failures += [] if refusal is None else [reject._replace(reason=refusal.reason)]
        return Rewrite(outgoing.messages, records, tuple(failures))

    def _parts(self, reject: Reject, origin: RejectOrigin) -> list[Any]:
        if origin.reader == VALUE:
            return [Record(reject.where, self._now(), _decode(reject.raw))]
        try:
            reader = make_reader(self._settings, self._feed, origin.reader, reject.where, self._now)
        except UsageError as error:
            raise BadRecordError(error.what) from None
        return list(reader.read(reject.raw))


class SinkRetry:
    """Reads a message with the columns of its sink, and sends it again if they take it now.

    It gets a new offset, and so comes to each sink of the feed again. So this helps feeds of one sink alone.
    """

    def __init__(self, settings: Settings, feed: NamedFeed, now: Callable[[], Millis], sink: str) -> None:
        """Raises `UsageError` for a sink that the feed has no longer."""
        if sink not in feed.declaration.sinks:
            raise UsageError(f"it has no sink {sink[:70]} now", where=f"feed {feed.name}")
        self._feed = feed
        self._sink = sink
        self._now = now
        self._topic = topic_of(feed).name
        self._rows = RowReader(feed.declaration, sink, self._topic)
        self._encoder = RecordEncoder(settings.kafka, settings.ingest, feed)

    def read_again(self, reject: Reject) -> Rewrite:
        """See `ReadAgain`."""
        if reject.where.rpartition("/")[0] != self._topic:
            raise BadRecordError(f"it comes from another topic than {self._topic}")
        now = self._now()
        taken = self._rows.read(Message(0, 0, reject.raw, None, now), now)
        if len(self._feed.declaration.sinks) > 1:
            rebuild = f"`trends feed rebuild {self._feed.name} {self._sink}`"
            raise BadRecordError(f"other sinks of the feed may have it; {rebuild} fills this one again")
        if taken is None:
            return Rewrite([], 0)
        outgoing = Outgoing()
        refusal = self._encoder.add_item(outgoing, Record(reject.where, now, _decode(reject.raw)))
        if refusal is not None:
            raise BadRecordError(refusal.reason)
        return Rewrite(outgoing.messages, 1)


def _origin(reject: Reject) -> RejectOrigin:
    try:
        return msgspec.json.decode(reject.reader, type=RejectOrigin)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadRecordError(f"its reader is unknown: {error}") from None


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecordError(f"not JSON: {error}") from None
