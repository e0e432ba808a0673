"""What a feed's poll has committed to the topic of cursors: slots, gaps, states."""

import json
from itertools import groupby, pairwise
from typing import Any

from confluent_kafka import Message

from config.settings import Settings
from tests.support.kafka import committed


def of_cursors(settings: Settings, prefix: str) -> list[Any]:
    """Values of the topic of cursors, in order, whose key begins so."""
    return _values_below(prefix, _cursor_messages(settings))


def slots_of(settings: Settings, feed: str = "velib", every_ms: int = 1_000) -> list[int]:
    """The slots that are committed: each once, and gaps cover the time between them."""
    messages = _cursor_messages(settings)  # read once: a slot and the gap before it are of one transaction
    slots = [cursor["until"] for cursor in _values_below(f"feed/{feed}", messages) if "until" in cursor]
    slots = [slot for slot, _ in groupby(slots)]
    assert all(later > earlier for earlier, later in pairwise(slots))
    gaps = sorted((gap["since"], gap["until"]) for gap in _values_below("gap/", messages))
    assert gaps == [(a + every_ms, b) for a, b in pairwise(slots) if b > a + every_ms]
    return slots


def _cursor_messages(settings: Settings) -> list[Message]:
    return committed(settings.kafka.bootstrap, settings.kafka.cursors)


def _values_below(prefix: str, messages: list[Message]) -> list[Any]:
    return [json.loads(each.value() or b"") for each in messages if (each.key() or b"").decode().startswith(prefix)]
