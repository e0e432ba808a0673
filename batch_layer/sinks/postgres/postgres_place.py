"""PostgresPlace: what the table of a sink holds, read from rows and positions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from batch_layer.delivery.intake import Intake
from batch_layer.sinks.contract import Stage, Standing
from batch_layer.sinks.postgres import position_tables
from batch_layer.sinks.postgres.position_tables import owner_of
from batch_layer.sinks.postgres.postgres_intake import PostgresIntake
from batch_layer.sinks.postgres.postgres_session import Session
from batch_layer.sinks.postgres.table_columns import exists, names_of, table_of
from batch_layer.storage.postgres import Connection

_AT_ONCE = 5_000


class PostgresPlace:
    """See `Place`."""

    def __init__(self, stage: Stage) -> None:
        """Raises `UsageError` where the declared columns hold no key."""
        self._stage = stage
        self._table = table_of(stage)
        self._owner = owner_of(stage)

    def standings(self) -> dict[int, Standing]:
        """See `Place`."""
        with self._transaction(snapshot=True) as connection:
            return position_tables.read_standings(connection, self._owner)

    def offsets(self, partition: int) -> Iterator[int]:
        """See `Place`. The rows come in portions, all of one snapshot."""
        table = self._table
        statement = sql.SQL("SELECT {offset} FROM {table} WHERE {partition} = %s ORDER BY {offset}").format(
            offset=sql.Identifier(table.offset), table=table.identifier, partition=sql.Identifier(table.partition)
        )
        with self._transaction(snapshot=True) as connection:
            if not exists(connection, table.name):
                return
            with connection.cursor("offsets") as cursor:
                cursor.itersize = _AT_ONCE
                for (offset,) in cursor.execute(statement, [partition]):
                    yield offset

    def rows(self, most: int) -> list[dict[str, Any]]:
        """See `Place`: the last ones of each partition, newest offset first."""
        table = self._table
        statement = sql.SQL("SELECT {} FROM {} WHERE {} = %s ORDER BY {} DESC LIMIT %s").format(
            names_of([*table.columns]),
            table.identifier,
            sql.Identifier(table.partition),
            sql.Identifier(table.offset),
        )
        with self._transaction(snapshot=True) as connection:
            if not exists(connection, table.name):
                return []
            cursor = connection.cursor(row_factory=dict_row)
            partitions = sorted(position_tables.read_standings(connection, self._owner))
            rows = [row for number in partitions for row in cursor.execute(statement, [number, most])]
        return sorted(rows, key=lambda row: row[table.offset], reverse=True)[:most]

    def clear(self) -> None:
        """See `Place`: one transaction, so a stage that runs nevertheless is fenced off and begins again."""
        with self._transaction() as connection:
            position_tables.lock_tables(connection)
            if exists(connection, self._table.name):
                connection.execute(sql.SQL("TRUNCATE {}").format(self._table.identifier))
            if exists(connection, "feed_positions"):
                position_tables.forget(connection, self._owner)

    @contextmanager
    def _transaction(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A transaction over a connection of its own: whoever looks at a place need not close it."""
        session = Session(self._stage.settings)
        try:
            with session.transaction(snapshot=snapshot) as connection:
                yield connection
        finally:
            session.close()

    def intake(self, reader: Stage) -> Intake:
        """See `Place`."""
        return PostgresIntake(self._stage, reader)
