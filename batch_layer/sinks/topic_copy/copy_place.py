"""CopyPlace: what a topic has from a sink. Copies that its retention has deleted are no longer there."""

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from confluent_kafka import KafkaException, Message, TopicPartition

from batch_layer.delivery.intake import Intake
from batch_layer.sinks.contract import Stage, Standing
from batch_layer.sinks.topic_copy.copy_position import COPY, CopyPositions
from config.errors import UsageError
from ingest.feeds.declaration.model import TopicSink
from ingest.kafka.client import ANSWER_S, admin, unavailable
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages, reader
from ingest.kafka.transactions import Outgoing, Transactions


class CopyPlace:
    """See `Place`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._kafka = stage.settings.kafka
        self._target = target_of(stage)
        self._positions = CopyPositions(self._kafka, name_of(stage))

    def standings(self) -> dict[int, Standing]:
        """See `Place`."""
        return self._positions.standings()

    def offsets(self, partition: int) -> Iterator[int]:
        """See `Place`. A copy says in its header `from` where it came from."""
        if not self._positions.read():
            return
        prefix = f"{self._stage.topic}/{partition}@".encode()
        for message in self._copies():
            origin = _header(message, "from")
            if origin.startswith(prefix):
                yield int(origin.removeprefix(prefix))

    def rows(self, most: int) -> list[dict[str, Any]]:
        """See `Place`. The columns are `from`, `matched`, `key` and `value`."""
        if not self._positions.read():
            return []
        return [_row(message) for message in deque(self._copies(), maxlen=most)]

    def clear(self) -> None:
        """See `Place`. It fences each stage, and deletes all records of the topic, those of other sinks too.

        A crash in between leaves records that come again: clear it once more.
        """
        for partition in self._positions.read(uncommitted=True):
            transactions = Transactions(
                self._kafka, writer_name(self._stage, partition), self._stage.settings.ingest.max_post_bytes
            )
            transactions.begin()
            transactions.commit(Outgoing(copies=self._positions.tombstones()))
            transactions.close()
        whole = ends(self._kafka, self._target, uncommitted=True)
        behind = [TopicPartition(self._target, number, end) for number, end in whole.items() if end]
        if not behind:
            return
        client = admin(self._kafka)  # it has to outlive its answers
        try:
            for answer in client.delete_records(behind, request_timeout=ANSWER_S).values():
                answer.result(ANSWER_S + 1)
        except KafkaException as error:
            raise unavailable(self._kafka, self._target, error) from None
        except TimeoutError:
            raise unavailable(self._kafka, self._target, "no answer in time") from None

    def intake(self, reader: Stage) -> Intake:
        """See `Place`."""
        raise UsageError(
            f"{reader.sink}: no stage reads a topic that another one fills",
            where=f"feed {self._stage.feed.name}",
            next_step=f"Write a feed whose topic is {self._target}",
        )

    def _copies(self) -> Iterator[Message]:
        """The committed copies of this sink."""
        name = name_of(self._stage).encode()
        with closing(reader(self._kafka, f"{self._target}.reader")) as consumer:
            for message in messages(consumer, self._kafka, self._target, ends(self._kafka, self._target)):
                if _header(message, "sink") == name:
                    yield message


def name_of(stage: Stage) -> str:
    """A sink's name among all feeds."""
    return f"{stage.feed.name}/{stage.sink}"


def writer_name(stage: Stage, partition: int) -> str:
    """The transactional id of the one producer that a partition may have."""
    return f"{COPY}{name_of(stage)}/{partition}"


def target_of(stage: Stage) -> str:
    """The topic that gets the copies."""
    table = stage.feed.declaration.sinks[stage.sink]
    if not isinstance(table, TopicSink):
        raise UsageError("no topic sink", where=f"sinks.{stage.sink}")
    return table.topic


def _header(message: Message, name: str) -> bytes:
    return next((value or b"" for key, value in message.headers() or [] if key == name), b"")


def _row(message: Message) -> dict[str, Any]:
    matched = [(value or b"").decode(errors="replace") for key, value in message.headers() or [] if key == "matched"]
    key, value = message.key(), message.value()
    return {
        "from": _header(message, "from").decode(errors="replace"),
        "matched": ", ".join(matched),
        "key": None if key is None else key.decode(errors="replace"),
        "value": None if value is None else value.decode(errors="replace"),
    }
