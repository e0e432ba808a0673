"""Polling: wait until something is true, with a deadline."""

from collections.abc import Callable

import tenacity

from config.errors import TrendsError


def wait_until(reached: Callable[[], bool], timeout_s: float, every_s: float, timeout: TrendsError) -> None:
    """Call `reached` every `every_s` until it returns true. Raises `timeout` after `timeout_s`."""
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_delay(timeout_s),
        wait=tenacity.wait_fixed(every_s),
        retry=tenacity.retry_if_result(lambda done: not done),
    )
    try:
        attempts(reached)
    except tenacity.RetryError:
        raise timeout from None
