"""A CSV that grows, on a real disk: its bytes, its lock, what it refuses, and what a crash at any byte leaves."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from batch_layer.delivery.chunk import Chunk
from batch_layer.sinks.csv_file.csv_lines import header_of, line_maker, read_lines
from batch_layer.sinks.csv_file.csv_place import CsvPlace
from batch_layer.sinks.csv_file.csv_sink import CsvSink, CsvWriter
from batch_layer.sinks.csv_file.position_file import position_path
from config.errors import (
    BadRecordError,
    DamagedError,
    FencedError,
    TrendsError,
    UnavailableError,
    UsageError,
)
from ingest.kafka.topic_ids import OtherTopicError
from tests.support.faults.disk import small_disk
from tests.support.feed_model import COLUMNS, NOW, FeedTopic, ModelTopic, check, held_by_csv, stage_of
from tests.support.torn_disk import TornDisk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "out" / "velib.csv"


@pytest.fixture
def topic() -> FeedTopic:
    topic = FeedTopic()
    topic.accept(0, ["row", "poison", "row", "other", "row"], 1)
    topic.accept(1, ["row", "row"], 0)
    return topic


@pytest.fixture
def sink(file: Path, topic: FeedTopic) -> Iterator[CsvSink]:
    sink = started(file, topic)
    yield sink
    sink.close()


def started(file: Path, topic: FeedTopic, **sink_table: Any) -> CsvSink:
    sink = CsvSink(stage_of({"type": "csv", "file": str(file), **sink_table}, topic), guard=ModelTopic(topic))
    sink.prepare()
    sink.admit()
    return sink


def chunk_of(sink: CsvSink, topic: FeedTopic, writer: CsvWriter, partition: int, count: int) -> Chunk[str, bytes]:
    chunk = Chunk("Q1", partition, writer.position, sink.reader)
    for message in topic.read(partition, writer.position, count):
        chunk.take(message, NOW)
    return chunk


def fill(sink: CsvSink, topic: FeedTopic, partition: int, count: int = 100) -> None:
    writer = sink.open(partition)
    writer.delivery(chunk_of(sink, topic, writer, partition, count)).run()


def check_file(file: Path, topic: FeedTopic, whole: bool) -> None:
    check(topic, held_by_csv(file.read_bytes(), position_path(file).read_bytes()), whole)


def test_chunks_of_two_partitions_grow_one_file_with_one_header(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    fill(sink, topic, 0, 2)
    fill(sink, topic, 1)
    fill(sink, topic, 0)
    check_file(file, topic, whole=True)
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["p"], row["o"]) for row in rows] == [("0", "0"), ("1", "0"), ("1", "1"), ("0", "2"), ("0", "4")]
    assert not list(file.parent.glob("*.new"))


def test_a_chunk_without_rows_moves_the_position_alone(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    topic.messages[0] = [(0, "poison"), (1, "other")]
    fill(sink, topic, 0)
    assert file.read_bytes() == b""
    check_file(file, topic, whole=False)
    fill(sink, topic, 1)
    assert file.read_bytes().startswith(header_of(list(COLUMNS)))


def test_a_torn_append_is_cut_off_at_every_byte(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    fill(sink, topic, 0, 2)
    before = file.read_bytes()
    sink.close()
    later = started(file, topic)
    fill(later, topic, 0)
    later.close()
    after = file.read_bytes()
    position = position_path(file).read_bytes()
    held = json.loads(position)
    held["length"], held["partitions"]["0"] = len(before), {"next": 2, "kept": 1, "rejected": 1, "left_out": 0}
    for cut in range(len(before), len(after) + 1):
        file.write_bytes(after[:cut])
        position_path(file).write_text(json.dumps(held))
        again = started(file, topic)
        assert file.read_bytes() == before
        fill(again, topic, 0)
        again.close()
        assert file.read_bytes() == after


def test_a_second_process_is_refused_while_the_first_has_the_lock(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    with pytest.raises(TrendsError, match="another process writes this file"):
        started(file, topic)
    code = f"import fcntl,os; fcntl.flock(os.open({str(file)!r}, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    locked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "BlockingIOError" in locked.stderr
    sink.close()
    started(file, topic).close()


def test_of_two_deliveries_with_one_start_the_file_has_exactly_one(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    one, other = sink.open(0), sink.open(0)
    first, second = (w.delivery(chunk_of(sink, topic, w, 0, n)) for w, n in ((one, 2), (other, 4)))
    first.run()
    with pytest.raises(FencedError, match="moved the position to 2"):
        second.run()
    first.run()
    check_file(file, topic, whole=False)
    assert other.skip(5, "why") is False


@pytest.mark.parametrize("missing", ["csv", "position", "end"])
def test_files_that_do_not_belong_together_are_refused(
    file: Path, topic: FeedTopic, sink: CsvSink, missing: str
) -> None:
    fill(sink, topic, 0)
    sink.close()
    if missing == "csv":
        file.unlink()
    elif missing == "position":
        position_path(file).unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    there = {path: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(DamagedError) as refused:
        started(file, topic)
    assert (str(file) in str(refused.value), "Restore" in str(refused.value)) == (True, True)
    assert {path: path.read_bytes() for path in file.parent.iterdir()} == there, "it changed what it refused"


def test_a_position_file_that_is_no_json_is_told(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    fill(sink, topic, 0)
    sink.close()
    position_path(file).write_bytes(b"{")
    with pytest.raises(DamagedError, match="damaged position file"):
        started(file, topic)


def test_a_file_that_is_replaced_meanwhile_gets_nothing(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    fill(sink, topic, 0, 2)
    writer = sink.open(0)
    delivery = writer.delivery(chunk_of(sink, topic, writer, 0, 10))
    moved = file.rename(file.with_name("older.csv"))
    content = moved.read_bytes()
    with pytest.raises(DamagedError, match="the CSV is gone"):
        delivery.run()
    assert (file.exists(), moved.read_bytes()) == (False, content)
    moved.rename(file)
    fill(sink, topic, 0)
    check_file(file, topic, whole=False)


def test_other_columns_and_another_topic_are_refused_unless_it_is_empty(
    file: Path, topic: FeedTopic, sink: CsvSink
) -> None:
    sink.close()
    columns = {"only": {"from": "$offset", "type": "bigint"}}
    started(file, topic, columns=columns).close()
    again = started(file, topic)
    fill(again, topic, 0)
    again.close()
    with pytest.raises(TrendsError, match=r"its columns are p, o, text; the feed has only.*rebuild"):
        started(file, topic, columns=columns)
    topic.id = "second"
    with pytest.raises(OtherTopicError, match="deleted and recreated"):
        started(file, topic)


def test_a_topic_recreated_meanwhile_stops_the_next_commit(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    fill(sink, topic, 0, 2)
    content = file.read_bytes()
    writer = sink.open(0)
    delivery = writer.delivery(chunk_of(sink, topic, writer, 0, 10))
    topic.id = "second"
    with pytest.raises(OtherTopicError, match="was first, and is second now"):
        delivery.run()
    assert file.read_bytes() == content
    with pytest.raises(OtherTopicError, match="position is offset 2 and the topic ends at 1"):
        writer.check_end(1)


def test_a_full_disk_is_tried_again_until_it_has_room(tmp_path: Path, topic: FeedTopic) -> None:
    with small_disk(tmp_path / "small", 1) as disk:
        file = tmp_path / "small" / "velib.csv"
        sink = started(file, topic)
        fill(sink, topic, 0, 2)
        writer = sink.open(0)
        delivery = writer.delivery(chunk_of(sink, topic, writer, 0, 10))
        ballast = tmp_path / "small" / "ballast"
        with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as all_of_it:
            while True:
                all_of_it.write(bytes(4096))
        assert disk is not None
        with pytest.raises(UnavailableError, match="No space left on device"):
            delivery.run()
        check_file(file, topic, whole=False)
        ballast.unlink()
        delivery.run()
        fill(sink, topic, 1)
        sink.close()
        check_file(file, topic, whole=True)


def test_gaps_of_one_reason_grow_together(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    writer = sink.open(0)
    assert [writer.skip(2, "a"), writer.skip(3, "a"), writer.skip(4, "b"), writer.position] == [True, True, True, 4]
    assert CsvPlace(stage_of({"type": "csv", "file": str(file)}, topic)).standings()[0].gaps == (
        (0, 3, "a"),
        (3, 4, "b"),
    )


def test_its_place_tells_standings_offsets_and_rows_and_clears_it(file: Path, topic: FeedTopic, sink: CsvSink) -> None:
    place = CsvPlace(stage_of({"type": "csv", "file": str(file)}, topic))
    assert (place.rows(5), list(place.offsets(0))) == ([], [])
    fill(sink, topic, 0)
    fill(sink, topic, 1)
    with file.open("ab") as torn:
        torn.write(b'9,9,"torn')
    standing = place.standings()[0]
    assert (standing.position, standing.kept, standing.rejected, standing.left_out) == (5, 3, 1, 1)
    assert standing.committed_at == NOW
    assert (list(place.offsets(0)), list(place.offsets(1))) == ([0, 2, 4], [0, 1])
    assert [(row["p"], row["o"]) for row in place.rows(3)] == [("0", "4"), ("1", "0"), ("1", "1")]
    with pytest.raises(TrendsError, match="another process"):
        place.clear()
    sink.close()
    place.clear()
    assert (place.standings(), list(file.parent.iterdir())) == ({}, [])
    with pytest.raises(UsageError, match="no stage can read a CSV"):
        place.intake(stage_of({"type": "csv", "file": "x"}, topic))


def test_lines_are_rfc_4180_and_cells_stay_as_they_are(tmp_path: Path) -> None:
    moment = datetime(2023, 11, 20, 22, 51, 44, tzinfo=UTC)
    make = line_maker()
    assert make((None, True, 1, 2.5, moment, moment.replace(tzinfo=None), date(2023, 11, 20), b"\x00\xff")) == (
        b",true,1,2.5,2023-11-20T22:51:44Z,2023-11-20T22:51:44,2023-11-20,AP8=\r\n"
    )
    texts = ('say "x", y', "two\nlines\r\n", " é ", "=1+1", "\x00", "")
    path = tmp_path / "a.csv"
    path.write_bytes(make(texts) + make(["behind"]))
    assert list(read_lines(path, len(make(texts)))) == [list(texts)]
    assert make([None]) == b'""\r\n'
    with pytest.raises(BadRecordError, match="surrogate"):
        make(["\ud800"])
    assert make(["next"]) == b"next\r\n"


def test_a_crash_at_each_call_of_the_disk_and_each_byte_leaves_whole_chunks(topic: FeedTopic) -> None:
    """The same as the laws, exhaustively for one chunk: `tests/laws/test_feed_protocol.py` mixes everything."""
    file = Path("/feeds/velib.csv")
    table = {"type": "csv", "file": str(file)}
    bytes_of_a_call = {0: 150, 1: 1, 2: 450, 3: 1, 4: 1}  # append, sync, write the position, rename, sync the folder
    for call, most in bytes_of_a_call.items():
        for cut in range(most):
            disk = TornDisk(lambda most, cut=cut: min(most, cut))  # type: ignore[misc]
            sink = CsvSink(stage_of(table, topic), disk, ModelTopic(topic))
            sink.prepare()
            sink.admit()
            fill(sink, topic, 0, 2)
            disk.armed = (disk.calls + call, "tears")
            with pytest.raises(UnavailableError):
                fill(sink, topic, 0)
            check(topic, held_by_csv(disk.bytes_of(file), disk.bytes_of(position_path(file))), whole=False)
            disk.die()
            again = CsvSink(stage_of(table, topic), disk, ModelTopic(topic))
            again.prepare()
            again.admit()
            for partition in (0, 1):
                fill(again, topic, partition)
            check(topic, held_by_csv(disk.bytes_of(file), disk.bytes_of(position_path(file))), whole=True)
