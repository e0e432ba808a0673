"""Files of a feed on a double of HDFS: what lies where, in which types, and what is refused."""

import json
import threading
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_layer.delivery.chunk import Bounds, Chunk
from batch_layer.delivery.runner import DeliveryRunner
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.files.files_intake import FilesIntake
from batch_layer.sinks.files.files_place import FilesPlace
from batch_layer.sinks.files.files_sink import CommitLogger, FeedFileSink
from config.errors import DamagedError, UnavailableError, UsageError
from ingest.kafka.message import Message
from ingest.wire import Reject
from tests.support.feed_files import COLUMNS, feed_of, folder_on, hdfs_sink, stage_of
from tests.support.hdfs_double import HdfsDouble

NOV_20, DAY_MS = 1_700_438_400_000, 86_400_000
FIRST = "/feed/dt=2023-11-20/weather_0+00000000000000000000+00000000000000000003+1of2.json"
SECOND = "/feed/dt=2023-11-21/weather_0+00000000000000000000+00000000000000000003+2of2.json"


def stage(rejects: list[Reject] | None = None, **more: Any) -> Stage:
    """A stage that reads another sink, so that it asks no Kafka."""
    sinks = {"before": hdfs_sink(root="/before"), "files": hdfs_sink(**{"from": "before", **more})}
    return stage_of(feed_of(sinks), "files", rejects)


def write(hdfs: HdfsDouble, of: Stage, *messages: Message) -> None:
    """One chunk."""
    sink = FeedFileSink(of, folder_on(hdfs, of), CommitLogger("test", "files"))
    sink.prepare()
    sink.admit()
    writer = sink.open(0)
    chunk = Chunk("posts", 0, writer.position, sink.reader)
    for message in messages:
        chunk.take(message, 0)
    writer.delivery(chunk).run()
    writer.tidy()
    sink.close()


def place(hdfs: HdfsDouble, of: Stage) -> FilesPlace:
    return FilesPlace(of, folder_on(hdfs, of))


def message(offset: int, value: Any, at: int = NOV_20) -> Message:
    return Message(0, offset, json.dumps(value).encode(), None, at)


def visible(hdfs: HdfsDouble) -> list[str]:
    return sorted(path for path in hdfs.files if "/_" not in path)


def test_rows_lie_in_the_folder_of_their_day_one_object_a_line() -> None:
    hdfs, of = HdfsDouble(), stage()
    write(hdfs, of, message(0, {"t": 1.5}), message(1, {"t": [None, "é"]}, NOV_20 + DAY_MS), message(2, 3))
    assert visible(hdfs) == [FIRST, SECOND]
    lines = [json.loads(line) for line in hdfs.files[FIRST].splitlines()]
    assert lines == [
        {"kafka_partition": 0, "kafka_offset": 0, "sent": "2023-11-20T00:00:00Z", "value": {"t": 1.5}},
        {"kafka_partition": 0, "kafka_offset": 2, "sent": "2023-11-20T00:00:00Z", "value": 3},
    ]


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_the_counts_are_readable_from_the_manifests_alone(kind: str) -> None:
    rejects: list[Reject] = []
    hdfs, of = HdfsDouble(), stage(rejects, format=kind)
    write(hdfs, of, message(0, {"a": 1}), Message(0, 1, b"no JSON"), message(2, {"a": 2}))
    hdfs.files = {path: data if "/_" in path else b"" for path, data in hdfs.files.items()}
    standing = place(hdfs, of).standings()[0]
    assert (standing.position, standing.kept, standing.rejected, standing.left_out, standing.gaps) == (3, 2, 1, 0, ())
    assert [reject.where for reject in rejects] == ["posts/0@1"]


def test_columns_of_parquet_have_the_types_of_a_table() -> None:
    kinds = {
        "s": "string", "i": "int", "b": "bigint", "d": "double", "o": "boolean", "t": "timestamp", "a": "date",
        "j": "json", "y": "bytes",
    }  # fmt: skip
    columns = {name: {"from": name, "type": kind} for name, kind in kinds.items()}
    hdfs, of = HdfsDouble(), stage(format="parquet", columns={**columns, **COLUMNS}, by="none")
    full = {
        "s": " x ", "i": "2,499", "b": 2**40, "d": 0.5, "o": "OUI", "t": "2023-11-20T01:02:03.000004Z",
        "a": "2023-11-20", "j": {"k": [1]}, "y": "z",
    }  # fmt: skip
    write(hdfs, of, message(0, full), message(1, {}))
    (path,) = visible(hdfs)
    assert path == "/feed/weather_0+00000000000000000000+00000000000000000002+1of1.parquet"
    table = pq.read_table(BytesIO(hdfs.files[path]))
    assert [table.schema.field(name).type for name in kinds] == [
        pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", "UTC"), pa.date32(),
        pa.string(), pa.binary(),
    ]  # fmt: skip
    stored = pq.ParquetFile(BytesIO(hdfs.files[path])).schema.column(5)
    assert (stored.physical_type, str(stored.logical_type)) == (
        "INT64",
        "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds, is_from_converted_type=false, "
        "force_set_converted_type=false)",
    )
    first, second = table.to_pylist()
    assert (first["s"], first["i"], first["o"], first["j"], first["y"]) == ("x", 2_499, True, '{"k":[1]}', b"z")
    assert {second[name] for name in kinds} == {None}


def test_files_of_others_are_named_and_left_alone() -> None:
    hdfs, of = HdfsDouble(), stage()
    write(hdfs, of, message(0, 1))
    for path in ("/feed/dt=2023-11-20/notes.json", "/feed/dt=1999-01-01/old.json", "/feed/readme"):
        hdfs.put(path, b"theirs")
    assert place(hdfs, of).foreign() == ["/feed/dt=1999-01-01/old.json", "/feed/dt=2023-11-20/notes.json"]
    place(hdfs, of).clear()
    assert visible(hdfs) == ["/feed/dt=1999-01-01/old.json", "/feed/dt=2023-11-20/notes.json", "/feed/readme"]
    assert place(hdfs, of).standings() == {}
    write(hdfs, of, message(0, 2))
    assert place(hdfs, of).rows(9)[0]["value"] == "2"


def test_the_latest_rows_are_shown() -> None:
    hdfs, of = HdfsDouble(), stage()
    write(hdfs, of, message(0, 0), message(1, 1))
    write(hdfs, of, message(2, 2), message(3, 3))
    assert [row["kafka_offset"] for row in place(hdfs, of).rows(3)] == [1, 2, 3]


def test_a_file_that_contradicts_its_manifest_is_damage() -> None:
    hdfs, of = HdfsDouble(), stage()
    write(hdfs, of, message(0, 0))
    (path,) = visible(hdfs)
    whole = hdfs.files[path]
    for data in (whole[:-1], b"x" * len(whole)):
        hdfs.files[path] = data
        with pytest.raises(DamagedError, match="rebuild the sink"):
            list(place(hdfs, of).offsets(0))
    del hdfs.files[path]
    with pytest.raises(DamagedError, match="missing"):
        list(place(hdfs, of).offsets(0))


def test_other_columns_than_those_of_the_files_are_refused() -> None:
    hdfs = HdfsDouble()
    write(hdfs, stage(), message(0, 0))
    more = {**COLUMNS, "extra": {"from": "x", "type": "int"}}
    with pytest.raises(UsageError, match="rebuild the sink"):
        write(hdfs, stage(columns=more), message(1, 1))
    write(hdfs, stage(), message(1, 1))


def test_a_column_with_the_name_of_a_folder_is_refused() -> None:
    of = stage(columns={**COLUMNS, "dt": {"from": "d", "type": "string"}})
    with pytest.raises(UsageError, match="makes folders dt="):
        folder_on(HdfsDouble(), of)


@pytest.mark.parametrize("at", [-62_135_596_800_000, 253_402_300_800_000, 10**17])
def test_an_event_time_without_a_folder_is_a_reject(at: int) -> None:
    rejects: list[Reject] = []
    hdfs, of = HdfsDouble(), stage(rejects)
    write(hdfs, of, message(0, 0, at), message(1, 1))
    assert [reject.where for reject in rejects] == ["posts/0@0"]
    assert list(place(hdfs, of).offsets(0)) == [1]


def test_a_stage_that_is_ahead_of_the_sink_that_it_reads_waits_for_it() -> None:
    hdfs, of = HdfsDouble(), stage()
    write(hdfs, of, message(0, 0))
    sink = FeedFileSink(of, folder_on(hdfs, of), CommitLogger("test", "files"))
    sink.admit()
    with pytest.raises(UnavailableError, match="rebuilds"):
        sink.open(0).check_end(0)
    sink.close()


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_a_stage_reads_files_of_another_in_packets_of_its_own(kind: str) -> None:
    hdfs, first = HdfsDouble(), stage(format=kind)
    for start in range(0, 1_000, 50):
        write(hdfs, first, *(message(at, {"n": at}, NOV_20 + at % 2 * DAY_MS) for at in range(start, start + 50)))
    sinks = {"files": hdfs_sink(format=kind), "copy": hdfs_sink(root="/copy", **{"from": "files"})}
    copy = stage_of(feed_of(sinks), "copy")
    intake = FilesIntake(folder_on(hdfs, first), copy)
    sink = FeedFileSink(copy, folder_on(hdfs, copy), CommitLogger("test", "copy"))
    bounds = Bounds(records=31, bytes=64_000_000, age_ms=60_000)
    DeliveryRunner("posts", intake, sink, bounds, lambda: 0).run(until_drained=True, stop=threading.Event())
    manifests = folder_on(hdfs, copy).manifests()[0]
    assert [manifest.next - manifest.start for manifest in manifests] == [31] * 32 + [8]
    assert list(place(hdfs, copy).offsets(0)) == list(range(1_000))
    rows = {row["kafka_offset"]: row for row in place(hdfs, copy).rows(1_000)}
    assert all(json.loads(rows[at]["value"]) == {"n": at} for at in range(1_000))


@pytest.mark.parametrize(("kind", "type_"), [("json", "json"), ("parquet", "json"), ("parquet", "string")])
def test_a_stage_reads_from_files_the_values_that_kafka_has(kind: str, type_: str) -> None:
    values: list[Any] = [None, "a b", "", '"', 7, 1.5, 1e22, True, [], {"b": [None, "\u2028\n"], "a": {}}]
    hdfs = HdfsDouble()
    columns = COLUMNS | {"value": {"from": "$value", "type": type_}}
    first = stage(format=kind, by="none", columns=columns)
    write(hdfs, first, *(message(at, value) for at, value in enumerate(values)))
    sinks = {"files": hdfs_sink(format=kind, columns=columns), "copy": hdfs_sink(root="/copy", **{"from": "files"})}
    intake = FilesIntake(folder_on(hdfs, first), stage_of(feed_of(sinks), "copy"))
    intake.join(lambda _: None)
    intake.seek(0, 0)
    messages = [event for event in intake.read() if isinstance(event, Message)]
    assert [json.loads(each.value or b"") for each in messages] == values
    intake.close()


def test_files_hand_on_what_a_column_holds_and_no_stage_reads_them_for_more() -> None:
    without = {name: column for name, column in COLUMNS.items() if name != "sent"}
    sinks = {"files": hdfs_sink(columns=without), "copy": hdfs_sink(root="/copy", **{"from": "files"})}
    with pytest.raises(UsageError, match="the time at which Kafka took a record, for"):
        FilesIntake(folder_on(HdfsDouble(), stage_of(feed_of(sinks), "files")), stage_of(feed_of(sinks), "copy"))
    keys = {**COLUMNS, "key": {"from": "$key", "type": "string"}}
    sinks = {"files": hdfs_sink(), "copy": hdfs_sink(root="/copy", columns=keys, **{"from": "files"})}
    with pytest.raises(UsageError, match=r"the \$key that is in sinks.copy"):
        FilesIntake(folder_on(HdfsDouble(), stage_of(feed_of(sinks), "files")), stage_of(feed_of(sinks), "copy"))


def test_files_without_the_whole_record_are_no_intake() -> None:
    of = stage(columns={"t": {"from": "t", "type": "int"}})
    with pytest.raises(UsageError, match="no column holds the record"):
        place(HdfsDouble(), of).intake(of)
