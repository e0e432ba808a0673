"""Dismissal: settles rejects without reading them again. They stay in the topic until its retention ends.

Promises
    The other rejects stay outstanding, with their age and their attempts.
    One transaction holds the moved rejects and the offsets behind them, so a kill loses and doubles nothing.
    If a named place is not outstanding, nothing changes.

The topic is a queue, and one offset marks the end of its settled part. So the dismissal moves the rejects that stay,
and lie before the last one to dismiss, to the end of the queue. There they have another place.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from config.errors import NoDataError
from config.settings import IngestSettings, KafkaSettings
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages
from ingest.kafka.transactions import Offsets, Outgoing, Transactions
from ingest.post_encoder import PostEncoder
from ingest.rejects.reject import ParkedReject, parse_reject, retry_consumer, retry_positions
from ingest.rule.hashtags import AS_IS

Place = tuple[int, int]
"""Partition and offset."""


class DismissalCounts(NamedTuple):
    """The result of a dismissal, in numbers."""

    dismissed: int = 0
    outstanding: int = 0
    """Those that still wait for a retry or a dismissal."""


class Dismissal:
    """Dismisses rejects of one topic. It fences a retry that runs meanwhile, as a second retry would."""

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings) -> None:
        self._settings = settings
        self._at_once = ingest.transaction_posts
        self._encoder = PostEncoder(settings, ingest, AS_IS)
        self._transactions = Transactions(settings, f"{settings.rejects}.retry", ingest.max_post_bytes)

    def run(
        self, chosen: Callable[[ParkedReject], bool], stop: threading.Event, places: Collection[Place] = ()
    ) -> DismissalCounts:
        """Dismiss the outstanding rejects for which `chosen` is true; all of `places` must be outstanding.

        Raises `NoDataError` if one is not, `FencedError`, `UnavailableError`.
        """
        with closing(self._transactions), closing(retry_consumer(self._settings)) as consumer:
            self._transactions.begin()
            until = ends(self._settings, self._settings.rejects)
            last: dict[int, int] = {}
            missing = set(places)
            count = 0
            for parked in self._outstanding(consumer, until):
                count += 1
                missing.discard((parked.partition, parked.offset))
                if chosen(parked):
                    last[parked.partition] = parked.offset + 1
            _refuse(missing)
            dismissed = 0
            queue = self._outstanding(consumer, last)
            while not stop.is_set() and (some := list(islice(queue, self._at_once))):
                dismissed += self._settle(consumer, some, chosen)
        return DismissalCounts(dismissed, count - dismissed)

    def _outstanding(self, consumer: Consumer, until: dict[int, int]) -> Iterator[ParkedReject]:
        since = retry_positions(self._settings, consumer, until)
        yield from map(parse_reject, messages(consumer, self._settings, self._settings.rejects, until, since=since))

    def _settle(self, consumer: Consumer, some: list[ParkedReject], chosen: Callable[[ParkedReject], bool]) -> int:
        """Commit the offsets behind some rejects, and move those that stay to the end; how many do not stay."""
        staying = [parked.reject._replace(parked_at=parked.at) for parked in some if not chosen(parked)]
        behind = {parked.partition: parked.offset + 1 for parked in some}
        outgoing = Outgoing()
        self._encoder.add_rejects(outgoing, staying)
        positions = [TopicPartition(self._settings.rejects, number, offset) for number, offset in behind.items()]
        outgoing.offsets = Offsets(positions, consumer.consumer_group_metadata())
        self._transactions.commit(outgoing)
        return len(some) - len(staying)


def _refuse(missing: Collection[Place]) -> None:
    if missing:
        places = ", ".join(f"{partition}@{offset}" for partition, offset in sorted(missing)[:5])
        raise NoDataError(
            f"not outstanding: {places}", next_step="`trends rejects list` shows the places; nothing was dismissed"
        )
