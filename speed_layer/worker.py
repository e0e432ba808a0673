"""Worker: the first steps of spout and bolt in a process of Storm: settings, log, connections."""

import logging
import sys
from collections.abc import Callable
from typing import TypeVar

import tenacity

from config.errors import TrendsError
from config.settings import Settings
from serving.views.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_S = 40.0
"""Longest wait for servers, below `topology.subprocess.timeout.secs`: then Storm starts the process again."""


def begin() -> Settings:
    """Read the worker's settings, and log to Storm. Call it first in `initialize`.

    A print would corrupt the pipe to Storm, so stdout goes to stderr, which Storm logs.
    """
    sys.stdout = sys.stderr
    for name in ("speed_layer", "serving", "ingest"):
        logging.getLogger(name).setLevel(logging.INFO)
    return Settings.read()


def prepared_store(settings: Settings) -> Store:
    """The store with all collections, which a transaction can't create. Waits for the server."""
    store = Store(settings.mongo)
    retry_until_connected(store.prepare)
    return store


def retry_until_connected(connect: Callable[[], T]) -> T:
    """Call a function again and again, for up to `CONNECT_S`, while its server is down."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, TrendsError) and error.retriable),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
        stop=tenacity.stop_after_delay(CONNECT_S),
        before_sleep=lambda state: log.warning("waiting: %s", state.outcome.exception() if state.outcome else ""),
        reraise=True,
    )(connect)
