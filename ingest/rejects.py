"""Rejects: what could not be used, kept with its reason for `trends rejects`. Every stage parks with `message`."""

from typing import Any

from config.settings import KafkaSettings
from ingest.wire import Reject


def message(settings: KafkaSettings, reject: Reject) -> dict[str, Any]:
    """The keyword arguments of `confluent_kafka.Producer.produce` for one reject.

    The bytes may be as large as the largest post: a producer of rejects needs a `message.max.bytes` to match.
    """
    return {"topic": settings.rejects, "value": reject.raw, "headers": reject.headers}
