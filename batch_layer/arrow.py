"""Sorted posts in Arrow batches -> ranked hours in Arrow batches: what runs inside Spark's Python workers.

It imports no Spark and no settings, so a worker needs the packages `ingest` and `serving`, `msgspec` and `regex`.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import pyarrow as pa

from batch_layer.rank import Arrived, Ranked, rank_hour
from ingest.hashtags import Rule
from ingest.hours import Hour
from serving.views import Row

COLUMNS = ("hour", "source", "id", "text", "tags")
"""What comes in: the hour as its serial, and `Arrived`; sorted by hour, partition, offset."""

_ROW = pa.struct([("tag", pa.string()), ("shown", pa.string()), ("count", pa.int64())])
_TOTALS = ("tied_beyond", "uses", "tags", "posts", "read")
RANKED = pa.schema([("hour", pa.int32()), *((name, pa.int64()) for name in _TOTALS), ("rows", pa.list_(_ROW))])
"""What goes out: a row an hour."""
RANKED_DDL = (
    "hour int, " + ", ".join(f"{name} long" for name in _TOTALS) + ", rows array<struct<tag: string, "
    "shown: string, count: long>>"
)
"""The same as Spark is told it."""


class RankedHour(NamedTuple):
    """An hour and what was counted in it."""

    hour: Hour
    ranked: Ranked


def rank_batches(batches: Iterable[pa.RecordBatch], rule: Rule, keep: int) -> Iterator[pa.RecordBatch]:
    """Rank hour by hour. An hour may begin in any batch and end in any later one; memory is bounded by one hour."""
    for serial, arrived in groupby(_rows(batches), itemgetter(0)):
        ranked = rank_hour((Arrived(*row[1:]) for row in arrived), rule, keep)
        yield _as_batch(serial, ranked)


def ranked_hours(table: pa.Table) -> Iterator[RankedHour]:
    """What `rank_batches` wrote, as values."""
    for row in table.to_pylist():
        rows = tuple(Row(each["tag"], each["shown"], each["count"]) for each in row["rows"])
        yield RankedHour(Hour(row["hour"]), Ranked(rows, **{name: row[name] for name in _TOTALS}))


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, str, str, str | None, list[str] | None]]:
    for batch in batches:
        yield from zip(*(batch.column(name).to_pylist() for name in COLUMNS), strict=True)


def _as_batch(serial: int, ranked: Ranked) -> pa.RecordBatch:
    rows = [{"tag": row.tag, "shown": row.shown, "count": row.count} for row in ranked.rows]
    totals = {name: getattr(ranked, name) for name in _TOTALS}
    return pa.RecordBatch.from_pylist([{"hour": serial, **totals, "rows": rows}], schema=RANKED)
