"""The messages of one transaction, for the items and rejects of a batch. Pure: the producer sends them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, NamedTuple

from config.quantity import quantity
from config.settings import IngestSettings, KafkaSettings
from ingest.cursors import encode_cursor
from ingest.kafka import dead_letters
from ingest.kafka.transactions import Outgoing
from ingest.sources.base import Batch, Cursor, T
from ingest.sources.status import State
from ingest.standings import gap_message, state_message
from ingest.wire import Reject


class Counts(NamedTuple):
    """Numbers of records by their fate."""

    posts: int = 0
    """Items written: posts, or the records of a feed."""
    uses: int = 0
    rejects: int = 0
    notices: int = 0
    """Records that hold no post by design."""
    filtered: int = 0
    """Posts outside the filter of the command."""
    read_bytes: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """The sum."""
        return Counts(*map(sum, zip(self, other, strict=True)))


class TransactionEncoder(ABC, Generic[T]):
    """Encodes the batches of a source. A subclass makes the messages of an item, or its reject if it does not fit."""

    stage = "ingest"
    """The stage of the rejects."""

    def __init__(self, settings: KafkaSettings, ingest: IngestSettings, topic: str) -> None:
        self._settings = settings
        self._most = ingest.max_post_bytes
        self.topic = topic
        """The topic of the items: the producer stores its id with every cursor."""

    def encode_batch(
        self, batch: Batch[T], name: str, topic_id: str = "", before: Cursor | None = None
    ) -> tuple[Outgoing, Counts]:
        """One transaction: a batch, its cursor with the id of the topic, its gaps and the state of the source.

        `before`: the cursor of the transaction before. A report of the state alone does not write it again: that of a
        poll is long, and stays the same between slots.
        """
        outgoing = Outgoing()
        refused = [reject for item in batch.items if (reject := self.add_item(outgoing, item)) is not None]
        self.add_rejects(outgoing, [*(reject._replace(stage=self.stage) for reject in batch.rejects), *refused])
        items = len(batch.items) - len(refused)
        uses = len(outgoing.messages) - items
        if batch.cursor != before or batch.state is None:
            self._add_to_cursors(outgoing, (encode_cursor(batch.cursor, topic_id), name.encode()))
        for gap in batch.gaps:
            self._add_to_cursors(outgoing, gap_message(name, gap))
        if batch.state is not None:
            self._add_to_cursors(outgoing, state_message(name, batch.state))
        counts = Counts(items, uses, len(outgoing.rejects), batch.notices, batch.filtered, batch.read_bytes)
        return outgoing, counts

    @abstractmethod
    def add_item(self, outgoing: Outgoing, item: T) -> Reject | None:
        """Add the messages of an item. Return a reject instead, and add nothing, if the item does not fit."""

    def add_rejects(self, outgoing: Outgoing, refused: Iterable[Reject]) -> None:
        """Add rejects, each cut to the size limit."""
        for reject in refused:
            fitting = reject
            if len(reject.raw) > self._most:  # its reader could not read the rest
                why = f"{reject.reason} ({quantity(len(reject.raw), 'byte')}, cut)"
                fitting = reject._replace(raw=reject.raw[: self._most], reason=why, reader="")
            outgoing.rejects.append(dead_letters.message(self._settings, fitting))

    def encode_state(self, name: str, state: State) -> Outgoing:
        """One transaction: the state of a source, and nothing else."""
        outgoing = Outgoing()
        self._add_to_cursors(outgoing, state_message(name, state))
        return outgoing

    def _add_to_cursors(self, outgoing: Outgoing, message: tuple[bytes, bytes]) -> None:
        outgoing.messages.append((self._settings.cursors, *message))
