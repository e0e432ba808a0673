"""PostgreSQL for tests: a database of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from batch_layer.storage.postgres import connect
from config.settings import Settings

MAINTENANCE = "postgres"


@contextmanager
def own_database(settings: Settings) -> Iterator[None]:
    """The database that the settings name, made and in the end dropped, with whoever is connected to it."""
    name = sql.Identifier(settings.postgres.database)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
    with connect(settings, MAINTENANCE, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield
    finally:
        with connect(settings, MAINTENANCE, autocommit=True) as connection:
            connection.execute(drop)
