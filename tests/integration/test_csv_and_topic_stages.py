"""Stages into a CSV and into other topics, on a real Kafka: each record once, whatever dies and whenever."""

import logging
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from batch_layer.delivery.start_line import DELETED, SKIPPED
from batch_layer.sinks.stages import FeedStage, group_of
from config.errors import TrendsError, UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.kafka.topic_ids import OtherTopicError
from tests.support.kafka import committed
from tests.support.station_feed import PARTITIONS, Stations, stop
from tests.support.wait import until


@pytest.fixture
def stations(settings: Settings, settings_file: Path, tmp_path: Path) -> Stations:
    return Stations(settings, settings_file, tmp_path)


def test_a_csv_stage_killed_behind_each_step_has_each_record_once(stations: Stations) -> None:
    for nth, step in enumerate(["rejects", "append", "position", "commit"]):
        stations.send(40)
        stations.run_until_killed(["csv"], step, nth % 3 + 1)
    stations.drain("csv")
    stations.check_csv()
    assert sorted(stations.place("csv").offsets(0)) == list(stations.place("csv").offsets(0))
    assert not list(stations.csv.parent.glob("*.new"))


def test_a_topic_stage_killed_behind_each_step_has_each_record_once(stations: Stations) -> None:
    for nth, step in enumerate(["rejects", "transaction", "commit"]):
        stations.send(40)
        stations.run_until_killed(["keywords", "names"], step, nth % 2 + 1)
    for sink in ("keywords", "names"):
        stations.drain(sink)
        stations.check_copies(sink)
        told = sorted(stations.place(sink).offsets(1))
        assert told == sorted(int(origin.rpartition("@")[2]) for origin, *_ in stations.copied(sink) if "/1@" in origin)
        assert told


def test_stages_share_the_partitions_and_take_over_from_a_dead_one(stations: Stations) -> None:
    processes: list[subprocess.Popen[str]] = []
    try:
        processes.append(stations.start("keywords"))
        stations.send(60)
        until(lambda: bool(stations.place("keywords").standings()), lambda: "nothing is copied", 60)
        processes.append(stations.start("keywords"))
        for _ in range(10):
            stations.send(20)
        until(lambda: has_everything(stations, "keywords"), lambda: stations.place("keywords").standings(), 90)
        processes[0].kill()
        stations.send(60)
        until(lambda: has_everything(stations, "keywords"), lambda: stations.place("keywords").standings(), 90)
    finally:
        stop(processes)
    stations.check_copies("keywords")


def test_a_stage_that_sleeps_in_an_open_transaction_is_fenced_when_it_wakes(stations: Stations) -> None:
    processes: list[subprocess.Popen[str]] = []
    try:
        stations.send(20)
        sleeper = stations.start("keywords", "transaction", 1, signal.SIGSTOP)
        processes.append(sleeper)
        until(lambda: is_frozen(sleeper), lambda: "it does not sleep", 60)
        assert not stations.copied("keywords"), "its transaction is not open"
        processes.append(stations.start("keywords"))
        until(lambda: has_everything(stations, "keywords"), lambda: stations.place("keywords").standings(), 90)
        stations.check_copies("keywords")
        sleeper.send_signal(signal.SIGCONT)
        stations.send(60)
        until(lambda: has_everything(stations, "keywords"), lambda: stations.place("keywords").standings(), 90)
        processes[1].kill()
        stations.send(20)
        until(lambda: has_everything(stations, "keywords"), lambda: stations.place("keywords").standings(), 90)
        sleeper.kill()
        assert "another stage has taken the partition over" in sleeper.communicate(timeout=30)[1]
    finally:
        stop(processes)
    stations.check_copies("keywords")


def is_frozen(process: "subprocess.Popen[str]") -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].startswith("T")


def has_everything(stations: Stations, sink: str) -> bool:
    standings = stations.place(sink).standings()
    last = {partition: offset for partition, offset, _, _ in stations.accepted()}
    return all(number in standings and standings[number].position > offset for number, offset in last.items())


def test_a_second_process_of_a_csv_is_refused_and_the_first_goes_on(stations: Stations) -> None:
    process = stations.start("csv")
    try:
        stations.send(30)
        until(lambda: has_everything(stations, "csv"), lambda: stations.place("csv").standings(), 60)
        with pytest.raises(TrendsError, match="another process writes this file"):
            stations.drain("csv")
        with pytest.raises(TrendsError, match="another process writes this file"):
            stations.place("csv").clear()
        stations.send(30)
        until(lambda: has_everything(stations, "csv"), lambda: stations.place("csv").standings(), 60)
    finally:
        stop([process])
    stations.check_csv()


def test_a_group_whose_offsets_kafka_has_forgotten_copies_nothing_again(stations: Stations) -> None:
    stations.send(40)
    stations.drain("keywords")
    admin = AdminClient({"bootstrap.servers": stations.settings.kafka.bootstrap})
    group = group_of(stations.feed.name, "keywords")
    assert group_offsets(stations, group) == {
        number: each.position for number, each in stations.place("keywords").standings().items()
    }
    admin.delete_consumer_groups([group])[group].result(30)
    assert group_offsets(stations, group) == {}
    stations.send(20)
    stations.drain("keywords")
    stations.check_copies("keywords")


def group_offsets(stations: Stations, group: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": stations.settings.kafka.bootstrap, "group.id": group})
    try:
        asked = [TopicPartition(stations.topic, number) for number in range(PARTITIONS)]
        return {each.partition: each.offset for each in consumer.committed(asked, timeout=20) if each.offset >= 0}
    finally:
        consumer.close()


@pytest.mark.parametrize("sink", ["csv", "keywords"])
def test_a_start_from_now_tells_what_it_skips_and_reads_the_rest(stations: Stations, sink: str) -> None:
    stations.send(20)
    stations.drain(sink)
    stations.send(30)
    before = {number: each.position for number, each in stations.place(sink).standings().items()}
    stations.drain(sink, from_now=True)
    stations.send(30)
    stations.drain(sink)
    standings = stations.place(sink).standings()
    gaps = {number: each.gaps for number, each in standings.items()}
    assert [(len(each), each[0][0], each[0][2]) for _, each in sorted(gaps.items())] == [
        (1, before[number], SKIPPED) for number in range(PARTITIONS)
    ]

    def skipped(partition: int, offset: int) -> bool:
        return any(start <= offset < end for start, end, _ in gaps[partition])

    assert sum(skipped(partition, offset) for partition, offset, _, _ in stations.accepted()) == 30
    if sink == "csv":
        stations.check_csv(skipped)
    else:
        stations.check_copies(sink, skipped)


@pytest.mark.parametrize("sink", ["csv", "keywords"])
def test_offsets_that_retention_has_deleted_are_a_gap(stations: Stations, sink: str) -> None:
    stations.send(20)
    stations.drain(sink)
    position = stations.place(sink).standings()[1].position
    stations.send(30)
    admin = AdminClient({"bootstrap.servers": stations.settings.kafka.bootstrap})
    for deleted in admin.delete_records([TopicPartition(stations.topic, 1, position + 5)]).values():
        deleted.result(30)
    stations.drain(sink)
    assert stations.place(sink).standings()[1].gaps == ((position, position + 5, DELETED),)


@pytest.mark.parametrize("sink", ["csv", "keywords"])
def test_a_recreated_topic_is_refused_and_a_cleared_sink_takes_it(stations: Stations, sink: str) -> None:
    stations.send(20)
    stations.drain(sink)
    stations.recreate_topic()
    stations.send(50)
    with pytest.raises(OtherTopicError, match="recreated"):
        stations.drain(sink)
    stations.place(sink).clear()
    stations.drain(sink)
    if sink == "csv":
        stations.check_csv()
    else:
        stations.check_copies(sink)


def test_a_topic_is_not_filled_from_a_sink_nor_into_a_topic_of_the_platform(stations: Stations) -> None:
    sinks = stations.feed.declaration.sinks
    for target in (stations.topic, stations.settings.kafka.posts, stations.settings.kafka.cursors):
        table = sinks["names"].model_copy(update={"topic": target})
        declaration = stations.feed.declaration.model_copy(update={"sinks": {"names": table}})
        with pytest.raises(UsageError, match="has other records"):
            FeedStage(stations.settings, NamedFeed("f", declaration), "names")


def test_a_topic_gets_the_partitions_of_the_feed_and_the_order_of_each(
    stations: Stations, caplog: pytest.LogCaptureFixture
) -> None:
    stations.send(60)
    with caplog.at_level(logging.INFO):
        stations.drain("keywords")
    copies = committed(stations.settings.kafka.bootstrap, stations.copies["keywords"])
    for partition in range(PARTITIONS):
        origins = [dict(each.headers())["from"].decode() for each in copies if each.partition() == partition]
        offsets = [int(origin.rpartition("@")[2]) for origin in origins]
        assert all(f"/{partition}@" in origin for origin in origins)
        assert (offsets == sorted(offsets), bool(offsets)) == (True, True)
    rows = stations.place("keywords").rows(2)
    assert [set(row) for row in rows] == [{"from", "matched", "key", "value"}] * 2


def test_a_stop_copies_what_was_read(stations: Stations) -> None:
    stage, stop_event = FeedStage(stations.settings, stations.feed, "keywords"), threading.Event()
    stations.send(20)
    thread = threading.Thread(target=stage.run, args=(False, stop_event, lambda _: None))
    thread.start()
    until(lambda: bool(stations.place("keywords").standings()), lambda: "nothing is copied", 60)
    stop_event.set()
    thread.join(60)
    assert not thread.is_alive()
    stations.drain("keywords")
    stations.check_copies("keywords")
