"""Waiting with a deadline."""

import pytest

from config.errors import TrendsError
from config.stack.polling import wait_until

LATE = TrendsError("too late")


def test_it_returns_once_it_is_true() -> None:
    answers = iter([False, False, True, False])
    wait_until(lambda: next(answers), timeout_s=5, every_s=0, timeout=LATE)
    assert next(answers) is False, "it asked no more"


def test_after_the_deadline_it_raises_the_given_error() -> None:
    with pytest.raises(TrendsError) as caught:
        wait_until(lambda: False, timeout_s=0.05, every_s=0.01, timeout=LATE)
    assert caught.value is LATE
