"""Hour layout: where the posts of an hour lie below the archive's root.

dt=2017-01-06/hour=07/posts+3+<start>+<next>+1of2.avro      a part
dt=2017-01-06/hour=07/posts+compact+<serial>.avro           an hour in one file
"""

from batch_layer.storage.chunk_files.layout import Layout
from ingest.hours import Hour

LAYOUT = Layout(
    folders=r"dt=\d{4}-\d\d-\d\d/hour=\d\d",
    prefixes=r"[A-Za-z0-9_-][A-Za-z0-9._-]*\+",
    extension="avro",
    further=r"compact\+\d{20}",
)

is_part = LAYOUT.is_part
span_of = LAYOUT.span_of


def hour_folder(hour: Hour) -> str:
    """An hour's folder, below the root."""
    day, hour_of_day = str(hour).split("T")
    return f"dt={day}/hour={hour_of_day}"


def hour_of(path: str) -> Hour:
    """The hour of a part below the root."""
    return Hour.parse(f"{path[3:13]}T{path[19:21]}")


def compaction_of(path: str) -> int:
    """The serial of the compaction that wrote a compacted hour."""
    return int(path.rpartition("+")[2].removesuffix(".avro"))
