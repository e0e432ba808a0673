"""What the Kafka client says by itself."""

import logging

from ingest.kafka.client import AGAIN_AFTER_S, Seldom


def said(kind: str, at: float) -> logging.LogRecord:
    record = logging.LogRecord("kafka", logging.ERROR, "", 0, "%s [%s] %s", (kind, "producer-1", "refused"), None)
    record.created = at
    return record


def test_a_kind_of_message_is_let_through_now_and_then_and_others_with_it() -> None:
    seldom = Seldom()
    told = [seldom.filter(said(kind, at)) for kind, at in (("FAIL", 100.0), ("FAIL", 100.2), ("TXNERR", 100.3))]
    assert told == [True, False, True]
    assert seldom.filter(said("FAIL", 100.0 + AGAIN_AFTER_S))
