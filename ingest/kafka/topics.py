"""Topics: the configuration of each Kafka topic. No other module creates them."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

import tenacity
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from config.errors import UnavailableError, UsageError
from config.settings import IngestSettings, KafkaSettings, TopsSettings
from config.settings.kafka_problems import problem_behind
from ingest.hours import HOUR_MS, Millis
from ingest.kafka import client

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000
COMPRESSION = "lz4"
"""Of posts and uses, on the wire and on disk, so brokers do not compress again. zstd costs a producer 30 % more."""
OVERHEAD_BYTES = 100_000
"""Room for a record's key, headers and framing beyond `ingest.max_post_bytes`."""


_PACKED = {"compression.type": COMPRESSION}


class TopicSpec(NamedTuple):
    """A topic to create."""

    name: str
    partitions: int
    config: dict[str, str]


def core_topics(
    settings: KafkaSettings, max_post_bytes: int = IngestSettings.model_fields["max_post_bytes"].default
) -> list[TopicSpec]:
    """Posts, hashtags, rejects and cursors."""
    shared, large = _shared(settings), _large(max_post_bytes)
    compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.bytes": "4194304"}
    return [
        TopicSpec(settings.posts, settings.partitions, shared | large | _PACKED | _retention(7 * DAY_MS, DAY_MS)),
        TopicSpec(settings.hashtags, settings.partitions, shared | _PACKED | _retention(DAY_MS, 3 * HOUR_MS)),
        TopicSpec(settings.rejects, 1, shared | large | _retention(30 * DAY_MS, DAY_MS)),
        TopicSpec(settings.cursors, 1, shared | large | compacted | {"segment.ms": str(HOUR_MS)}),
    ]


def tops_topics(settings: KafkaSettings, tops: TopsSettings) -> list[TopicSpec]:
    """The compacted topic of finished hours, if the settings want it. One partition: its hours have one order.

    Raises `UsageError` where its name is that of a core topic.
    """
    if tops.enabled and tops.topic in {settings.posts, settings.hashtags, settings.rejects, settings.cursors}:
        what = f"topic {tops.topic} has other messages of trends"
        raise UsageError(what, where="tops.topic", next_step="Name a topic of its own")
    compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.ms": str(DAY_MS)}
    kept = {"delete.retention.ms": str(7 * DAY_MS)}  # a reader that is away for so long still gets a tombstone
    return [TopicSpec(tops.topic, 1, _shared(settings) | _PACKED | compacted | kept)] if tops.enabled else []


def is_compacted(settings: KafkaSettings, name: str) -> bool:
    """Whether a topic that exists keeps the last message of each key for good. Raises `UnavailableError`."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    admin = client.admin(settings)  # it answers as long as something refers to it
    try:
        answer = admin.describe_configs([resource], request_timeout=client.ANSWER_S)[resource]
        return str(answer.result()["cleanup.policy"].value) == "compact"
    except KafkaException as error:
        raise client.unavailable(settings, name, error) from None


def log_topic(
    settings: KafkaSettings, name: str, partitions: int, keep_ms: Millis, max_message_bytes: int
) -> TopicSpec:
    """A topic that keeps its messages for a time, as `posts` does: that of a feed, for example."""
    retention = _retention(keep_ms, max(1_000, min(DAY_MS, keep_ms // 4)))
    return TopicSpec(name, partitions, _shared(settings) | _large(max_message_bytes) | _PACKED | retention)


def create_topics(settings: KafkaSettings, required: Sequence[TopicSpec], timeout_s: float = 30) -> None:
    """Create the missing topics and wait until each has its leaders. A topic that exists keeps its configuration.

    Raises `UnavailableError` if the brokers do not answer, or can't create a topic, within `timeout_s`.
    """
    admin = client.admin(settings)
    try:
        have = set(admin.list_topics(timeout=timeout_s).topics)
        missing = [topic for topic in required if topic.name not in have]
        _create(admin, missing, settings.replication, timeout_s)
        _await_leaders(admin, [topic.name for topic in required], timeout_s)
    except (KafkaException, tenacity.RetryError) as error:
        where, names = f"Kafka at {settings.bootstrap}", ", ".join(topic.name for topic in required)
        if problem := problem_behind(settings, "" if isinstance(error, tenacity.RetryError) else error, names):
            raise UnavailableError(problem.what, where=where, next_step=problem.next_step) from None
        why = error.args[0].str() if isinstance(error, KafkaException) else "no leaders in time"
        raise UnavailableError(
            f"can't create the topics: {why}",
            where=where,
            next_step="Start it (`trends up`) or set kafka.bootstrap",
        ) from None


def _shared(settings: KafkaSettings) -> dict[str, str]:
    """Message times are the broker's, so that retention does not delete a backfill of old posts."""
    return {"message.timestamp.type": "LogAppendTime", "min.insync.replicas": str(max(1, settings.replication - 1))}


def _large(max_message_bytes: int) -> dict[str, str]:
    return {"max.message.bytes": str(max_message_bytes + OVERHEAD_BYTES)}


def _retention(retention_ms: int, segment_ms: int) -> dict[str, str]:
    """Delete messages of that age. Kafka deletes closed segments only, so it closes them often enough."""
    return {"cleanup.policy": "delete", "retention.ms": str(retention_ms), "segment.ms": str(segment_ms)}


def _create(admin: AdminClient, missing: list[TopicSpec], replication: int, timeout_s: float) -> None:
    if not missing:
        return
    new = [NewTopic(name, partitions, replication, config=config) for name, partitions, config in missing]
    answers: dict[str, Future[None]] = admin.create_topics(new, request_timeout=timeout_s)
    for name, answer in answers.items():
        try:
            answer.result()
            logger.info("created topic %s", name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another process was quicker
                raise


def _await_leaders(admin: AdminClient, names: list[str], timeout_s: float) -> None:
    def have_leaders() -> bool:
        known = admin.list_topics(timeout=timeout_s).topics
        return all(
            name in known
            and known[name].partitions
            and all(partition.leader >= 0 for partition in known[name].partitions.values())
            for name in names
        )

    tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda ready: not ready),
        stop=tenacity.stop_after_delay(timeout_s),
        wait=tenacity.wait_exponential(multiplier=0.05, max=1),
    )(have_leaders)
