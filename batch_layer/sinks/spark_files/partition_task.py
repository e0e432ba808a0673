"""PartitionTask: the code of Spark's Python workers: messages of one Kafka partition -> parts in `_tmp`, and receipts.

Row, format and upload are the very code of the sink that Python writes, so both engines agree. It imports no Spark. An
error that a user can act on comes back as a value: Spark would wrap its text in a traceback.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain
from typing import NamedTuple

import msgspec
import pyarrow as pa

from batch_layer.delivery.chunk import Bounds, Chunk
from batch_layer.sinks.files.feed_folder import THREADS, FeedFolder
from batch_layer.sinks.files.files_sink import in_layout
from batch_layer.sinks.files.hdfs_files import folder_of
from batch_layer.sinks.stages import make_stage
from batch_layer.storage.chunk_files.upload import Receipt, Upload
from config.errors import TrendsError, UnavailableError
from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.feeds.rows.row_reader import Row
from ingest.hours import wall_clock
from ingest.kafka.message import Message
from ingest.wire import Reject

COLUMNS = ("partition", "offset", "value", "key", "sent_at")
"""Input: the fields of `Message`, in its order."""
OUTCOME_DDL = "outcome binary"
"""Output: a row an outcome."""


class Plan(NamedTuple):
    """What a task has to know."""

    settings: Settings
    """Those of HDFS; of all others the defaults."""
    feed: NamedFeed
    sink: str
    bounds: Bounds
    """Of one chunk: memory holds one at a time."""
    positions: Mapping[int, int]
    """Where each partition of the sink ends. A partition without one is new."""


class Receipts(msgspec.Struct, tag=True, frozen=True):
    """The uploaded chunks of a task, in order."""

    receipts: list[Receipt]


class Newcomer(msgspec.Struct, tag=True, frozen=True):
    """The task's partition has no position yet: its messages wait."""

    partition: int


class Failure(msgspec.Struct, tag=True, frozen=True):
    """An error of the task."""

    what: str
    where: str
    next_step: str
    retriable: bool

    def error(self) -> TrendsError:
        """The error itself."""
        kind = UnavailableError if self.retriable else TrendsError
        return kind(self.what, where=self.where, next_step=self.next_step)


Outcome = Receipts | Newcomer | Failure
_decoder = msgspec.msgpack.Decoder(Outcome)


def decode_outcome(raw: bytes) -> Outcome:
    """An outcome as the driver gets it."""
    outcome: Outcome = _decoder.decode(raw)
    return outcome


def run_task(plan: Plan, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One task: its messages in order of offset, those below the position left out. Gives one outcome, or none."""
    messages = (Message(*row) for batch in batches for row in zip(*(c.to_pylist() for c in batch.columns), strict=True))
    try:
        outcome = _upload_all(plan, messages)
    except TrendsError as error:
        outcome = Failure(error.what, error.where, error.next_step, error.retriable)
    if outcome is not None:
        raw = msgspec.msgpack.encode(outcome)
        yield pa.RecordBatch.from_arrays([pa.array([raw], pa.binary())], ["outcome"])


def _upload_all(plan: Plan, messages: Iterator[Message]) -> Outcome | None:
    first = next(messages, None)
    if first is None:
        return None
    if first.partition not in plan.positions:
        return Newcomer(first.partition)
    stage = make_stage(plan.settings, plan.feed, plan.sink)
    folder = folder_of(stage)
    start = Chunk(stage.topic, first.partition, plan.positions[first.partition], in_layout(stage.reader, folder.label))
    with ThreadPoolExecutor(THREADS, "feed-upload") as threads:
        return upload_messages(folder, start, plan.bounds, chain([first], messages), threads)


def upload_messages(
    folder: FeedFolder, start: Chunk[str, Row], bounds: Bounds, messages: Iterable[Message], threads: Executor
) -> Receipts:
    """Upload the messages from the start of an empty chunk on, in chunks within bounds. Raises `UnavailableError`."""
    return Receipts([_upload(folder, threads, chunk) for chunk in _chunks(start, bounds, messages)])


def _chunks(chunk: Chunk[str, Row], bounds: Bounds, messages: Iterable[Message]) -> Iterator[Chunk[str, Row]]:
    for message in messages:
        if message.offset < chunk.next:
            continue
        chunk.take(message, wall_clock())
        if chunk.is_full(bounds):
            yield chunk
            chunk = chunk.follower()
    if chunk.records:
        yield chunk


def _upload(folder: FeedFolder, threads: Executor, chunk: Chunk[str, Row]) -> Receipt:
    upload = Upload(folder.store, folder.paths, threads, folder.rows, chunk)
    upload.write()
    upload.upload()
    receipt = upload.receipt()
    return msgspec.structs.replace(receipt, rejects=tuple(map(_as_text, receipt.rejects)))


def _as_text(reject: Reject) -> Reject:
    """The reject, with a reason that UTF-8 can carry, as its header will."""
    return reject._replace(reason=reject.reason.encode(errors="backslashreplace").decode())
