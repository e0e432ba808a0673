"""The registry's entry for tables of PostgreSQL. It loads psycopg when somebody makes a sink or a place."""

from typing import Any

from batch_layer.delivery.sink import Sink
from batch_layer.sinks.contract import Place, SinkKind, Stage


def _sink(stage: Stage) -> Sink[str, Any]:
    from batch_layer.sinks.postgres.postgres_sink import PostgresSink  # noqa: PLC0415 - loads psycopg

    return PostgresSink(stage)


def _place(stage: Stage) -> Place:
    from batch_layer.sinks.postgres.postgres_place import PostgresPlace  # noqa: PLC0415 - loads psycopg

    return PostgresPlace(stage)


KIND = SinkKind(
    _sink,
    _place,
    "once: rows and position are one transaction",
)
