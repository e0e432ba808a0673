"""How long a law searches: how many histories it must survive, and how a weaker protocol is found wrong.

The default search is short; `make laws` sets `LAWS_SCHEDULES` for a long one.
"""

import os
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from config.errors import TrendsError

_ROUND = 400
"""Histories of one seed."""
_ROUNDS = 50
"""Seeds, before a control passes as right."""


def schedules(few: int) -> int:
    """Histories that a law goes through: a few, or as many as `LAWS_SCHEDULES` says."""
    return int(os.environ.get("LAWS_SCHEDULES", few))


def find_wrong(control: type[RuleBasedStateMachine], steps: int = 40, first_seed: int = 0) -> None:
    """Fail unless a history shows that the control, a protocol without one of its rules, is wrong.

    The search goes from seed to seed, so a known seed finds the history in a moment, and where it no longer does
    (another Hypothesis, another rule) the next ones still find it.
    """
    search = settings(
        max_examples=_ROUND, stateful_step_count=steps, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    with pytest.raises((AssertionError, TrendsError)):
        for at, _ in zip(count(first_seed), range(_ROUNDS), strict=False):
            run_state_machine_as_test(seed(at)(control), settings=search)
