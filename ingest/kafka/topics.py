"""The four Kafka topics, and how each is configured: the one place that creates them."""

import logging
from concurrent.futures import Future
from typing import NamedTuple

import tenacity
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from config.errors import UnavailableError
from config.settings import IngestSettings, KafkaSettings
from ingest.hours import HOUR_MS
from ingest.kafka import client

logger = logging.getLogger(__name__)

DAY_MS = 86_400_000
COMPRESSION = "lz4"
"""Of posts and uses, on the wire and on disk: no broker packs anew. zstd costs a producer 30 % more."""
OVERHEAD_BYTES = 100_000
"""Room for a record's key, headers and framing beyond `ingest.max_post_bytes`."""


class Topic(NamedTuple):
    """A topic to create."""

    name: str
    partitions: int
    config: dict[str, str]


def topics(settings: KafkaSettings, max_post_bytes: int) -> list[Topic]:
    """What is created. Times are the broker's own, so that no retention deletes a backfill of old posts."""
    shared = {"message.timestamp.type": "LogAppendTime", "min.insync.replicas": str(max(1, settings.replication - 1))}
    large = {"max.message.bytes": str(max_post_bytes + OVERHEAD_BYTES)}
    packed = {"compression.type": COMPRESSION}
    compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.bytes": "4194304"}
    return [
        Topic(settings.posts, settings.partitions, shared | large | packed | _kept(7 * DAY_MS, DAY_MS)),
        Topic(settings.hashtags, settings.partitions, shared | packed | _kept(DAY_MS, 3 * HOUR_MS)),
        Topic(settings.rejects, 1, shared | large | _kept(30 * DAY_MS, DAY_MS)),
        Topic(settings.cursors, 1, shared | compacted | {"segment.ms": str(HOUR_MS)}),
    ]


def create_topics(
    settings: KafkaSettings,
    timeout_s: float = 30,
    max_post_bytes: int = IngestSettings.model_fields["max_post_bytes"].default,
) -> None:
    """Create the topics that are missing and wait until each has its leaders. One that exists is left as it is.

    Raises `UnavailableError` where the brokers do not answer, or can't make a topic, within `timeout_s`.
    """
    admin = client.admin(settings)
    wanted = topics(settings, max_post_bytes)
    try:
        have = set(admin.list_topics(timeout=timeout_s).topics)
        missing = [topic for topic in wanted if topic.name not in have]
        _create(admin, missing, settings.replication, timeout_s)
        _await_leaders(admin, [topic.name for topic in wanted], timeout_s)
    except (KafkaException, tenacity.RetryError) as error:
        why = error.args[0].str() if isinstance(error, KafkaException) else "no leaders in time"
        raise UnavailableError(
            f"can't create the topics: {why}",
            where=f"Kafka at {settings.bootstrap}",
            next_step="Start it (`trends up`) or set kafka.bootstrap",
        ) from None


def _kept(retention_ms: int, segment_ms: int) -> dict[str, str]:
    """Delete after that long; closed segments alone are deleted, so they are closed often enough."""
    return {"cleanup.policy": "delete", "retention.ms": str(retention_ms), "segment.ms": str(segment_ms)}


def _create(admin: AdminClient, missing: list[Topic], replication: int, timeout_s: float) -> None:
    if not missing:
        return
    asked = [NewTopic(name, partitions, replication, config=config) for name, partitions, config in missing]
    answers: dict[str, Future[None]] = admin.create_topics(asked, request_timeout=timeout_s)
    for name, answer in answers.items():
        try:
            answer.result()
            logger.info("created topic %s", name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another process was quicker
                raise


def _await_leaders(admin: AdminClient, names: list[str], timeout_s: float) -> None:
    def led() -> bool:
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
    )(led)
