"""Hive for tests: a database of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from batch_layer.storage.hive_server import HiveServer, identifier
from config.settings import Settings


@contextmanager
def own_hive_database(settings: Settings) -> Iterator[None]:
    """The database that the settings name, made and in the end dropped with its tables."""
    name = identifier(settings.hive.database)
    with HiveServer(settings, "default") as hive:
        hive.execute(f"CREATE DATABASE IF NOT EXISTS {name}")
        try:
            yield
        finally:
            hive.execute(f"DROP DATABASE IF EXISTS {name} CASCADE")
