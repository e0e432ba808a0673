"""What the Kafka client says by itself."""

import logging

from ingest.kafka.client import REPEAT_AFTER_S, RepeatFilter


def said(kind: str, at: float) -> logging.LogRecord:
    record = logging.LogRecord("kafka", logging.ERROR, "", 0, "%s [%s] %s", (kind, "producer-1", "refused"), None)
    record.created = at
    return record


def test_a_kind_of_message_is_let_through_now_and_then_and_others_with_it() -> None:
    repeats = RepeatFilter()
    told = [repeats.filter(said(kind, at)) for kind, at in (("FAIL", 100.0), ("FAIL", 100.2), ("TXNERR", 100.3))]
    assert told == [True, False, True]
    assert repeats.filter(said("FAIL", 100.0 + REPEAT_AFTER_S))
