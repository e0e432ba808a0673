"""CsvPlace: what a CSV holds. Rows behind the committed length do not count."""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from batch_layer.delivery.intake import Intake
from batch_layer.sinks.contract import Stage, Standing
from batch_layer.sinks.csv_file.csv_lines import read_lines
from batch_layer.sinks.csv_file.growing_csv import GrowingCsv
from batch_layer.sinks.csv_file.local_disk import LocalDisk
from batch_layer.sinks.csv_file.position_file import PositionFile, decode, position_path
from config.decoding import decoding
from config.errors import DamagedError, UsageError
from ingest.feeds.declaration.model import CsvSink as CsvTable

_RESTORE = "Restore it, or rebuild the sink: `trends feed rebuild`"


class CsvPlace:
    """See `Place`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._path = path_of(stage)
        self._disk = LocalDisk()

    def standings(self) -> dict[int, Standing]:
        """See `Place`."""
        position = self._position()
        return {} if position is None else {number: each.standing for number, each in position.partitions.items()}

    def offsets(self, partition: int) -> Iterator[int]:
        """See `Place`."""
        position = self._position()
        if position is None:
            return iter(())
        position.check(self._path, self._stage.topic, columns_of(self._stage))
        offset, home = self._column("$offset"), self._column("$partition")
        return (int(row[offset]) for row in self._rows(position) if int(row[home]) == partition)

    def rows(self, most: int) -> list[dict[str, Any]]:
        """See `Place`."""
        position = self._position()
        if position is None:
            return []
        return [dict(zip(position.columns, row, strict=True)) for row in deque(self._rows(position), maxlen=most)]

    def clear(self) -> None:
        """See `Place`. Raises `TrendsError` where a stage has the lock."""
        position = self._position()
        columns = columns_of(self._stage) if position is None else position.columns
        GrowingCsv(self._disk, self._path, self._stage.topic, columns).clear()

    def intake(self, reader: Stage) -> Intake:
        """See `Place`."""
        raise UsageError(f"{reader.sink}: no stage can read a CSV", where=f"feed {self._stage.feed.name}")

    def _position(self) -> PositionFile | None:
        path = position_path(self._path)
        content = self._disk.read(path)
        return None if content is None else decode(content, path)

    def _rows(self, position: PositionFile) -> Iterator[list[str]]:
        if position.length:
            if not self._path.is_file():
                raise DamagedError(
                    "the CSV is gone, and its position is there", where=str(self._path), next_step=_RESTORE
                )
            with decoding("CSV", str(self._path), _RESTORE):
                yield from islice(read_lines(self._path, position.length), 1, None)

    def _column(self, coordinate: str) -> int:
        """The index of the first column that holds a coordinate."""
        return [column.from_ for column in self._stage.columns.values()].index(coordinate)


def path_of(stage: Stage) -> Path:
    """The absolute path of a stage's CSV: relative ones begin in the working folder."""
    table = stage.feed.declaration.sinks[stage.sink]
    if not isinstance(table, CsvTable):
        raise UsageError("no csv sink", where=f"sinks.{stage.sink}")
    return Path(table.file).absolute()


def columns_of(stage: Stage) -> list[str]:
    """The names of the columns, in order."""
    return list(stage.columns)
