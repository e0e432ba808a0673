"""Kafka clients: how each one connects, logs, and maps its errors to ours. No other module builds a client.

librdkafka logs by itself, twice a second while a broker is down. A client without our logger writes that to standard
error, past every level and filter.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from config.errors import UnavailableError
from config.settings import KafkaSettings
from config.settings.kafka_problems import problem_behind, refused_configuration

ANSWER_S = 10.0
"""Longest wait for one answer of the brokers, seconds."""

PARTITION_EOF: int = KafkaError._PARTITION_EOF  # noqa: SLF001 - the driver's public names of its own codes
OFFSET_IS_GONE: int = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
UNKNOWN_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})  # noqa: SLF001
CONNECTION_LOST = frozenset({KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})  # noqa: SLF001

REPEAT_AFTER_S = 15.0
"""The filter lets a message of the same kind through again after so many seconds."""
RETRIES = frozenset({"GETPID"})
"""Kinds of messages about requests that the client repeats, and raises in the end: a broker starts, for example."""

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class RepeatFilter(logging.Filter):
    """Lets one message of a kind through in `REPEAT_AFTER_S`; the kind is the client's own word, such as `FAIL`."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes."""
        kind = record.args[0] if isinstance(record.args, tuple) and record.args else record.msg
        if kind in RETRIES or record.created - self._last.get(kind, 0.0) < REPEAT_AFTER_S:
            return False
        self._last[kind] = record.created
        return True


logger = logging.getLogger("kafka")
logger.addFilter(RepeatFilter())


def admin(settings: KafkaSettings) -> AdminClient:
    """An admin client. Raises `UsageError` for a `kafka.conf` that the client refuses."""
    with _refusals(settings):
        return AdminClient(_configuration(settings, _NO_OPTIONS), logger=logger)


def consumer(settings: KafkaSettings, group: str, options: Mapping[str, Any] = _NO_OPTIONS) -> Consumer:
    """A consumer of committed messages that commits no offset by itself.

    It reports the end of a partition, and an offset that retention has deleted. `options` overrides any of this. Raises
    `UsageError` for a `kafka.conf` that the client refuses.
    """
    defaults = {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 100,  # an answer to anything else waits behind a fetch that waits for messages
    }
    with _refusals(settings):
        return Consumer(_configuration(settings, defaults | dict(options)), logger=logger)


def producer(settings: KafkaSettings, options: Mapping[str, Any]) -> Producer:
    """A producer. Raises `UsageError` for a `kafka.conf` that the client refuses."""
    with _refusals(settings):
        return Producer(_configuration(settings, options), logger=logger)


def produce(producer: Producer, message: Mapping[str, Any]) -> None:
    """Hand a message, the arguments of `Producer.produce`, to the client, and wait while its queue is full.

    The client calls `on_delivery` of earlier messages during the wait.
    """
    while True:
        try:
            producer.produce(**message)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def _configuration(settings: KafkaSettings, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a client: `kafka.conf` wins, since the settings refuse there what must stay as it is."""
    return {**options, **settings.connection}


@contextmanager
def _refusals(settings: KafkaSettings) -> Iterator[None]:
    """Translates the refusal of a configuration: an unknown option, a file that is missing, a wrong key password."""
    try:
        yield
    except (KafkaException, TypeError, ValueError) as error:
        raise refused_configuration(settings, error) from None


def unavailable(settings: KafkaSettings, topic: str, error: KafkaException | KafkaError | str) -> UnavailableError:
    """The error for a request about a topic, or about a partition of it, that the brokers did not fulfil."""
    where = f"topic {topic} of Kafka at {settings.bootstrap}"
    if problem := problem_behind(settings, error, topic):
        return UnavailableError(problem.what, where=where, next_step=problem.next_step)
    return UnavailableError(
        f"Kafka request failed: {reason(error)}",
        where=where,
        next_step="`trends status` shows whether the broker is up; `trends up` starts it and creates the topics",
    )


def reason(error: KafkaException | KafkaError | str) -> str:
    """The client's own sentence about an error."""
    cause = error.args[0] if isinstance(error, KafkaException) and error.args else error
    return cause.str() if isinstance(cause, KafkaError) else str(cause)
