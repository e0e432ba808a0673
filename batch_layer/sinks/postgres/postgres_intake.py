"""PostgresIntake: the rows of a sink's table, as messages for another stage.

Rows enter a partition in order of offset, together with its position. So every row below the position is there, and
none appears below it later. Position and rows are read in one snapshot. An export by time has no such order: it loses
rows that come late.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping

from batch_layer.delivery.intake import AtEnd, Event, Trouble
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.postgres.position_tables import Position, check_topic, owner_of, read_positions
from batch_layer.sinks.postgres.postgres_session import Session
from batch_layer.sinks.postgres.ref_date import write_ref_date
from batch_layer.sinks.postgres.row_messages import any_between, read_messages, sources_of
from batch_layer.sinks.postgres.table_columns import table_of
from config.errors import NoDataError, TrendsError
from ingest.kafka.offsets import OffsetRange
from ingest.kafka.topic_ids import OtherTopicError, TopicIds

EVERY_S = 5.0
"""Seconds between two looks at a table without news, unless the stage says `every`."""
_IDLE_S = 0.2
"""Longest wait of a `read`: so soon a stage notices its stop."""

_log = logging.getLogger(__name__)


class PostgresIntake:
    """See `Intake`. It has no group: each reader owns all partitions, and its sink fences the slower one off."""

    def __init__(
        self,
        stage: Stage,
        reader: Stage,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`stage` fills the table and `reader` reads it. `clock` counts seconds.

        Raises `UsageError` where the table does not hold what the reader needs.
        """
        self._stage = stage
        self._table = table_of(stage)
        self._owner = owner_of(stage)
        self._sources = sources_of(stage, reader, self._table)
        self._application = f"{reader.feed.name}.{reader.sink}"
        self._every_s = getattr(reader.feed.declaration.sinks[reader.sink], "every", None) or EVERY_S
        self._session = Session(stage.settings)
        self._clock, self._sleep = clock, sleep
        self.owned: set[int] = set()
        self._alone: int | None = None
        self._topic_id = ""
        self._ends: dict[int, int] = {}
        """Positions of the table's partitions, as of the last look."""
        self._next: dict[int, int] = {}
        """The offset to read next; a partition has none before its `seek`."""
        self._at_end: set[int] = set()
        """Partitions without news since the last look."""
        self._look_at = 0.0

    def join(self, lost: Callable[[int], None]) -> int:  # noqa: ARG002 - no partition goes to others
        """See `Intake`. `lost` is for groups. Raises `OtherTopicError` where the rows are of a former topic."""
        try:
            topic_id = TopicIds(self._stage.settings.kafka).of(self._stage.topic)
        except NoDataError:
            topic_id = ""
        with self._session.transaction(snapshot=True) as connection:
            check_topic(connection, self._owner, self._stage.topic, topic_id)
        self._look()
        topic = self._stage.feed.declaration.topic
        return max([topic.partitions if topic else 1, *(partition + 1 for partition in self.owned)])

    def close(self) -> None:
        """See `Intake`."""
        self._session.close()

    def read(self) -> list[Event]:
        """See `Intake`."""
        reading = [number for number in sorted(self._next) if self._alone in (None, number)]
        try:
            if self._clock() >= self._look_at:
                self._look()
            events = [event for number in reading if number not in self._at_end for event in self._page(number)]
        except TrendsError as error:
            if not error.retriable:
                raise
            self._look_at = self._clock() + EVERY_S
            self._at_end |= self._next.keys()  # until the next look
            return [Trouble(number, error) for number in reading]
        if not events:
            self._sleep(_IDLE_S)
        return events

    def wait(self, seconds: float, take: Callable[[Event], None], stop: Callable[[], bool]) -> None:  # noqa: ARG002
        """See `Intake`. Nothing comes meanwhile."""
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0 and not stop():
            self._sleep(min(left, _IDLE_S))

    def read_alone(self, partition: int | None) -> None:
        """See `Intake`."""
        self._alone = partition

    def lag(self, partition: int, position: int) -> int:
        """See `Intake`."""
        return max(0, self._ends.get(partition, 0) - position)

    def offsets(self, partition: int) -> OffsetRange:  # noqa: ARG002 - all partitions are alike
        """See `Intake`. Without bounds: rows that somebody deletes do not come, and are no gap.

        While a table is filled again, it ends below what its reader has. That is no other topic: ids tell topics apart.
        """
        return OffsetRange(0, sys.maxsize)

    def seek(self, partition: int, position: int) -> None:
        """See `Intake`."""
        self._next[partition] = position
        self._at_end.discard(partition)

    def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """See `Intake`."""
        positions = self._positions()
        return {number: positions[number].next if number in positions else 0 for number in partitions}

    def drained(self, positions: Mapping[int, int], until: Mapping[int, int]) -> set[int]:
        """See `Intake`."""
        with self._session.transaction(snapshot=True) as connection:
            return {
                number
                for number, position in positions.items()
                if not any_between(connection, self._table, number, position, until[number])
            }

    def acknowledge(self, partition: int, position: int) -> None:  # noqa: ARG002 - a time is all it writes
        """See `Intake`: writes REF_DATE, which people look at."""
        try:
            with self._session.transaction() as connection:
                write_ref_date(connection, self._application)
        except TrendsError as error:
            _log.warning("ref_date of %s is not written, nothing is lost: %s", self._application, error)

    def _look(self) -> None:
        """Read the positions of all partitions."""
        positions = self._positions()
        self.owned = set(positions)
        self._ends = {number: position.next for number, position in positions.items()}
        self._at_end -= {number for number, end in self._ends.items() if end > self._next.get(number, 0)}
        self._look_at = self._clock() + self._every_s

    def _page(self, partition: int) -> list[Event]:
        """The next rows below the position, in one snapshot with it."""
        start = self._next[partition]
        with self._session.transaction(snapshot=True) as connection:
            end = self._checked(read_positions(connection, self._owner)).get(partition, Position(0, "")).next
            messages, whole = read_messages(connection, self._sources, partition, start, end)
        self._ends[partition] = end
        if whole:
            self._at_end.add(partition)
            self._next[partition] = max(start, end)
            return [*messages, AtEnd(partition)]
        self._next[partition] = messages[-1].offset + 1
        return [*messages]

    def _positions(self) -> dict[int, Position]:
        with self._session.transaction(snapshot=True) as connection:
            return self._checked(read_positions(connection, self._owner))

    def _checked(self, positions: dict[int, Position]) -> dict[int, Position]:
        """Raises `OtherTopicError` where somebody has filled the table anew from another topic meanwhile."""
        for topic_id in {position.topic_id for position in positions.values()}:
            self._topic_id = self._topic_id or topic_id
            if topic_id and topic_id != self._topic_id:
                what = f"its rows are of the topic with the id {topic_id} now, and were of {self._topic_id}"
                raise OtherTopicError(what, where=f"table {self._table.name} of PostgreSQL")
        return positions
