"""The table of a sink: its types, its key, its CREATE TABLE, and how far a table that is there differs from it.

Its columns are those of the feed's file and no others. The columns that hold a record's partition and offset are the
primary key: should somebody reset a position by hand, PostgreSQL refuses the rows that it has.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from psycopg import sql

from batch_layer.sinks.contract import Stage
from batch_layer.storage.postgres import Connection
from config.errors import TrendsError, UsageError
from ingest.feeds.declaration.model import Column, PostgresSink

OURS = ("feed_positions", "feed_gaps", "ref_date")
"""Tables of the platform, which no sink may be."""
_TYPES = {
    "string": "text",
    "int": "integer",
    "bigint": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
    "json": "jsonb",
    "bytes": "bytea",
}
"""Types as `format_type` of PostgreSQL spells them."""
_LOCAL_TIME = "timestamp without time zone"
_KEY = {"$partition": ("partition", "int"), "$offset": ("msg_offset", "bigint")}
"""What a key is made from: the name and type of a column that is missing."""
_FITTING = {"$partition": {"int", "bigint"}, "$offset": {"bigint"}}


class Table(NamedTuple):
    """A table as the feed's file declares it."""

    name: str
    columns: Mapping[str, Column]
    partition: str
    """Name of the column that holds the partition."""
    offset: str
    """Name of the column that holds the offset."""

    @property
    def identifier(self) -> sql.Identifier:
        """Its name in a statement."""
        return sql.Identifier(self.name)

    @property
    def key(self) -> sql.Composable:
        """The columns of its primary key, in order."""
        return names_of([self.partition, self.offset])


def table_of(stage: Stage) -> Table:
    """The table of a sink. Raises `UsageError` where its columns hold no key."""
    declared = stage.feed.declaration.sinks[stage.sink]
    where = f"feed {stage.feed.name}: sinks.{stage.sink}"
    if not isinstance(declared, PostgresSink):
        raise UsageError(f"type {declared.type} is no table of PostgreSQL", where=where)
    if declared.table in OURS:
        raise UsageError(f"{declared.table} is a table of trends itself", where=f"{where}.table", next_step="Rename it")
    by_source = {column.from_: name for name, column in reversed(stage.columns.items())}
    missing = [
        f'{name} = {{ from = "{source}", type = "{kind}" }}'
        for source, (name, kind) in _KEY.items()
        if source not in by_source
    ]
    if missing:
        raise UsageError(
            "no column holds " + " and ".join(source for source in _KEY if source not in by_source),
            where=f"{where}.columns",
            next_step=f"They are the key of its table. Add {' and '.join(missing)}",
        )
    for source, kinds in _FITTING.items():
        if stage.columns[by_source[source]].type not in kinds:
            raise UsageError(
                f"{source} needs the type {' or '.join(sorted(kinds))}", where=f"{where}.columns.{by_source[source]}"
            )
    return Table(declared.table, stage.columns, by_source["$partition"], by_source["$offset"])


def names_of(columns: Sequence[str]) -> sql.Composed:
    """Columns in a statement, with commas."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def type_of(column: Column) -> str:
    """The type of a column, as PostgreSQL spells it."""
    return _LOCAL_TIME if column.type == "timestamp" and column.zone else _TYPES[column.type]


def create_or_compare(connection: Connection, table: Table) -> None:
    """Make the table, or raise `TrendsError` where one of that name differs, with the statements that change it."""
    if not exists(connection, table.name):
        connection.execute(_creation(table))
        return
    present, key = _present(connection, table)
    wanted = {name: type_of(column) for name, column in table.columns.items()}
    names = [*wanted, *(name for name in present if name not in wanted)]
    differences = [
        f"{name} is {present.get(name, 'missing')} and should be {wanted.get(name, 'absent')}"
        for name in names
        if present.get(name) != wanted.get(name)
    ]
    if key != {table.partition, table.offset}:
        differences.append(f"its primary key is not ({table.partition}, {table.offset})")
    if differences:
        changes = [each.as_string(connection) for each in _changes(table, present, wanted, key)]
        raise TrendsError(
            f"it is not the table of the feed: {', '.join(differences)}",
            where=f"table {table.name} of PostgreSQL",
            next_step=f"Correct the feed's file, or type: {'; '.join(changes)}",
        )


def exists(connection: Connection, name: str) -> bool:
    """Whether there is a table of that name."""
    row = connection.execute("SELECT to_regclass(quote_ident(%s)) IS NOT NULL", [name]).fetchone()
    return bool(row and row[0])


def _creation(table: Table) -> sql.Composed:
    columns = [sql.SQL("{} " + type_of(column)).format(sql.Identifier(name)) for name, column in table.columns.items()]
    return sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
        table.identifier, sql.SQL(", ").join(columns), table.key
    )


def _present(connection: Connection, table: Table) -> tuple[dict[str, str], set[str]]:
    """Name and type of each column that the table has, and the names in its primary key."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), coalesce(attnum = ANY(indkey), false) "
        "FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary "
        "WHERE attrelid = to_regclass(quote_ident(%s)) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table.name],
    ).fetchall()
    return {name: kind for name, kind, _ in rows}, {name for name, _, in_key in rows if in_key}


def _changes(
    table: Table, present: Mapping[str, str], wanted: Mapping[str, str], key: Collection[str]
) -> Iterator[sql.Composed]:
    """Statements that make the present table the declared one."""
    alter = sql.SQL("ALTER TABLE {} ").format(table.identifier)
    for name, kind in wanted.items():
        if name not in present:
            yield alter + sql.SQL("ADD COLUMN {} " + kind).format(sql.Identifier(name))
        elif present[name] != kind:
            yield alter + sql.SQL("ALTER COLUMN {} TYPE " + kind).format(sql.Identifier(name))
    for name in present:
        if name not in wanted:
            yield alter + sql.SQL("DROP COLUMN {}").format(sql.Identifier(name))
    if set(key) != {table.partition, table.offset}:
        if key:
            yield alter + sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(f"{table.name}_pkey"))
        yield alter + sql.SQL("ADD PRIMARY KEY ({})").format(table.key)
