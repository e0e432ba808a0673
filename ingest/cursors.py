"""The cursors topic: up to where each source was read, as its last committed transaction says."""

import logging
import time

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from config.errors import UnavailableError
from config.settings import KafkaSettings
from ingest.sources.base import Cursor

logger = logging.getLogger(__name__)


def read_cursor(settings: KafkaSettings, name: str, timeout_s: float = 60) -> Cursor:
    """The last committed cursor of a source; `{}` where there is none. Raises `UnavailableError`.

    The topic is read up to where it ended when this was called. A transaction of some other source that is still open
    hides what was committed after it began, so it is waited for: at most as long as a transaction may stay open.
    """
    try:
        return _read(settings, name, time.monotonic() + timeout_s)
    except KafkaException as error:
        raise _unavailable(settings, str(error.args[0].str())) from None


def _read(settings: KafkaSettings, name: str, deadline: float) -> Cursor:
    end = _end(settings)
    cursor: Cursor = {}
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": f"{settings.cursors}.reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
        },
        logger=logger,
    )
    try:
        consumer.assign([TopicPartition(settings.cursors, 0, OFFSET_BEGINNING)])
        key = name.encode()
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            error = message.error()
            if error is None and message.key() == key:
                cursor = msgspec.json.decode(message.value())
            elif error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                raise KafkaException(error)
            elif error is not None and message.offset() >= end:
                return cursor
    finally:
        consumer.close()
    raise _unavailable(settings, f"can't be read up to {end}: a transaction is open, or the broker is slow")


def _end(settings: KafkaSettings) -> int:
    """Where the topic ends, what is not committed included."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap}, logger=logger)
    partition = TopicPartition(settings.cursors, 0)
    asked = admin.list_offsets(
        {partition: OffsetSpec.latest()}, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=10
    )
    return int(asked[partition].result().offset)


def _unavailable(settings: KafkaSettings, why: str) -> UnavailableError:
    return UnavailableError(
        f"the cursors can't be read: {why}",
        where=f"Kafka at {settings.bootstrap}, topic {settings.cursors}",
        next_step="`trends up` makes the topics; `trends status` shows whether the broker is well",
    )
