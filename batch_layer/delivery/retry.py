"""PartitionRetry: repeats a task of one partition until it succeeds, and stays a member of the group meanwhile."""

import logging
import time
from collections.abc import Callable
from threading import Event

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from batch_layer.delivery.intake import Event as IntakeEvent
from batch_layer.delivery.intake import Intake
from config.errors import TrendsError

STOP_S = 20.0
"""Seconds that a clean stop tries to deliver the chunks. The next run reads undelivered messages again."""
WARN_AFTER_S = 5.0
"""A task that takes so many seconds, or more than two tries, is worth a warning."""

_log = logging.getLogger(__name__)


class PartitionRetry:
    """Retries tasks until they succeed, another member owns the partition, or a stop has taken too long."""

    def __init__(
        self,
        topic: str,
        intake: Intake,
        take: Callable[[IntakeEvent], None],
        stop: Event,
        report: Callable[[TrendsError | None], None] = lambda _: None,
    ) -> None:
        """`take` gets the intake's events during a wait.

        `report` gets the error of a task that takes longer than a passing fault does, and None when all succeed again.
        """
        self._topic = topic
        self._intake = intake
        self._take = take
        self._stop = stop
        self._report = report
        self._give_up_at: float | None = None
        self._waiting: set[int] = set()
        """Partitions whose task is reported to wait."""

    def run(self, partition: int, task: Callable[[], None]) -> bool:
        """Whether the task succeeded. False: it gave up the task, and the partition with it.

        Raises the errors of the task that no retry can mend.
        """
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, TrendsError) and error.retriable),
            wait=wait_random_exponential(multiplier=0.1, max=30),
            stop=lambda _: partition not in self._intake.owned or self._has_stopped_long_ago(),
            sleep=lambda seconds: self._intake.wait(seconds, self._take, self._stop.is_set),
            before_sleep=lambda state: self._note_retry(partition, state),
            reraise=True,
        )
        try:
            retrying(task)
        except TrendsError as error:
            if not error.retriable:
                raise
            _log.warning("%s/%d is let go: %s", self._topic, partition, error)
            return False
        if partition in self._waiting:
            self._waiting.discard(partition)
            if not self._waiting:
                self._report(None)
        return True

    def _note_retry(self, partition: int, state: RetryCallState) -> None:
        passing = state.attempt_number < 3 and (state.seconds_since_start or 0) < WARN_AFTER_S
        error = state.outcome.exception() if state.outcome else None
        level = logging.DEBUG if passing else logging.WARNING
        _log.log(level, "degraded, try %d, nothing is lost: %s", state.attempt_number, error)
        if not passing and isinstance(error, TrendsError):
            self._waiting.add(partition)
            self._report(error)

    def _has_stopped_long_ago(self) -> bool:
        if not self._stop.is_set():
            return False
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + STOP_S
        return time.monotonic() > self._give_up_at
