"""REF_DATE: when each stage that reads a table of PostgreSQL committed last, for people who look there.

Earlier exports began at this time. No stage reads it: offsets say where a stage begins, and a time can't, since rows
may come late.
"""

from batch_layer.sinks.postgres.position_tables import lock_tables
from batch_layer.sinks.postgres.table_columns import exists
from batch_layer.storage.postgres import Connection


def write_ref_date(connection: Connection, application: str) -> None:
    """Set the time of an application to now; makes the table where it is missing."""
    if not exists(connection, "ref_date"):
        lock_tables(connection)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS ref_date (application_name text PRIMARY KEY, ref_date timestamptz NOT NULL)"
        )
    changed = connection.execute("UPDATE ref_date SET ref_date = now() WHERE application_name = %s", [application])
    if changed.rowcount == 0:  # a table of an earlier export need not have a key: so no ON CONFLICT
        connection.execute("INSERT INTO ref_date (application_name, ref_date) VALUES (%s, now())", [application])
