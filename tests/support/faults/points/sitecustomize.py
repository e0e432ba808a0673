"""Named points of the real code, at which a process kills or stops itself. Python imports this first on PYTHONPATH.

A file arms a point (`tests.support.faults.crash_points`). The process that reaches the point renames the file, so one
process takes it, once, and its successor goes on. Nothing of this is in the product.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

FOLDER = Path(os.environ.get("FAULT_POINTS", "/nonexistent"))


def _always(*_: Any, **__: Any) -> bool:
    return True


class Point(NamedTuple):
    """Just before a function is called, or just after it has returned."""

    module: str
    function: str
    when: Literal["before", "after"]
    only: Callable[..., bool] = _always
    """Of which calls, by their arguments."""


def _is_marker(_spout: Any, _values: Any, stream: str = "default", **_: Any) -> bool:
    return stream == "marker"


def _is_lane_update(_bolt: Any, tup: Any) -> bool:
    return bool(tup.stream == "default")


def _has_moved(_lanes: Any, positions: Any, *_: Any) -> bool:
    return bool(positions)


def _is_of_hours(_store: Any, collection: str, *_: Any) -> bool:
    return collection == "hours"  # what further lenses show is written by then


POINTS = {
    "archiver: after write": Point("batch_layer.storage.chunk_files.upload", "Upload.write", "after"),
    "archiver: after upload": Point("batch_layer.storage.chunk_files.upload", "Upload.upload", "after"),
    "archiver: in commit": Point("batch_layer.storage.chunk_files.commit_log", "CommitLog.commit", "before"),
    "archiver: after commit": Point("batch_layer.storage.chunk_files.flush", "ChunkCommit.commit", "after"),
    "archiver: in place": Point("batch_layer.storage.chunk_files.placement", "_move", "after"),
    "archiver: after place": Point("batch_layer.storage.chunk_files.flush", "ChunkCommit.place", "after"),
    "archiver: after acknowledge": Point("batch_layer.storage.chunk_files.flush", "ChunkCommit.acknowledge", "after"),
    "producer: before commit": Point("ingest.kafka.transactions", "Transactions._commit", "before"),
    "producer: after commit": Point("ingest.kafka.transactions", "Transactions._commit", "after"),
    "spout: before the marker": Point("speed_layer.spout", "UseSpout.emit", "before", _is_marker),
    "spout: before an ack": Point("speed_layer.spout_task", "SpoutTask.ack", "before"),
    "spout: after an ack": Point("speed_layer.spout_task", "SpoutTask.ack", "after"),
    "spout: before progress": Point("speed_layer.lanes", "Lanes.save", "before", _has_moved),
    "spout: after progress": Point("speed_layer.lanes", "Lanes.save", "after", _has_moved),
    "bolt: before the transaction": Point("speed_layer.lane_commit", "MongoLanes.commit", "before"),
    "bolt: in the transaction": Point("speed_layer.lane_commit", "MongoLanes._write", "after"),
    "bolt: between the transaction and an ack": Point("speed_layer.bolt", "CountBolt.ack", "before", _is_lane_update),
    "bolt: after an ack": Point("speed_layer.bolt", "CountBolt.ack", "after", _is_lane_update),
    "batch: before the document": Point("serving.views.store", "Store._publish", "before", _is_of_hours),
    "batch: between the document and the delete": Point("serving.views.store", "Store.drop_all_uses", "before"),
    "tops: between the document and Kafka": Point("batch_layer.tops.topic_writer", "TopicWriter._send", "before"),
    "tops: between Kafka and the mark": Point("batch_layer.tops.outbox", "Outbox.settle", "before"),
    "alerts: between the answer and its record": Point("serving.alerts.deliveries", "Deliveries.end", "before"),
    "batch: after the delete": Point("serving.views.store", "Store.drop_all_uses", "after"),
}


def _reach(name: str) -> None:
    """Kill or stop this process, where the point is armed."""
    try:
        armed = json.loads((FOLDER / "armed").read_text())
    except FileNotFoundError:
        return
    if armed["point"] != name:
        return
    try:
        (FOLDER / "armed").rename(FOLDER / f"reached-{os.getpid()}")
    except FileNotFoundError:
        return  # another process took it
    # to this thread: a signal to the process may be taken by another, and this one would go on for a while
    signal.pthread_kill(threading.get_ident(), signal.Signals[armed["signal"]])


def _pointed(name: str, point: Point, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        here = point.only(*given, **named)
        if here and point.when == "before":
            _reach(name)
        result = function(*given, **named)
        if here and point.when == "after":
            _reach(name)
        return result

    return call


def _point(module: ModuleType) -> None:
    """Put the points of a module into it."""
    for name, point in POINTS.items():
        if point.module == module.__name__:
            owner: Any = module
            *path, last = point.function.split(".")
            for each in path:
                owner = getattr(owner, each)
            setattr(owner, last, _pointed(name, point, getattr(owner, last)))


class _Pointing(MetaPathFinder):
    """Finds the modules that have points, as they would be found, and points them once they are loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not any(point.module == fullname for point in POINTS.values()):
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_point(module: ModuleType) -> None:
                load(module)
                _point(module)

            spec.loader.exec_module = load_and_point  # type: ignore[method-assign]  # of this loader alone
        return spec


if "FAULT_POINTS" in os.environ:
    sys.meta_path.insert(0, _Pointing())
