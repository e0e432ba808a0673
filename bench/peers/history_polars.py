"""The full history with polars, from local files that jetliner or fastavro reads; the platform's rule, in Python.

Arguments: a folder, and the reader. Runs twice, and tells the seconds of both and the first tags of each hour.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import polars

from bench.harness.subprocess_run import arguments, clocked, say
from bench.peers.uses import uses_of

TOP = 10
HOUR_MS = 3_600_000
_COLUMNS = ("source", "id", "created_at", "text")


def tops(folder: str, reader: str) -> dict[str, list[tuple[str, int]]]:
    """The first tags of each hour."""
    posts = _jetliner(folder) if reader == "jetliner" else _fastavro(folder)
    tagged = posts.filter(polars.col("text").str.contains_any(["#", "＃"])).unique(["source", "id"])
    hour = (polars.col("created_at").dt.epoch("ms") // HOUR_MS).alias("hour")
    found = tagged.select(hour, "text").collect()
    uses = polars.DataFrame(polars.from_arrow(uses_of(found["hour"].to_list(), found["text"].to_list())))
    counts = uses.group_by("hour", "tag").len().sort("hour", "len", "tag", descending=[False, True, False])
    ranked: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for at, tag, count in counts.group_by("hour", maintain_order=True).head(TOP).iter_rows():
        ranked[at].append((tag, count))
    return dict(ranked)


def _jetliner(folder: str) -> Any:
    import jetliner  # noqa: PLC0415 - the other reader does without

    return jetliner.scan_avro(f"{folder}/*.avro").select(_COLUMNS)


def _fastavro(folder: str) -> Any:
    import fastavro  # noqa: PLC0415 - as above

    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for path in sorted(Path(folder).glob("*.avro")):
        with path.open("rb") as file:
            for record in fastavro.reader(file):
                for name, values in columns.items():
                    values.append(record[name])
    return polars.LazyFrame(columns)


def main() -> None:
    """Twice."""
    folder, reader = arguments()
    cold = clocked(tops, folder, reader)
    warm = clocked(tops, folder, reader)
    say(warm._replace(result={"cold_s": cold.seconds, "warm_s": warm.seconds, "tops": warm.result}))


if __name__ == "__main__":
    main()
