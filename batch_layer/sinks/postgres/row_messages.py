"""Rows of a sink's table as messages: which columns hold the value and the time, and how to read a page of them."""

from typing import NamedTuple

from psycopg import sql

from batch_layer.sinks.contract import Stage
from batch_layer.sinks.handover import check_handover
from batch_layer.sinks.postgres.table_columns import Table
from batch_layer.storage.postgres import Connection
from config.errors import UsageError
from ingest.kafka.message import Message

_PAGE_ROWS = 2_000
_PAGE_BYTES = 8_000_000
"""Bounds of a page; the row that reaches one of them is its last."""
_FETCH = 200


class Sources(NamedTuple):
    """Where a message's parts are."""

    table: Table
    value: str
    """Name of the column that holds the record."""
    sent: str | None
    """Name of the column that holds the time at which Kafka took the record, if there is one."""


def sources_of(stage: Stage, reader: Stage, table: Table) -> Sources:
    """The columns to read. Raises `UsageError` where the reader needs a thing that the table does not hold."""
    where = f"feed {stage.feed.name}: sinks.{stage.sink}.columns"
    value = next((n for n, c in table.columns.items() if c.from_ == "$value" and c.type == "json"), None)
    sent = next(
        (n for n, c in table.columns.items() if c.from_ == "$sent" and c.type == "timestamp" and not c.zone), None
    )
    if value is None:
        raise UsageError(
            f"no column holds the records for sinks.{reader.sink}",
            where=where,
            next_step='Add value = { from = "$value", type = "json" }',
        )
    check_handover(reader, key=False, sent=sent is not None)
    return Sources(table, value, sent)


def read_messages(
    connection: Connection, sources: Sources, partition: int, start: int, end: int
) -> tuple[list[Message], bool]:
    """A page of the rows from `start` on below `end`, in order of offset, and whether no row is left behind it."""
    messages: list[Message] = []
    size = 0
    with connection.cursor("page") as cursor:
        cursor.itersize = _FETCH
        for offset, value, sent in cursor.execute(_query(sources), [partition, start, end]):
            messages.append(Message(partition, offset, value.encode(), None, sent))
            size += len(value)
            if len(messages) >= _PAGE_ROWS or size >= _PAGE_BYTES:
                return messages, False
    return messages, True


def any_between(connection: Connection, table: Table, partition: int, start: int, end: int) -> bool:
    """Whether the partition has a row from `start` on below `end`."""
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {} = %s AND {offset} >= %s AND {offset} < %s)").format(
        table.identifier, sql.Identifier(table.partition), offset=sql.Identifier(table.offset)
    )
    row = connection.execute(query, [partition, start, end]).fetchone()
    return bool(row and row[0])


def _query(sources: Sources) -> sql.Composed:
    sent: sql.Composable = sql.SQL("0")
    if sources.sent is not None:
        sent = sql.SQL("coalesce(round(extract(epoch FROM {}) * 1000), 0)::bigint").format(sql.Identifier(sources.sent))
    return sql.SQL(
        "SELECT {offset}, coalesce({value}::text, 'null'), {sent} FROM {table} "
        "WHERE {partition} = %s AND {offset} >= %s AND {offset} < %s ORDER BY {offset}"
    ).format(
        offset=sql.Identifier(sources.table.offset),
        value=sql.Identifier(sources.value),
        sent=sent,
        table=sources.table.identifier,
        partition=sql.Identifier(sources.table.partition),
    )
