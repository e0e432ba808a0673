"""Findings about what goes out to other tools, for `trends doctor`: the topic of finished hours, and webhooks."""

from collections.abc import Iterator

from config.errors import TrendsError
from config.quantity import quantity
from config.settings import Settings
from config.stack.doctor import Finding
from ingest.kafka.offsets import partitions_of
from ingest.kafka.topics import is_compacted
from serving.answers.explanation import Unknown
from serving.status.collect import alerts_status, or_error, tops_status


def outlet_findings(settings: Settings) -> Iterator[Finding]:
    """A finding for each outlet that the settings want. Never an error."""
    if settings.tops.enabled:
        yield _tops(settings)
    if settings.alerts.rules:
        yield _alerts(settings)


def _tops(settings: Settings) -> Finding:
    topic = settings.tops.topic
    try:
        partitions_of(settings.kafka, topic)
        compacted = is_compacted(settings.kafka, topic)
    except TrendsError as error:
        return Finding(f"topic {topic}", "wrong", error.what, error.next_step)
    if not compacted:
        step = "Name another topic in tops.topic, or set cleanup.policy=compact (kafka-configs --alter)"
        return Finding(f"topic {topic}", "wrong", "is not compacted", step)
    status = or_error(tops_status, settings)
    if isinstance(status, Unknown):
        return Finding(f"topic {topic}", "wrong", status.error)
    if status.pending:
        step = "`trends batch run` sends them, `trends up scheduler` does so by itself"
        return Finding(f"topic {topic}", "note", f"lacks {quantity(status.pending, 'hour')}", step)
    return Finding(f"topic {topic}", "ok", "has every finished hour")


def _alerts(settings: Settings) -> Finding:
    status = or_error(alerts_status, settings)
    if isinstance(status, Unknown):
        return Finding("alerts", "wrong", status.error)
    if status.disabled:
        named = ", ".join(status.disabled)
        return Finding("alerts", "wrong", f"the receiver is gone: {named}", "`trends alerts test NAME` enables a rule")
    if status.given_up:
        what = f"{quantity(status.given_up, 'message')} of the last day undelivered"
        return Finding("alerts", "wrong", what, "`trends alerts list` shows why")
    return Finding("alerts", "ok", f"{quantity(status.rules, 'rule')}, {quantity(status.pending, 'message')} waiting")
