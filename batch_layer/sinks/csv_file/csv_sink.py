"""CsvSink: rows of a feed as lines of one CSV. All partitions share the file, and the lock of one process."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec

from batch_layer.delivery.chunk import Chunk, Reader
from batch_layer.delivery.same_topic import SameTopic
from batch_layer.delivery.sink import Progress
from batch_layer.sinks.contract import REBUILD, SinkKind, Stage
from batch_layer.sinks.csv_file.csv_lines import header_of, line_maker
from batch_layer.sinks.csv_file.csv_place import CsvPlace, columns_of, path_of
from batch_layer.sinks.csv_file.growing_csv import GrowingCsv
from batch_layer.sinks.csv_file.local_disk import Disk, LocalDisk
from batch_layer.sinks.csv_file.position_file import PartitionPosition
from config.errors import FencedError
from ingest.hours import Millis
from ingest.kafka.message import Message

_log = logging.getLogger(__name__)


class CsvSink:
    """See `Sink`. Rows of its chunks are lines already."""

    def __init__(self, stage: Stage, disk: Disk | None = None, guard: SameTopic | None = None) -> None:
        """`disk`: where the CSV lies; `guard`: what knows the topic. By default those of this machine."""
        self._stage = stage
        self._path = path_of(stage)
        self._guard = guard or SameTopic(stage.settings.kafka, stage.topic, REBUILD)
        self._csv = GrowingCsv(disk or LocalDisk(), self._path, stage.topic, columns_of(stage))
        self.reader: Reader[str, bytes] = Reader(stage.reader.stage, _line_reader(stage))

    def prepare(self) -> None:
        """See `Sink`. Raises `TrendsError` where another process has the lock, or the CSV is another one."""
        self._csv.open()

    def admit(self) -> None:
        """See `Sink`."""
        self._csv.begin(self._guard.admit(self._csv.topic_id))

    def open(self, partition: int) -> "CsvWriter":
        """See `Sink`."""
        self._csv.open()
        self._guard.check()
        return CsvWriter(self._stage, self._csv, self._guard, self._path, partition)

    def progress(self, partition: int, since: Millis) -> Progress:  # noqa: ARG002 - it counts nothing
        """See `Sink`."""
        return Progress(self._csv.position().of(partition).next, None)

    def close(self) -> None:
        """See `Sink`."""
        self._csv.close()


class CsvWriter:
    """See `Writer`."""

    def __init__(self, stage: Stage, csv: GrowingCsv, guard: SameTopic, path: Path, partition: int) -> None:
        self._stage = stage
        self._csv = csv
        self._guard = guard
        self._where = f"{path}, partition {partition}"
        self._partition = partition
        self._header = header_of(columns_of(stage))
        self.position = csv.position().of(partition).next

    def check_end(self, end: int) -> None:
        """See `Writer`."""
        self._guard.check_end(self._partition, self.position, end)

    def skip(self, end: int, why: str) -> bool:
        """See `Writer`."""
        start = self.position
        try:
            self._delivery(start, b"", lambda before: before.skip(end, why)).run()
        except FencedError:
            return False
        _log.warning("%s/%d: offsets %d to %d are a gap: %s", self._stage.topic, self._partition, start, end - 1, why)
        return True

    def delivery(self, chunk: Chunk[str, bytes]) -> "CsvDelivery":
        """See `Writer`."""
        lines = chunk.rows.get("", [])

        def grow(before: PartitionPosition) -> PartitionPosition:
            return msgspec.structs.replace(
                before,
                next=chunk.next,
                kept=before.kept + len(lines),
                rejected=before.rejected + len(chunk.rejects),
                left_out=before.left_out + chunk.left_out,
            )

        return self._delivery(chunk.start, b"".join(lines), grow, partial(self._stage.send_rejects, chunk.rejects))

    def tidy(self) -> None:
        """See `Writer`. Nothing lies behind the position."""

    def _delivery(
        self,
        start: int,
        lines: bytes,
        grow: Callable[[PartitionPosition], PartitionPosition],
        send_rejects: Callable[[], None] = lambda: None,
    ) -> "CsvDelivery":
        return CsvDelivery(self, start, lines, grow, send_rejects)

    def commit(self, delivery: "CsvDelivery") -> None:
        """Bring a delivery into the file."""
        csv, stage = self._csv, self._stage
        csv.open()
        before = csv.position()
        at = before.of(self._partition)
        if at.attempt == delivery.attempt:  # a try before this one has committed, and its reply was lost
            csv.settle()
            self.position = at.next
            return
        if at.next != delivery.start:
            raise FencedError(f"another writer has moved the position to {at.next}", where=self._where)
        delivery.send_rejects()
        stage.after_step("rejects")
        self._guard.check()
        content = delivery.lines if before.length or not delivery.lines else self._header + delivery.lines
        length = csv.append(before, content)
        stage.after_step("append")
        grown = msgspec.structs.replace(delivery.grow(at), committed_at=stage.now(), attempt=delivery.attempt)
        csv.commit(before.with_partition(self._partition, grown, length), stage.after_step)
        self.position = grown.next


class CsvDelivery:
    """See `Delivery`: lines, and what the position gains by them."""

    def __init__(
        self,
        writer: CsvWriter,
        start: int,
        lines: bytes,
        grow: Callable[[PartitionPosition], PartitionPosition],
        send_rejects: Callable[[], None],
    ) -> None:
        self._writer = writer
        self.start = start
        self.lines = lines
        self.grow = grow
        self.send_rejects = send_rejects
        self.attempt = uuid4().hex

    def run(self) -> None:
        """See `Delivery`."""
        self._writer.commit(self)


def _line_reader(stage: Stage) -> Callable[[Message, Millis], tuple[str, bytes] | None]:
    make_line = line_maker()

    def read(message: Message, now: Millis) -> tuple[str, bytes] | None:
        labelled = stage.reader.read(message, now)
        return None if labelled is None else ("", make_line(labelled[1].cells))

    return read


CSV_FILE = SinkKind(
    CsvSink, CsvPlace, "once: the rename of the position file commits lines and position; one process has the lock"
)
