"""Positions and gaps of all sinks in one database: two tables beside the feeds' own.

The row of a partition is its lock too: whoever changes it first makes the others wait, and they then find another
position than theirs.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from batch_layer.sinks.contract import Stage, Standing
from batch_layer.sinks.postgres.table_columns import exists
from batch_layer.storage.postgres import Connection
from ingest.hours import Millis
from ingest.kafka.topic_ids import OtherTopicError, differ

_CREATE = (
    """
    CREATE TABLE feed_positions (
      feed text, sink text, partition integer,
      topic text NOT NULL, topic_id text NOT NULL,
      next bigint NOT NULL DEFAULT 0, try uuid,
      kept bigint NOT NULL DEFAULT 0, rejected bigint NOT NULL DEFAULT 0, left_out bigint NOT NULL DEFAULT 0,
      committed_at timestamptz,
      PRIMARY KEY (feed, sink, partition))
    """,
    """
    CREATE TABLE feed_gaps (
      feed text, sink text, partition integer, start bigint, next bigint NOT NULL, why text NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (feed, sink, partition, start))
    """,
)
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class Owner(NamedTuple):
    """Whose rows they are."""

    feed: str
    sink: str


class Position(NamedTuple):
    """How far a partition is."""

    next: int
    """The next offset."""
    topic_id: str
    """Kafka's id of the topic that the offset belongs to; empty where the broker has none."""


class Counts(NamedTuple):
    """What a chunk adds to a partition."""

    kept: int
    rejected: int
    left_out: int


class PositionRow:
    """The position of one partition, inside a transaction."""

    def __init__(self, connection: Connection, owner: Owner, partition: int) -> None:
        self._connection = connection
        self._key = (*owner, partition)

    def move(self, start: int, end: int, attempt: UUID, counts: Counts) -> bool:
        """Move the position, and hold the row's lock until the transaction ends. False: it is not at `start`."""
        changed = self._connection.execute(
            "UPDATE feed_positions SET next = %s, try = %s, kept = kept + %s, rejected = rejected + %s, "
            "left_out = left_out + %s, committed_at = clock_timestamp() "
            "WHERE feed = %s AND sink = %s AND partition = %s AND next = %s",
            [end, attempt, *counts, *self._key, start],
        )
        return changed.rowcount == 1

    def last_try(self) -> UUID | None:
        """The uuid of the delivery that moved the position last."""
        row = self._connection.execute(
            "SELECT try FROM feed_positions WHERE feed = %s AND sink = %s AND partition = %s", self._key
        ).fetchone()
        return row[0] if row else None

    def reject(self, rows: int) -> None:
        """Count rows as rejects that `move` has counted as kept."""
        self._connection.execute(
            "UPDATE feed_positions SET kept = kept - %s, rejected = rejected + %s "
            "WHERE feed = %s AND sink = %s AND partition = %s",
            [rows, rows, *self._key],
        )

    def add_gap(self, start: int, end: int, why: str) -> None:
        """Record offsets that the sink skips."""
        self._connection.execute(
            "INSERT INTO feed_gaps (feed, sink, partition, start, next, why) VALUES (%s, %s, %s, %s, %s, %s)",
            [*self._key, start, end, why],
        )


def owner_of(stage: Stage) -> Owner:
    """The owner of a stage's rows."""
    return Owner(stage.feed.name, stage.sink)


def rebuild(owner: Owner) -> str:
    """Advice for a sink whose rows are of another topic."""
    return f"Give the sink another name and table, or fill it again: `trends feed rebuild {owner.feed} {owner.sink}`"


def lock_tables(connection: Connection) -> None:
    """Let one transaction after the other make tables: two that make the same one at once would fail."""
    connection.execute(_LOCK, ["feed tables"])


def create_tables(connection: Connection) -> None:
    """Make both tables where they are missing. Call `lock_tables` before."""
    for name, statement in zip(("feed_positions", "feed_gaps"), _CREATE, strict=True):
        if not exists(connection, name):
            connection.execute(statement)


def begin(connection: Connection, owner: Owner, partition: int, topic: str, topic_id: str) -> int:
    """The position of a partition, 0 for a new one. Raises `OtherTopicError` where the sink is of another topic.

    One transaction after the other begins: the partitions of a sink never come from two topics of one name.
    """
    connection.execute(_LOCK, [f"feed {owner.feed} {owner.sink}"])
    check_topic(connection, owner, topic, topic_id)
    connection.execute(
        "INSERT INTO feed_positions (feed, sink, partition, topic, topic_id) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING",
        [*owner, partition, topic, topic_id],
    )
    return read_positions(connection, owner)[partition].next


def check_topic(connection: Connection, owner: Owner, topic: str, topic_id: str) -> None:
    """Raise `OtherTopicError` where a position of the sink is of another topic than the one of that id."""
    if not exists(connection, "feed_positions"):
        return
    rows = connection.execute(
        "SELECT DISTINCT topic, topic_id FROM feed_positions WHERE feed = %s AND sink = %s", [*owner]
    ).fetchall()
    where = f"feed {owner.feed}: sink {owner.sink}"
    for name, number in rows:
        if name != topic:
            raise OtherTopicError(
                f"its rows are of the topic {name}, not of {topic}", where=where, next_step=rebuild(owner)
            )
        if differ(number, topic_id):
            what = f"the topic {topic} was deleted and recreated: its id was {number}, and is {topic_id} now"
            raise OtherTopicError(what, where=where, next_step=rebuild(owner))


def read_positions(connection: Connection, owner: Owner) -> dict[int, Position]:
    """The position of each partition. Empty where the tables are missing."""
    if not exists(connection, "feed_positions"):
        return {}
    rows = connection.execute(
        "SELECT partition, next, topic_id FROM feed_positions WHERE feed = %s AND sink = %s", [*owner]
    ).fetchall()
    return {partition: Position(end, topic_id) for partition, end, topic_id in rows}


def read_standings(connection: Connection, owner: Owner) -> dict[int, Standing]:
    """Each partition of a sink. Empty where the tables are missing."""
    if not exists(connection, "feed_positions"):
        return {}
    gaps: dict[int, list[tuple[int, int, str]]] = {}
    for partition, start, end, why in connection.execute(
        "SELECT partition, start, next, why FROM feed_gaps WHERE feed = %s AND sink = %s ORDER BY start", [*owner]
    ):
        gaps.setdefault(partition, []).append((start, end, why))
    rows: Iterable[tuple[int, int, int, int, int, float | None]] = connection.execute(
        "SELECT partition, next, kept, rejected, left_out, extract(epoch FROM committed_at)::float8 "
        "FROM feed_positions WHERE feed = %s AND sink = %s ORDER BY partition",
        [*owner],
    )
    return {
        partition: Standing(end, kept, rejected, left_out, tuple(gaps.get(partition, ())), _millis(seconds))
        for partition, end, kept, rejected, left_out, seconds in rows
    }


def _millis(seconds: float | None) -> Millis | None:
    return None if seconds is None else round(seconds * 1000)


def forget(connection: Connection, owner: Owner) -> None:
    """Delete positions and gaps of a sink."""
    connection.execute("DELETE FROM feed_positions WHERE feed = %s AND sink = %s", [*owner])
    connection.execute("DELETE FROM feed_gaps WHERE feed = %s AND sink = %s", [*owner])
