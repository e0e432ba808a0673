"""Dismissal: rejects that nobody wants to read again are settled. They lie in the topic until its retention ends.

Promises
    What was not chosen stays outstanding, with its age and its attempts.
    One transaction holds what was moved and the offsets behind it, so a kill loses and doubles nothing.
    Where a place that was named is not outstanding, nothing is changed.

The topic is a queue of which one offset says how far it is settled. So what lies before the last chosen reject and was
not chosen goes to the end of the queue, to another place.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from config.errors import NoDataError
from config.settings import IngestSettings, KafkaSettings
from ingest.encoder import TransactionEncoder
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages
from ingest.kafka.transactions import Offsets, Outgoing, Transactions
from ingest.rejects.reject import Parked, parked_of, retried_until, retrying
from ingest.rule.hashtags import AS_IS

Place = tuple[int, int]
"""Partition and offset."""


class Dismissed(NamedTuple):
    """What a dismissal did, in numbers."""

    dismissed: int = 0
    outstanding: int = 0
    """What is left, to be read again or dismissed."""


class Dismissal:
    """Settles rejects of one topic. It fences a retry that runs meanwhile, as a second retry would."""

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings) -> None:
        self._settings = settings
        self._at_once = ingest.transaction_posts
        self._messages = TransactionEncoder(settings, ingest, AS_IS)
        self._transactions = Transactions(settings, f"{settings.rejects}.retry", ingest.max_post_bytes)

    def run(self, chosen: Callable[[Parked], bool], stop: threading.Event, places: Collection[Place] = ()) -> Dismissed:
        """Dismiss what `chosen` says of what is outstanding now; `places` are those that must be among it.

        Raises `NoDataError` where one is not, `FencedError`, `UnavailableError`.
        """
        with closing(self._transactions), closing(retrying(self._settings)) as consumer:
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
            found = self._outstanding(consumer, last)
            while not stop.is_set() and (some := list(islice(found, self._at_once))):
                dismissed += self._settle(consumer, some, chosen)
        return Dismissed(dismissed, count - dismissed)

    def _outstanding(self, consumer: Consumer, until: dict[int, int]) -> Iterator[Parked]:
        since = retried_until(self._settings, consumer, until)
        yield from map(parked_of, messages(consumer, self._settings, self._settings.rejects, until, since=since))

    def _settle(self, consumer: Consumer, some: list[Parked], chosen: Callable[[Parked], bool]) -> int:
        """Commit the offsets behind some rejects, and put those that stay at the end; how many do not stay."""
        kept = [parked.reject._replace(parked_at=parked.at) for parked in some if not chosen(parked)]
        behind = {parked.partition: parked.offset + 1 for parked in some}
        outgoing = Outgoing()
        self._messages.add_rejects(outgoing, kept)
        positions = [TopicPartition(self._settings.rejects, number, offset) for number, offset in behind.items()]
        outgoing.offsets = Offsets(positions, consumer.consumer_group_metadata())
        self._transactions.commit(outgoing)
        return len(some) - len(kept)


def _refuse(missing: Collection[Place]) -> None:
    if missing:
        named = ", ".join(f"{partition}@{offset}" for partition, offset in sorted(missing)[:5])
        raise NoDataError(
            f"not outstanding: {named}", next_step="`trends rejects list` names what is; nothing was dismissed"
        )
