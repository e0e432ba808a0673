"""The bolt: a shell that holds steps until a marker comes, and has them counted in one transaction."""

import logging
from datetime import timedelta
from typing import Any

from streamparse import Bolt

from config.errors import UnavailableError
from ingest.hours import wall_clock
from speed_layer import worker
from speed_layer.lane_commit import MongoLedger, Verdict, settle
from speed_layer.lane_update import MARKER, Step
from speed_layer.partition import Limits

log = logging.getLogger(__name__)


class CountBolt(Bolt):
    """Counts steps. Whatever happens to a step, it is acked only once it is counted.

    A marker may be lost, with the worker that sent it: a tick each second commits what waits then.
    """

    config = {"topology.tick.tuple.freq.secs": 1}  # noqa: RUF012 - streamparse demands a dict
    exit_on_exception = False
    auto_ack = auto_fail = False

    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - Storm gives them
        """Connect, with patience."""
        settings = worker.begin()
        keep = timedelta(days=settings.speed.keep_days)
        store = worker.prepared_store(settings)
        self._ledger = MongoLedger(store, settings.kafka.hashtags, keep, wall_clock)
        self._held: list[tuple[Any, Step]] = []
        self._rows = 0
        log.info("bolt %s in process %d counts", self.task_id, self.pid)

    def process(self, tup: Any) -> None:
        """Hold a step, or commit what is held."""
        if tup.stream == MARKER:
            self._commit()
            self.ack(tup)
            return
        step = Step.of(tup.values)
        if self._rows + len(step.counts) > Limits.rows:
            self._commit()
        self._held.append((tup, step))
        self._rows += len(step.counts)

    def process_tick(self, tup: Any) -> None:
        """Commit what a lost marker left."""
        self._commit()
        self.ack(tup)

    def _commit(self) -> None:
        """Count all that is held. Where that can't be known to have happened, the steps fail and are read again."""
        held, self._held, self._rows = self._held, [], 0
        verdicts = [Verdict.REFUSED] * len(held)
        try:
            if held:
                verdicts = settle(self._ledger, [step for _, step in held])
        except UnavailableError as error:
            log.warning("%d steps are not known to be counted: %s", len(held), error)
        finally:
            for (tup, _), verdict in zip(held, verdicts, strict=True):
                if verdict is Verdict.REFUSED:
                    self.fail(tup)
                else:
                    self.ack(tup)
