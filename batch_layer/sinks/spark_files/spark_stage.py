"""SparkStage: the loop of a sink that Spark writes. A query reads Kafka, its tasks upload parts, this process commits.

Positions are in the manifests, so each query begins there, with an empty checkpoint: a query that fails, or finds that
another writer was quicker, simply ends, and the next one begins where the sink ends. If Spark repeats a batch, its
messages are below the position, and the tasks leave them out.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException, PythonException
from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from batch_layer.delivery.chunk import Bounds
from batch_layer.delivery.retry import WARN_AFTER_S
from batch_layer.delivery.start_line import Start, StartLine
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.feed_folder import FeedFolder
from batch_layer.sinks.files.files_sink import CommitLogger, FeedFileSink
from batch_layer.sinks.spark_files.kafka_query import Reading, kafka_query
from batch_layer.sinks.spark_files.partition_task import OUTCOME_DDL, Failure, Newcomer, Plan, decode_outcome, run_task
from batch_layer.spark.streaming import StreamingSession, streaming_session
from batch_layer.storage.chunk_files.upload import Receipt
from config.errors import FencedError, TrendsError, UnavailableError
from config.settings import Settings
from ingest.kafka.offsets import ends, first_offsets
from ingest.kafka.reading import drained_until

LOOK_S = 0.2
"""Seconds between two looks at a running query."""
PASSING = 2
"""So many failures in a row within `WARN_AFTER_S` may be a passing fault; any other is reported."""

_OF_SPARK = (PySparkException, Py4JError, OSError)
_log = logging.getLogger(__name__)
Report = Callable[[TrendsError | None], None]


class NewPartitionError(UnavailableError):
    """The topic has one more partition than at the start of the query."""


class SparkStage:
    """See `Loop`. It reads all partitions of the topic: of two of the same sink one commits each chunk."""

    def __init__(self, stage: Stage, folder: FeedFolder, bounds: Bounds, start: Start) -> None:
        self._stage = stage
        self._folder = folder
        self._bounds = bounds
        self._start = start
        self._line: StartLine | None = None
        self._targets: Mapping[int, int] | None = None
        """Ends of the partitions at the start of the run, for a drain."""
        self._batches = 0
        """Batches that the sink has, in this run."""
        self._waiting = False
        """Whether the last report was an error."""
        self._turn = threading.Lock()
        """Held by the batch in hand."""
        self._over = False
        self._error: BaseException | None = None
        """What ended the batch in hand: Spark would give its text alone."""

    def run(self, until_drained: bool, stop: threading.Event, report: Report) -> None:
        """Deliver until `stop`, or until the sink has everything of now. Finishes the batch in hand.

        `report` gets the reason while a server does not answer, and None when all answer again.

        Raises `UnavailableError` if a server does not answer at the start; later it waits for them. Raises
        `OtherTopicError` and `DamagedError` as the sink does.
        """
        kafka, topic = self._stage.settings.kafka, self._stage.topic
        now = ends(kafka, topic)
        self._line = StartLine(self._start, {} if self._start is Start.POSITION else now)
        self._targets = now if until_drained else None
        with streaming_session(self._stage.settings) as session:
            while not stop.is_set() and not self._retry(session, stop, report):
                pass

    def _retry(self, session: StreamingSession, stop: threading.Event, report: Report) -> bool:
        """Run queries until one has delivered something, or all is drained: whether the stage has ended."""

        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            passing = state.attempt_number <= PASSING and (state.seconds_since_start or 0) < WARN_AFTER_S
            _log.log(logging.DEBUG if passing else logging.WARNING, "degraded, nothing is lost: %s", error)
            if not passing and isinstance(error, TrendsError):
                self._waiting = True
                report(error)

        def rest(seconds: float) -> None:
            stop.wait(seconds)

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, TrendsError) and error.retriable),
            wait=wait_random_exponential(multiplier=0.5, max=30),
            stop=lambda _: stop.is_set(),
            sleep=rest,
            before_sleep=note,
            reraise=True,
        )
        try:
            return bool(retrying(self._one_query, session, stop, report))
        except TrendsError as error:
            if not (error.retriable and stop.is_set()):
                raise
            _log.warning("let go: %s", error)
            return True

    def _one_query(self, session: StreamingSession, stop: threading.Event, report: Report) -> bool:
        """Deliver from the sink's positions on, until the query ends. Whether the stage has ended as well."""
        before = self._batches
        sink = FeedFileSink(self._stage, self._folder, CommitLogger(self._stage.feed.name, self._stage.sink))
        try:
            writers = self._open(sink)
            if self._is_drained({partition: writer.position for partition, writer in writers.items()}):
                return True
            self._deliver(session, writers, stop, report)
        except FencedError as error:
            _log.warning("%s: reading on from there", error)
        except TrendsError as error:
            if not error.retriable or self._batches == before:
                raise
            _log.warning("the query begins again: %s", error)
        finally:
            sink.close()
        return stop.is_set()

    def _open(self, sink: FeedFileSink) -> dict[int, Any]:
        """A writer for each partition, behind the gap where Kafka or the run begins later."""
        kafka, topic = self._stage.settings.kafka, self._stage.topic
        sink.prepare()
        sink.admit()
        low, high = first_offsets(kafka, topic), ends(kafka, topic)
        writers = {}
        for partition in sorted(low.keys() & high.keys()):
            writer = sink.open(partition)
            writer.check_end(high[partition])
            skip = self._line.skip(partition, writer.position, low[partition]) if self._line else None
            if skip is not None and not writer.skip(*skip):
                raise FencedError("another stage has moved the position", where=f"{topic}/{partition}")
            writer.tidy()
            writers[partition] = writer
        return writers

    def _is_drained(self, positions: Mapping[int, int]) -> bool:
        if self._targets is None:
            return False
        left = {number: at for number, at in positions.items() if at < self._targets.get(number, 0)}
        return not left.keys() - drained_until(self._stage.settings.kafka, self._stage.topic, left, self._targets)

    def _deliver(
        self, session: StreamingSession, writers: dict[int, Any], stop: threading.Event, report: Report
    ) -> None:
        """One query. Raises what ended a batch of it."""
        self._over, self._error = False, None
        positions = {partition: writer.position for partition, writer in writers.items()}
        stage = self._stage
        try:
            reading = Reading(
                stage.settings.kafka, stage.topic, positions, self._bounds, until_now=self._targets is not None
            )
            scratch = Path(stage.settings.stack.state).absolute() / "tmp"
            query = kafka_query(session.spark(), reading, partial(self._take, writers), scratch)
            with query as running:
                self._watch(running, stop, report)
        except _OF_SPARK as error:
            self._error = self._error or error
        if isinstance(self._error, _OF_SPARK):
            raise _spark_failure(self._error, session) from self._error
        if self._error is not None:
            raise self._error

    def _watch(self, query: StreamingQuery, stop: threading.Event, report: Report) -> None:
        """Wait for the end of a query. At a stop, let the batch in hand finish, and no other one begin."""
        batches = self._batches
        while not query.awaitTermination(LOOK_S):
            if self._waiting and (query.lastProgress is not None or self._batches > batches):
                self._waiting = False
                report(None)
            if stop.is_set():
                with self._turn:
                    self._over = True
                return

    def _take(self, writers: Mapping[int, Any], batch: DataFrame) -> None:
        """Deliver one batch. Spark calls it, and repeats no error but its text."""
        with self._turn:
            if self._over:
                return
            try:
                for receipt in self._upload(writers, batch):
                    writer = writers[receipt.attempt.log]
                    writer.commit(receipt)
                    writer.tidy()
            except BaseException as error:
                self._error = error
                raise
            self._batches += 1

    def _upload(self, writers: Mapping[int, Any], batch: DataFrame) -> list[Receipt]:
        """Run the batch's tasks: the receipts, those of a partition in order of offset."""
        positions = {partition: writer.position for partition, writer in writers.items()}
        settings = Settings.model_construct(hdfs=self._stage.settings.hdfs)
        plan = Plan(settings, self._stage.feed, self._stage.sink, self._bounds, positions)
        rows = batch.mapInArrow(partial(run_task, plan), OUTCOME_DDL).collect()
        receipts: list[Receipt] = []
        for outcome in (decode_outcome(bytes(row[0])) for row in rows):
            if isinstance(outcome, Failure):
                raise outcome.error()
            if isinstance(outcome, Newcomer):
                raise NewPartitionError("a new partition", where=f"{self._stage.topic}/{outcome.partition}")
            receipts += outcome.receipts
        starts = [receipt.attempt[:2] for receipt in receipts]
        if len(set(starts)) < len(starts):
            raise TrendsError(
                "Spark has split a partition among tasks",
                where=self._stage.topic,
                next_step="Take minPartitions out of spark.conf",
            )
        self._stage.after_step("upload")
        return receipts


def _spark_failure(error: Exception, session: StreamingSession) -> TrendsError:
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    kind = TrendsError if isinstance(error, PythonException) else UnavailableError
    return kind(f"the query ended: {first.strip()[:300]}", where="Spark", next_step=f"See {session.log_path}")
