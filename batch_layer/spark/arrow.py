"""Sorted posts in Arrow batches -> ranked hours in Arrow batches: the code of Spark's Python workers.

It imports no Spark and no settings, so a worker needs the packages `config`, `ingest` and `serving`, `msgspec`,
`regex` and `stop-words`.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
from pyarrow import compute

from batch_layer.rank import NOTHING_FURTHER, Columns, Further, HourRanking, Ranking, rank_columns
from config.decoding import decoding
from ingest.hours import Hour
from ingest.rule.hashtags import Rule
from serving.views.documents import Lens, Row

COLUMNS = ("hour", "source", "id", "text", "tags")
"""Input: the hour as its serial, and `PostFields`; sorted by hour, partition, offset."""
LANG = "lang"
"""One more column, for jobs that count phrases."""
PLACE = ("era", "partition", "offset")
"""Three more, the fields of a `Place`, for jobs that sample posts."""

DAMAGED_POST = "post in a Spark task"
"""Name of an undecodable post in errors: by these words the driver knows it again."""

_TOTALS = ("tied_beyond", "uses", "tags", "posts")
_ROWS = pa.list_(pa.struct([("tag", pa.string()), ("shown", pa.string()), ("count", pa.int64())]))
_RANKING = [*((name, pa.int64()) for name in _TOTALS), ("rows", _ROWS)]
_SAMPLES = pa.list_(pa.struct([("source", pa.string()), ("packed", pa.binary())]))
_FURTHER = pa.list_(pa.struct([("kind", pa.string()), ("source", pa.string()), *_RANKING]))
RANKING = pa.schema(
    [
        *(("hour", pa.int32()), ("read", pa.int64()), *_RANKING),
        *(("sources", pa.list_(pa.string())), ("further", _FURTHER), ("samples", _SAMPLES)),
    ]
)
"""Output: a row an hour."""
RANKING_DDL = """
    hour int, read long, tied_beyond long, uses long, tags long, posts long,
    rows array<struct<tag: string, shown: string, count: long>>,
    sources array<string>,
    further array<struct<kind: string, source: string, tied_beyond: long, uses: long, tags: long, posts: long,
                         rows: array<struct<tag: string, shown: string, count: long>>>>,
    samples array<struct<source: string, packed: binary>>
"""
"""The same schema in Spark's DDL."""


def rank_batches(
    batches: Iterable[pa.RecordBatch], rule: Rule, keep: int, further: Further = NOTHING_FURTHER
) -> Iterator[pa.RecordBatch]:
    """Rank hour by hour. An hour may begin in any batch and end in any later one; memory holds one hour."""
    for serial, pieces in groupby(_pieces(batches), itemgetter(0)):
        yield _as_batch(serial, rank_columns((columns for _, columns in pieces), rule, keep, further))


def hour_rankings(table: pa.Table) -> Iterator[tuple[Hour, HourRanking]]:
    """The output of `rank_batches` as values."""
    for row in (row for batch in table.to_batches() for row in batch.to_pylist()):
        further = tuple((Lens(each["kind"], each["source"]), Ranking(**_ranking(each))) for each in row["further"])
        samples = tuple((Lens(source=each["source"]), each["packed"]) for each in row["samples"])
        rest: dict[str, Any] = {"sources": tuple(row["sources"]), "further": further, "samples": samples}
        ranked = HourRanking(**_ranking(row), read=row["read"], **rest)
        yield Hour(row["hour"]), ranked


def _ranking(row: dict[str, Any]) -> dict[str, Any]:
    rows = tuple(Row(each["tag"], each["shown"], each["count"]) for each in row["rows"])
    return {"rows": rows, **{name: row[name] for name in _TOTALS}}


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Columns]]:
    """Batches, split where the hour changes. Raises `DamagedError`: Spark passes bytes on that are no text."""
    for batch in batches:
        runs = compute.run_end_encode(batch.column(0))
        start = 0
        for serial, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            with decoding(DAMAGED_POST, "the archive", "Restore its file from a backup of HDFS"):
                piece = batch.slice(start, end - start)
                columns = {name: piece.column(name).to_pylist() for name in batch.schema.names[1:]}
            yield serial, _columns(columns, end - start)
            start = end


def _columns(columns: dict[str, list[Any]], count: int) -> Columns:
    source, post_id, text, tags = (columns[name] for name in COLUMNS[1:])
    posts = Columns(source, post_id, text, tags, columns.get(LANG) or [None] * count)
    return posts._replace(place=zip(*(columns[name] for name in PLACE), strict=True)) if PLACE[0] in columns else posts


def _as_batch(serial: int, ranked: HourRanking) -> pa.RecordBatch:
    row = {"hour": serial, "read": ranked.read, **_flat(ranked), "sources": list(ranked.sources)}
    further = [{"kind": lens.kind, "source": lens.source, **_flat(ranking)} for lens, ranking in ranked.further]
    samples = [{"source": lens.source, "packed": packed} for lens, packed in ranked.samples]
    return pa.RecordBatch.from_pylist([{**row, "further": further, "samples": samples}], schema=RANKING)


def _flat(ranking: Ranking) -> dict[str, Any]:
    rows = [{"tag": row.tag, "shown": row.shown, "count": row.count} for row in ranking.rows]
    return {**{name: getattr(ranking, name) for name in _TOTALS}, "rows": rows}
