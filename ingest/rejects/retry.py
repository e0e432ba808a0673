"""Retry: rejects are read again by the stage that refused them; what can be read now is written where it belongs.

One transaction holds what was written, what failed again (at the end of the queue), and the offsets behind it: so no
reject is retried twice, and none is lost, whenever this is killed.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from confluent_kafka import TopicPartition

from config.errors import BadRecordError, TrendsError, UsageError
from config.settings import IngestSettings, KafkaSettings
from ingest.encoder import TransactionEncoder
from ingest.hours import Hour, check_event_time, check_received
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages
from ingest.kafka.transactions import Offsets, Outgoing, Transactions
from ingest.post import Post
from ingest.rejects.reject import Parked, parked_of, retried_until, retrying
from ingest.rule.hashtags import Rule
from ingest.sources.formats.contract import BrokenPart, Reading
from ingest.sources.registry import reader_of
from ingest.wire import Reject, decode_post, decode_use

ReadingOf = Callable[[str], Reading]
"""How posts of a source are read and checked."""


class Retried(NamedTuple):
    """What a retry did, in numbers."""

    retried: int = 0
    settled: int = 0
    failing: int = 0
    posts: int = 0
    uses: int = 0


class Retry:
    """Retries what is outstanding when it starts. A second one, started meanwhile, fences this one."""

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings, rule: Rule, reading: ReadingOf) -> None:
        self._settings = settings
        self._most = ingest.transaction_posts
        self._messages = TransactionEncoder(settings, ingest, rule)
        self._reading = reading
        self._transactions = Transactions(settings, f"{settings.rejects}.retry", ingest.max_post_bytes)

    def run(self, stop: threading.Event) -> Retried:
        """Retry everything, or up to where `stop` was set. Raises `FencedError`, `UnavailableError`."""
        done = Retried()
        with closing(self._transactions), closing(retrying(self._settings)) as consumer:
            self._transactions.begin()
            until = ends(self._settings, self._settings.rejects)
            since = retried_until(self._settings, consumer, until)
            found = map(parked_of, messages(consumer, self._settings, self._settings.rejects, until, since=since))
            while not stop.is_set() and (some := list(islice(found, self._most))):
                outgoing, counts = self._again(some)
                outgoing.offsets = Offsets(self._behind(some), consumer.consumer_group_metadata())
                self._transactions.commit(outgoing)
                done = Retried(*map(sum, zip(done, counts, strict=True)))
        return done

    def _behind(self, some: list[Parked]) -> list[TopicPartition]:
        last = {parked.partition: parked.offset for parked in some}
        return [TopicPartition(self._settings.rejects, number, offset + 1) for number, offset in last.items()]

    def _again(self, some: list[Parked]) -> tuple[Outgoing, Retried]:
        outgoing = Outgoing()
        failing = settled = posts = 0
        for parked in some:
            failed, written = self._one(outgoing, parked.reject._replace(parked_at=parked.at))
            self._messages.add_rejects(outgoing, failed)
            failing += len(failed)
            settled += not failed
            posts += written
        uses = len(outgoing.messages) - posts
        return outgoing, Retried(len(some), settled, failing, posts, uses)

    def _one(self, outgoing: Outgoing, reject: Reject) -> tuple[list[Reject], int]:
        """Write what can be read of it now; what can't, and how many posts were written."""
        try:
            if reject.stage == "ingest":
                return self._read_again(outgoing, reject)
            if reject.stage == "archive":
                post = decode_post(reject.raw)
                reading = self._reading(post.source)
                check_event_time(post.created_at, reading.now(), reading.future_ms)
                check_received(post.received_at)
                outgoing.messages.append((self._settings.posts, reject.raw, post.id.encode()))  # its uses were written
                return [], 1
            if reject.stage == "speed":
                use = decode_use(reject.raw)
                reading = self._reading(use.source)
                check_event_time(Hour.parse(use.hour).start_ms, reading.now(), reading.future_ms)
                outgoing.messages.append((self._settings.hashtags, reject.raw, use.tag.encode()))
                return [], 0
            raise BadRecordError(f"no stage reads it: {reject.stage}")
        except BadRecordError as error:
            return [_failed(reject, error.reason)], 0
        except TrendsError as error:
            return [_failed(reject, error.what)], 0

    def _read_again(self, outgoing: Outgoing, reject: Reject) -> tuple[list[Reject], int]:
        if not reject.reader:
            raise BadRecordError(reject.reason)  # it was cut, or nothing tells its format
        try:
            found = reader_of(reject.reader, self._reading).read(reject.raw)
        except UsageError as error:
            raise BadRecordError(error.what) from None
        posts = [item for item in found if isinstance(item, Post)]
        failed = [_failed(reject._replace(raw=item.raw), item.reason) for item in found if isinstance(item, BrokenPart)]
        refused = [refusal for post in posts if (refusal := self._messages.add_post(outgoing, post)) is not None]
        return failed + [_failed(reject, refusal.reason) for refusal in refused], len(posts) - len(refused)


def _failed(reject: Reject, reason: str) -> Reject:
    return reject._replace(reason=reason, attempts=reject.attempts + 1)
