"""Waiting for what other processes do: always with a deadline, and with what was seen last when it passes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from config.settings import Settings
from serving.views.documents import USES
from serving.views.store import Store

T = TypeVar("T")


def until(look: Callable[[], T | None], seen: Callable[[], Any] | str = "", within_s: float = 120) -> T:
    """Look again and again until that gives something; return it. `seen` tells a failure what there was instead."""
    deadline = time.monotonic() + within_s
    while not (reached := look()):
        instead = seen if isinstance(seen, str) else seen()
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {instead}"
        time.sleep(0.2)
    return reached


def until_the_hour_lasts(minutes: int, since: int = 0) -> None:
    """Wait for the next hour where this one ends within so many minutes: it must not turn on the way.

    `since`: wait until it has lasted so many minutes, too, after which the hour before may be complete.
    """
    until(lambda: since <= _minute() < 60 - minutes, _minute, within_s=(minutes + since) * 60 + 30)


def _minute() -> int:
    return datetime.now(UTC).minute


def counted(settings: Settings) -> int:
    """The uses that the speed layer holds."""
    with Store(settings.mongo) as store:
        for total in store.collection(USES).aggregate([{"$group": {"_id": None, "uses": {"$sum": "$count"}}}]):
            return int(total["uses"])
    return 0
