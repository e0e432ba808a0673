"""COPY of rows, in which PostgreSQL may refuse single ones: each becomes a refusal, and its neighbours enter.

COPY refuses all rows for one. So refused rows are halved inside savepoints until the bad one is alone: a chunk without
a bad row takes one COPY, and each bad row among n takes about 2 log2(n) more.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from batch_layer.sinks.postgres.table_columns import Table, names_of
from batch_layer.storage.postgres import Connection
from config.errors import DamagedError
from ingest.feeds.rows.types import Cell

_ROW_AT_FAULT = ("22", "23", "44", "54", "P0001")
"""Beginnings of SQLSTATEs: bad data, a violated constraint or view, a limit of the server, an error of a trigger."""
_COLUMN = re.compile(r"^COPY .*, column ([a-z_][a-z0-9_]*)", re.MULTILINE)
_LONGEST = 300


class TableRow(NamedTuple):
    """A row of a chunk."""

    offset: int
    cells: tuple[Cell, ...]
    """In the order of the table's columns."""
    raw: bytes
    """Bytes of its message, for a reject."""


class Refusal(NamedTuple):
    """A row that PostgreSQL does not take, and why."""

    row: TableRow
    why: str


def copy_rows(connection: Connection, table: Table, rows: Sequence[TableRow]) -> list[Refusal]:
    """COPY rows inside a transaction; return those that the server refuses, in order.

    Raises `DamagedError` where a row of that partition and offset is there already.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table.identifier, names_of([*table.columns]))
    return _copy_or_halve(connection, table, statement, rows) if rows else []


def _copy_or_halve(
    connection: Connection, table: Table, statement: sql.Composed, rows: Sequence[TableRow]
) -> list[Refusal]:
    try:
        with connection.transaction(), connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row.cells)
        return []
    except (psycopg.Error, UnicodeError) as error:
        if isinstance(error, psycopg.errors.UniqueViolation) and _is_of_the_key(connection, table, error):
            raise _present_row(table, error) from None
        if not _is_of_a_row(error):
            raise
        if len(rows) == 1:
            return [Refusal(rows[0], _words(error))]
    middle = len(rows) // 2
    halves = rows[:middle], rows[middle:]
    return [refusal for half in halves for refusal in _copy_or_halve(connection, table, statement, half)]


def _is_of_the_key(connection: Connection, table: Table, error: psycopg.errors.UniqueViolation) -> bool:
    """Whether a row of that partition and offset is there; else a unique index of the user refuses the row."""
    row = connection.execute(
        "SELECT contype = 'p' FROM pg_constraint WHERE conrelid = to_regclass(quote_ident(%s)) AND conname = %s",
        [table.name, error.diag.constraint_name],
    ).fetchone()
    return bool(row and row[0])


def _is_of_a_row(error: psycopg.Error | UnicodeError) -> bool:
    if isinstance(error, UnicodeError | psycopg.DataError):
        return True
    return error.sqlstate is not None and error.sqlstate.startswith(_ROW_AT_FAULT)


def _words(error: psycopg.Error | UnicodeError) -> str:
    """The server's own words, behind the column's name where it says one; the client's for what it can't send."""
    if isinstance(error, UnicodeError):
        return f"PostgreSQL: no UTF-8: {error}"[:_LONGEST]
    diagnosis = error.diag
    primary = diagnosis.message_primary or str(error)
    words = f"{primary} ({diagnosis.message_detail})" if diagnosis.message_detail else primary
    column = _COLUMN.search(diagnosis.context or "")
    return " ".join(f"{f'{chr(34)}{column[1]}{chr(34)}: ' if column else ''}PostgreSQL: {words}".split())[:_LONGEST]


def _present_row(table: Table, error: psycopg.errors.UniqueViolation) -> DamagedError:
    return DamagedError(
        f"a row of this chunk is there already, though the position is before it: {error.diag.message_detail or error}",
        where=f"table {table.name} of PostgreSQL",
        next_step="Somebody has changed feed_positions, or fills this table too: see `trends feed verify FEED`",
    )
