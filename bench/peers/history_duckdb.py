"""The full history with DuckDB and its avro extension, from local files; the platform's rule, in Python.

Arguments: a folder. Runs twice, and tells the seconds of both and the first tags of each hour.
"""

from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bench.harness.subprocess_run import arguments, clocked, say
from bench.peers.uses import uses_of

TOP = 10
_POSTS = """
    SELECT DISTINCT ON (source, id) epoch_ms(created_at) // 3600000 AS hour, text
    FROM read_avro('{folder}/*.avro') WHERE contains(text, '#') OR contains(text, '＃')
"""
_RANKED = """
    SELECT hour, tag, count(*) AS times FROM uses GROUP BY hour, tag
    QUALIFY row_number() OVER (PARTITION BY hour ORDER BY times DESC, tag) <= {top} ORDER BY hour, times DESC, tag
"""


def tops(folder: str) -> dict[str, list[tuple[str, int]]]:
    """The first tags of each hour."""
    with duckdb.connect() as database:
        database.execute(f"LOAD '{_extension()}'")
        posts: pa.Table = database.execute(_POSTS.format(folder=folder)).to_arrow_table()
        uses = uses_of(posts["hour"].to_pylist(), posts["text"].to_pylist())
        database.register("uses", uses)
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for hour, tag, count in database.execute(_RANKED.format(top=TOP)).fetchall():
            found[hour].append((tag, count))
    return dict(found)


def _extension() -> Path:
    """The extension's file, from its package, without a download."""
    spec = find_spec("duckdb_extension_avro")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("duckdb_extension_avro")
    return next(Path(spec.origin).parent.rglob("avro.duckdb_extension"))


def main() -> None:
    """Twice."""
    folder, *_ = arguments()
    cold = clocked(tops, folder)
    warm = clocked(tops, folder)
    told: dict[str, Any] = {"cold_s": cold.seconds, "warm_s": warm.seconds, "tops": warm.result}
    say(warm._replace(result=told))


if __name__ == "__main__":
    main()
