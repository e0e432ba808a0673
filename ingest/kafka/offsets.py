"""Offsets: which partitions a topic has, where they begin and where they end."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

import tenacity
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from config.errors import TrendsError
from config.settings import KafkaSettings
from ingest.kafka.client import ANSWER_S, UNKNOWN_TOPIC, admin, unavailable

RETRY_S = 5.0
"""How long to repeat a request while a partition's leader changes, seconds."""
_LEADERLESS = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})


class OffsetRange(NamedTuple):
    """The offsets of one partition: `[low, high)`."""

    low: int
    """The first one that retention has left."""
    high: int
    """Behind the last message that a reader of committed messages may get. Offsets below it may be markers."""


def partitions_of(
    settings: KafkaSettings, topic: str, client: AdminClient | Consumer | None = None, timeout_s: float = ANSWER_S
) -> list[int]:
    """The partitions of a topic now, ascending. `client`: one with a connection.

    Raises `TrendsError` if there is no such topic, `UnavailableError` if the brokers do not answer.
    """
    try:
        metadata = (client or admin(settings)).list_topics(topic, timeout=timeout_s).topics[topic]
    except KafkaException as error:
        raise unavailable(settings, topic, error) from None
    if metadata.error is not None and metadata.error.code() in UNKNOWN_TOPIC:
        where = f"Kafka at {settings.bootstrap}"
        raise TrendsError(f"no topic {topic}", where=where, next_step="`trends up` creates the topics")
    if metadata.error is not None:
        raise unavailable(settings, topic, metadata.error)
    return sorted(metadata.partitions)


def ends(
    settings: KafkaSettings, topic: str, partitions: Iterable[int] | None = None, *, uncommitted: bool = False
) -> dict[int, int]:
    """The offset behind the last message of each partition; `uncommitted`: behind those of open transactions as well.

    `partitions`: of these alone. Raises as `partitions_of` does.
    """
    level = IsolationLevel.READ_UNCOMMITTED if uncommitted else IsolationLevel.READ_COMMITTED
    client = admin(settings)
    numbers = partitions_of(settings, topic, client) if partitions is None else partitions
    try:
        latest = {TopicPartition(topic, number): OffsetSpec.latest() for number in numbers}
        return _list_offsets(client, latest, isolation_level=level)
    except KafkaException as error:
        raise unavailable(settings, topic, error) from None


def first_offsets(settings: KafkaSettings, topic: str) -> dict[int, int]:
    """The first offset that retention has left of each partition. Raises as `partitions_of` does."""
    client = admin(settings)
    numbers = partitions_of(settings, topic, client)
    try:
        earliest = {TopicPartition(topic, number): OffsetSpec.earliest() for number in numbers}
        return _list_offsets(client, earliest)
    except KafkaException as error:
        raise unavailable(settings, topic, error) from None


def _list_offsets(client: AdminClient, wanted: Mapping[TopicPartition, OffsetSpec], **options: Any) -> dict[int, int]:
    """The offsets. A partition that has just been added may have no leader yet: the request is repeated."""
    retrying = _retrying(tenacity.retry_if_exception(_lacks_leader))
    return retrying(lambda: _answers(client.list_offsets(wanted, request_timeout=ANSWER_S, **options)))


def _answers(requests: Mapping[TopicPartition, Future[ListOffsetsResultInfo]]) -> dict[int, int]:
    return {partition.partition: int(request.result().offset) for partition, request in requests.items()}


def _lacks_leader(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _LEADERLESS


def _retrying(retry: tenacity.retry_base) -> tenacity.Retrying:
    return tenacity.Retrying(
        retry=retry,
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
        stop=tenacity.stop_after_delay(RETRY_S),
        reraise=True,
    )


def offset_range(consumer: Consumer, settings: KafkaSettings, topic: str, partition: int) -> OffsetRange:
    """The offsets of a partition now. Raises `UnavailableError`."""
    retrying = _retrying(tenacity.retry_if_exception_type(KafkaException))
    try:
        low, high = retrying(consumer.get_watermark_offsets, TopicPartition(topic, partition), timeout=RETRY_S)
    except KafkaException as error:
        raise unavailable(settings, f"{topic}/{partition}", error) from None
    return OffsetRange(int(low), int(high))
