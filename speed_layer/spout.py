"""The spout: a shell in which Storm drives a `SpoutTask`."""

import logging
from typing import Any

from streamparse import Spout, Stream

from ingest.hours import wall_clock
from speed_layer import worker
from speed_layer.assignment import Assignment
from speed_layer.lane_update import FIELDS, MARKER
from speed_layer.spout_task import SpoutTask

log = logging.getLogger(__name__)


class UseSpout(Spout):
    """Reads uses, folds them and emits lane updates. Each task has its partitions by number: Storm moves tasks."""

    outputs = [Stream(list(FIELDS)), Stream(["tuples"], name=MARKER)]  # noqa: RUF012 - streamparse demands a list

    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - Storm gives them
        """Read the settings and wait for MongoDB."""
        settings = worker.begin()
        store = worker.prepared_store(settings)
        assignment = Assignment(settings.kafka, task_index(context), task_count(context))
        log.info("spout %s in process %d begins", self.task_id, self.pid)
        self._task = SpoutTask(settings, store, assignment.partitions, wall_clock, self.topology_name)

    def next_tuple(self) -> None:
        """Emit the updates that are due, then the marker that makes bolts commit them."""
        emissions = self._task.poll()
        for name, update in emissions:
            self.emit(update.values(), tup_id=name)
        if emissions:
            self.emit([len(emissions)], stream=MARKER)

    def ack(self, tup_id: str) -> None:
        """The tuple is counted."""
        self._task.ack(tup_id)

    def fail(self, tup_id: str) -> None:
        """A bolt refused the tuple, or it timed out."""
        self._task.fail(tup_id)


def task_index(context: dict[str, Any]) -> int:
    """The index of this task among those of its component."""
    return _tasks(context).index(int(context["taskid"]))


def task_count(context: dict[str, Any]) -> int:
    """How many tasks its component has."""
    return len(_tasks(context))


def _tasks(context: dict[str, Any]) -> list[int]:
    component = context["task->component"][str(context["taskid"])]
    return sorted(int(task) for task, name in context["task->component"].items() if name == component)
