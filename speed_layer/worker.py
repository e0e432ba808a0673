"""The edge of a worker process: what spout and bolt do first, inside a process that Storm started."""

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

import tenacity

from config.errors import TrendsError
from config.settings import Settings
from serving.views.client import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_S = 40.0
"""Longest wait for servers, below `topology.subprocess.timeout.secs`: then Storm starts the process again."""


def begin() -> Settings:
    """Read settings as the worker sees them, and log to Storm. To be called first in `initialize`.

    What is printed would corrupt the pipe to Storm, so stdout goes to stderr, which Storm logs.
    """
    sys.stdout = sys.stderr
    for name in ("speed_layer", "serving", "ingest"):
        logging.getLogger(name).setLevel(logging.INFO)
    return Settings.read()


def prepared_store(settings: Settings) -> Store:
    """The store, its collections made: a transaction can't make them. Waits for the server."""
    store = Store(settings.mongo)
    persistently(store.prepare)
    return store


def persistently(connect: Callable[[], T]) -> T:
    """Call what may find a server down, again and again for up to `CONNECT_S`."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, TrendsError) and error.retriable),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
        stop=tenacity.stop_after_delay(CONNECT_S),
        before_sleep=lambda state: log.warning("waiting: %s", state.outcome.exception() if state.outcome else ""),
        reraise=True,
    )(connect)
