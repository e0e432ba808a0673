"""The bolt: a shell that collects lane updates until a marker comes, and commits them in one transaction."""

import logging
from datetime import timedelta
from typing import Any

from streamparse import Bolt

from config.errors import UnavailableError
from ingest.hours import wall_clock
from speed_layer import worker
from speed_layer.lane_commit import MongoLanes, Verdict, commit_updates
from speed_layer.lane_update import MARKER, LaneUpdate
from speed_layer.partition import Limits

log = logging.getLogger(__name__)


class CountBolt(Bolt):
    """Counts lane updates. It acks a tuple only after its update is counted.

    A marker may get lost with the worker that sent it: then a tick, once a second, commits the updates.
    """

    config = {"topology.tick.tuple.freq.secs": 1}  # noqa: RUF012 - streamparse demands a dict
    exit_on_exception = False
    auto_ack = auto_fail = False

    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - Storm gives them
        """Read the settings and wait for MongoDB."""
        settings = worker.begin()
        keep = timedelta(days=settings.speed.keep_days)
        store = worker.prepared_store(settings)
        self._lanes = MongoLanes(store, settings.kafka.hashtags, keep, wall_clock)
        self._pending: list[tuple[Any, LaneUpdate]] = []
        self._rows = 0
        log.info("bolt %s in process %d counts", self.task_id, self.pid)

    def process(self, tup: Any) -> None:
        """Collect an update, or commit those that are pending."""
        if tup.stream == MARKER:
            self._commit()
            self.ack(tup)
            return
        update = LaneUpdate.of(tup.values)
        if self._rows + len(update.counts) > Limits.rows:
            self._commit()
        self._pending.append((tup, update))
        self._rows += len(update.counts)

    def process_tick(self, tup: Any) -> None:
        """Commit the updates of a marker that got lost."""
        self._commit()
        self.ack(tup)

    def _commit(self) -> None:
        """Commit the pending updates. If the outcome is unknown they fail, and the spout reads their messages again."""
        pending, self._pending, self._rows = self._pending, [], 0
        verdicts = [Verdict.REFUSED] * len(pending)
        try:
            if pending:
                verdicts = commit_updates(self._lanes, [update for _, update in pending])
        except UnavailableError as error:
            log.warning("%d lane updates may not be counted: %s", len(pending), error)
        finally:
            for (tup, _), verdict in zip(pending, verdicts, strict=True):
                if verdict is Verdict.REFUSED:
                    self.fail(tup)
                else:
                    self.ack(tup)
