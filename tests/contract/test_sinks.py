"""What every sink of a feed promises (`batch_layer/delivery/sink.py`, `batch_layer/sinks/contract.py`).

To add a kind, add an entry to `EXAMPLES`. One that is registered and has no example here fails.
"""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from batch_layer.sinks.hive.hive_sink import table_folder
from batch_layer.sinks.registry import KINDS
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import FencedError, TrendsError, UnavailableError, UsageError
from config.settings import Settings
from ingest.kafka.topic_ids import OtherTopicError
from tests.support.kafka import committed
from tests.support.sink_contract import OTHER, POISON, ROW, Feeding, Filler, Rows, SinkExample
from tests.support.table_feeds import query


def rows_of_csv(_: Settings, table: Mapping[str, Any]) -> Rows:
    path = Path(table["file"])
    if not path.exists():
        return Counter()
    with path.open(newline="", encoding="utf-8") as lines:
        return Counter((int(row["p"]), int(row["o"])) for row in csv.DictReader(lines))


def rows_of_topic(settings: Settings, table: Mapping[str, Any]) -> Rows:
    origins = [dict(each.headers())["from"].decode() for each in committed(settings.kafka.bootstrap, table["topic"])]
    places = [origin.rpartition("/")[2].split("@") for origin in origins]
    return Counter((int(partition), int(offset)) for partition, offset in places)


def rows_of_postgres(settings: Settings, table: Mapping[str, Any]) -> Rows:
    there = query(settings, "SELECT count(*) FROM pg_tables WHERE tablename = %s", table["table"])
    return Counter(query(settings, f"SELECT p, o FROM {table['table']}") if there[0][0] else [])


def rows_of_hdfs(settings: Settings, table: Mapping[str, Any]) -> Rows:
    store = HdfsStore(settings.hdfs)
    files = [entry.name for entry in store.entries(table["root"]) if not entry.is_folder]
    lines = b"".join(store.get(f"{table['root']}/{name}") or b"" for name in files).splitlines()
    return Counter((row["p"], row["o"]) for row in map(json.loads, lines))


def rows_of_hive(settings: Settings, table: Mapping[str, Any]) -> Rows:
    """By a listing of the table's folder, as Hive reads it."""
    store, folder = HdfsStore(settings.hdfs), table_folder(settings, table["table"])
    found: Rows = Counter()
    for entry in store.entries(folder):
        if not entry.is_folder:
            rows = pq.read_table(BytesIO(store.get(f"{folder}/{entry.name}") or b"")).to_pylist()
            found.update((row["p"], row["o"]) for row in rows)
    return found


EXAMPLES = {
    ("csv", "python"): SinkExample(
        table=lambda _settings, folder, name: {"type": "csv", "file": str(folder / f"{name}.csv")},
        rows=rows_of_csv,
        locks=True,
        readable=False,
    ),
    ("topic", "python"): SinkExample(
        table=lambda _settings, _folder, name: {"type": "topic", "topic": f"copies-{name}"},
        rows=rows_of_topic,
        readable=False,
    ),
    ("postgres", "python"): SinkExample(
        table=lambda _settings, _folder, name: {"type": "postgres", "table": name},
        rows=rows_of_postgres,
        settings="settings_with_postgres",
    ),
    ("hdfs", "python"): SinkExample(
        table=lambda settings, _folder, name: {
            "type": "hdfs",
            "root": f"{settings.hdfs.root}/{name}",
            "format": "json",
        },
        rows=rows_of_hdfs,
    ),
    ("hdfs", "spark"): SinkExample(
        table=lambda settings, _folder, name: {
            "type": "hdfs",
            "engine": "spark",
            "root": f"{settings.hdfs.root}/{name}",
            "format": "json",
        },
        rows=rows_of_hdfs,
    ),
    ("hive", "python"): SinkExample(
        table=lambda _settings, _folder, name: {"type": "hive", "table": name},
        rows=rows_of_hive,
        settings="settings_with_hive",
    ),
}


class CrashError(BaseException):
    """The stage dies here."""


def test_every_registered_sink_is_held_to_it() -> None:
    assert EXAMPLES.keys() == KINDS.keys()


@pytest.fixture(params=EXAMPLES.values(), ids=["-".join(kind) for kind in EXAMPLES])
def feeding(request: pytest.FixtureRequest, tmp_path: Path) -> Feeding:
    example: SinkExample = request.param
    return Feeding(request.getfixturevalue(example.settings), example, tmp_path)


def test_chunks_follow_one_another_and_the_place_tells_what_there_is(feeding: Feeding) -> None:
    place = feeding.place()
    assert place.standings() == {}
    feeding.send([ROW, POISON, ROW, OTHER])
    feeding.send([ROW, ROW], partition=1)
    with feeding.sink() as filler:
        assert filler.open().position == 0
        filler.fill(0, count=2)
        assert filler.open().position == 2
        filler.fill(0)
        filler.fill(1)
        assert filler.sink.progress(0, 0).position == 4
    assert feeding.rows() == feeding.accepted()
    standings = place.standings()
    counts = {number: (each.position, each.kept, each.rejected, each.left_out) for number, each in standings.items()}
    assert counts == {0: (4, 2, 1, 1), 1: (2, 2, 0, 0)}
    assert all(each.committed_at and not each.gaps for each in standings.values())
    assert feeding.rejects == [f"{feeding.topic}/0@1"]
    assert (list(place.offsets(0)), list(place.offsets(1))) == ([0, 2], [0, 1])
    assert len(place.rows(3)) == 3


def test_a_crash_after_any_step_leaves_the_chunk_whole_or_not_at_all(feeding: Feeding) -> None:
    steps: list[str] = []
    feeding.send([ROW, POISON, ROW])
    with feeding.sink(steps.append) as filler:
        filler.fill()
    assert steps, "the sink tells no step"
    for fatal in dict.fromkeys(steps):
        feeding.send([ROW, OTHER, POISON, ROW])

        def die(step: str, fatal: str = fatal) -> None:
            if step == fatal:
                raise CrashError

        with pytest.raises(CrashError), feeding.sink(die) as filler:
            filler.fill()
        with feeding.sink() as filler:
            told = filler.sink.progress(0, 0).position  # as a drain sees it while the dead one owns the partition
            shown = Counter(place for place in feeding.accepted() if place[1] < told)
            assert feeding.rows() == shown, f"after {fatal}: rows that progress counts, and no reader sees"
            position = filler.open().position
            below = Counter(place for place in feeding.accepted() if place[1] < position)
            assert feeding.rows() == below, f"after {fatal}"
            filler.fill()
        assert feeding.rows() == feeding.accepted(), f"after {fatal}"
    assert_sum(feeding)


def test_a_delivery_that_failed_at_any_step_may_run_again(feeding: Feeding) -> None:
    steps: list[str] = []
    feeding.send([ROW])
    with feeding.sink(steps.append) as filler:
        filler.fill()
    failures: list[str] = []

    def fail(step: str) -> None:
        if failures and step == failures[0]:
            failures.pop()
            raise UnavailableError("no reply")

    with feeding.sink(fail) as filler:
        for step in dict.fromkeys(steps):
            feeding.send([ROW, POISON, OTHER])
            failures.append(step)
            delivery = filler.delivery(filler.open())
            with pytest.raises(UnavailableError):
                delivery.run()
            delivery.run()
            assert feeding.rows() == feeding.accepted(), f"after {step}"
    assert not failures
    assert_sum(feeding)


def test_of_two_writers_with_the_same_start_exactly_one_is_in_the_sink(feeding: Feeding) -> None:
    feeding.send([ROW] * 6)
    with feeding.sink() as filler:
        one = filler.delivery(filler.open(), count=2)
        if feeding.example.locks:
            with pytest.raises(TrendsError), feeding.sink():
                pass
            exactly_one(feeding, one, filler)
        else:
            with feeding.sink() as rival:
                exactly_one(feeding, one, rival)
    assert_sum(feeding)


def exactly_one(feeding: Feeding, one: Any, rival: Filler) -> None:
    other = rival.delivery(rival.open(), count=4)
    other.run()
    with pytest.raises(FencedError):
        one.run()
    assert sorted(feeding.rows()) == [(0, 0), (0, 1), (0, 2), (0, 3)]
    rival.fill()
    assert feeding.rows() == feeding.accepted()


def test_gaps_have_their_reason_and_the_next_chunk_begins_behind(feeding: Feeding) -> None:
    feeding.send([ROW] * 5)
    with feeding.sink() as filler:
        writer = filler.open()
        assert writer.skip(3, "nobody wanted them")
        assert writer.position == 3
        filler.fill()
        rows = feeding.rows()
        late = filler.open()
        assert late.skip(9, "and these")
        assert late.position == 9
    assert sorted(rows) == [(0, 3), (0, 4)]
    assert feeding.place().standings()[0].gaps == ((0, 3, "nobody wanted them"), (5, 9, "and these"))


def test_rejects_are_delivered_before_the_chunk_is_committed(feeding: Feeding) -> None:
    feeding.send([ROW, POISON])
    feeding.reject_failures = [UnavailableError("no topic of rejects")]
    with feeding.sink() as filler:
        delivery = filler.delivery(filler.open())
        with pytest.raises(UnavailableError, match="no topic of rejects"):
            delivery.run()
        assert (feeding.rows(), feeding.rejects) == (Counter(), [])
        delivery.run()
    assert set(feeding.rejects) == {f"{feeding.topic}/0@1"}
    assert_sum(feeding)


def test_a_recreated_topic_is_refused(feeding: Feeding) -> None:
    feeding.send([ROW] * 3)
    with feeding.sink() as filler:
        filler.fill(count=2)
        writer = filler.open()
        delivery = filler.delivery(writer)
        with pytest.raises(OtherTopicError):
            writer.check_end(1)
        rows = feeding.rows()
        feeding.recreate_topic()
        feeding.send([ROW] * 7)
        with pytest.raises(OtherTopicError, match="recreated"):
            delivery.run()
    with pytest.raises(OtherTopicError, match="recreated"), feeding.sink():
        pass
    assert feeding.rows() == rows


def test_a_place_that_is_cleared_is_as_new(feeding: Feeding) -> None:
    feeding.send([ROW, POISON, ROW])
    with feeding.sink() as filler:
        writer = filler.open()
        assert writer.skip(1, "skipped")
        filler.fill()
    place = feeding.place()
    place.clear()
    assert (place.standings(), feeding.rows(), place.rows(5)) == ({}, Counter(), [])
    with feeding.sink() as filler:
        assert filler.open().position == 0
        filler.fill()
    assert feeding.rows() == feeding.accepted()
    assert_sum(feeding)


def test_a_sink_that_no_stage_can_read_says_so(feeding: Feeding) -> None:
    if feeding.example.readable:
        feeding.place().intake(feeding.stage())
    else:
        with pytest.raises(UsageError, match="no stage"):
            feeding.place().intake(feeding.stage())


def assert_sum(feeding: Feeding) -> None:
    """kept + rejected + left out + gaps = accepted, below the position."""
    messages = committed(feeding.settings.kafka.bootstrap, feeding.topic)
    for partition, each in feeding.place().standings().items():
        below = [m.offset() for m in messages if m.partition() == partition and m.offset() < each.position]
        lost = sum(any(start <= offset < end for start, end, _ in each.gaps) for offset in below)
        assert each.kept + each.rejected + each.left_out + lost == len(below)
        assert each.kept == sum(number for place, number in feeding.rows().items() if place[0] == partition)
