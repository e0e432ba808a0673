"""Handover: what a sink hands on to the stage that reads it, and what that stage needs."""

from batch_layer.sinks.contract import Stage
from config.errors import UsageError
from ingest.feeds.declaration.model import HdfsSink, HiveSink


def check_handover(reader: Stage, *, key: bool, sent: bool) -> None:
    """Raise `UsageError` where the stage needs the key or Kafka's time of a record, and the sink before hands on none.

    `sent`: whether a column of that sink holds Kafka's time; `key`: the same of the key.
    """
    origin = reader.feed.declaration.sinks[reader.sink].from_
    where = f"feed {reader.feed.name}: sinks.{origin}.columns"
    needs = _needs(reader)
    if "$key" in needs and not key:
        raise UsageError(f"it does not hand on the $key that is in sinks.{reader.sink}", where=where)
    if not sent and needs & _from_the_time_of_kafka(reader):
        raise UsageError(
            f"no column holds the time at which Kafka took a record, for sinks.{reader.sink}",
            where=where,
            next_step='Add sent = { from = "$sent", type = "timestamp" }',
        )


def _needs(reader: Stage) -> set[str]:
    """The `$` names that a stage needs; the folders of files need the event time."""
    sink = reader.feed.declaration.sinks[reader.sink]
    by_time = isinstance(sink, HdfsSink | HiveSink) and sink.by != "none"
    return {column.from_ for column in reader.columns.values()} | ({"$at"} if by_time else set())


def _from_the_time_of_kafka(reader: Stage) -> set[str]:
    """The `$` names whose values come from Kafka's time: the event time too, where records have none of their own."""
    return {"$sent", "$at"} if reader.feed.declaration.event_time is None else {"$sent"}
