"""The spout: a shell that lets Storm drive a `Feed`."""

import logging
from typing import Any

from streamparse import Spout, Stream

from ingest.hours import wall_clock
from speed_layer import worker
from speed_layer.assignment import Assignment
from speed_layer.lane_update import FIELDS, MARKER
from speed_layer.spout_task import Feed

log = logging.getLogger(__name__)


class UseSpout(Spout):
    """Reads uses, folds them, and emits steps. Its tasks share the partitions out by number: Storm moves work."""

    outputs = [Stream(list(FIELDS)), Stream(["tuples"], name=MARKER)]  # noqa: RUF012 - streamparse demands a list

    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - Storm gives them
        """Connect, with patience."""
        settings = worker.begin()
        store = worker.prepared_store(settings)
        assignment = Assignment(settings.kafka, task_index(context), task_count(context))
        log.info("spout %s in process %d begins", self.task_id, self.pid)
        self._feed = Feed(settings, store, assignment.partitions, wall_clock, self.topology_name)

    def next_tuple(self) -> None:
        """Emit what is due, then the marker that has it committed."""
        emitted = self._feed.poll()
        for name, step in emitted:
            self.emit(step.values(), tup_id=name)
        if emitted:
            self.emit([len(emitted)], stream=MARKER)

    def ack(self, tup_id: str) -> None:
        """The tuple is counted."""
        self._feed.ack(tup_id)

    def fail(self, tup_id: str) -> None:
        """The tuple was refused or timed out."""
        self._feed.fail(tup_id)


def task_index(context: dict[str, Any]) -> int:
    """Which of its component's tasks this is."""
    return _tasks(context).index(int(context["taskid"]))


def task_count(context: dict[str, Any]) -> int:
    """How many tasks its component has."""
    return len(_tasks(context))


def _tasks(context: dict[str, Any]) -> list[int]:
    component = context["task->component"][str(context["taskid"])]
    return sorted(int(task) for task, name in context["task->component"].items() if name == component)
