"""What lies at rest is lost or rots while posts come in: a manifest that is missing, a block that does not unpack.

Each fault is proved at HDFS and at Kafka. What is damaged stands still alone and is named; all else goes on and equals
the oracle; and once the file is restored, so does what stood still.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.archive.reading.records import posts_of
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from ingest.wire import encode
from serving.views.store import Store
from tests.support.batch import documents
from tests.support.batch import top as top_of
from tests.support.faults.crash_points import Command, run_command
from tests.support.oracle import Hours, count, posts_of_json, top
from tests.support.posts import Sender, assert_exactly_once, recorded_posts
from tests.support.posts import archived as archived_posts
from tests.support.wait import until

pytestmark = pytest.mark.long

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"
BATCH = 60


@pytest.fixture
def recorded(test_data: Path) -> Iterator[Post]:
    return iter(sorted(recorded_posts(test_data / BOSTON), key=lambda post: post.created_at))


def oracle_of(posts: list[Post]) -> Hours:
    """What each hour of these posts must be."""
    return count(posts_of_json(map(encode, posts)), once=True)


def in_archive(ledger: Ledger) -> Hours:
    """The same of what is archived."""
    values = (
        encode(Post(**{name: record[name] for name in ("id", "source", "created_at", "received_at", "text")}))
        for hour in ledger.hours()
        for record in posts_of(ledger, hour)
    )
    return count(posts_of_json(values), once=True)


def ended(file: Path, *typed: str) -> Command:
    """A `trends …` that has ended, however it did."""
    with run_command(file, *typed) as command:
        command.ended()
        return command


@pytest.mark.timeout(900)
def test_a_manifest_is_lost_and_kafka_has_deleted_its_offsets(
    settings: Settings, settings_file: Path, recorded: Iterator[Post]
) -> None:
    quick = {"TRENDS_ARCHIVE__FLUSH_AFTER_S": "0.5"}
    sender, sent = Sender(settings), list[Post]()

    def send(partition: int = -1) -> None:
        some = list(islice(recorded, BATCH))
        sender.send(some, partition)
        sent.extend(some)

    with run_command(settings_file, "archive", **quick) as archiver:
        for _ in range(4):
            send(partition=1)
            send()
            until(lambda: archived_posts(settings) == len(sent), lambda: archived_posts(settings), 120)
        assert archiver.stopped() == 0

    ledger, store = ledger_of(settings), HdfsStore(settings.hdfs)
    hole = ledger.manifests(1)[1]
    path = Paths(settings.hdfs.root, settings.kafka.posts).commit(1, hole.start)
    kept = store.get(path)
    assert kept
    store.delete(path)
    last = ledger.manifests(1)[-1].next
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    (deleted,) = admin.delete_records([TopicPartition(settings.kafka.posts, 1, last)]).values()
    assert (store.get(path), deleted.result(30).low_watermark) == (None, last), "the fault did not happen"

    with run_command(settings_file, "archive", **quick) as one, run_command(settings_file, "archive", **quick) as two:
        until(
            lambda: f"offsets {hole.start} to {hole.next - 1} is missing" in one.output() + two.output(),
            one.output,
            120,
        )
        for partition in (0, 2):
            send(partition)
        elsewhere = sum(each.next for p in (0, 2) for each in ledger.manifests(p)[-1:])
        until(lambda: sum(ledger_of(settings).covered[p] for p in (0, 2)) > elsewhere + BATCH, two.output, 120)
        verified = ended(settings_file, "verify", "--all")
        assert (verified.process.returncode, "delete" in verified.output().replace("deleted by", "")) == (1, False)
        assert f"offsets {hole.start} to {hole.next - 1} is missing" in verified.output()
        told = json.loads(ended(settings_file, "status", "--json").output().splitlines()[-1])["archive"]
        assert [bool(each["damage"]) for each in told["partitions"]] == [False, True, False]
        assert not [each for each in ledger_of(settings).manifests(1) if each.kind == "gap"]

        store.put(path, kept)
        send(partition=1)
        until(lambda: archived_posts(settings) == len(sent), lambda: archived_posts(settings), 120)
        assert (one.stopped(), two.stopped()) == (0, 0)
    assert in_archive(assert_exactly_once(settings, sent)) == oracle_of(sent)


@pytest.mark.timeout(900)
def test_a_block_of_a_part_rots(settings: Settings, settings_file: Path, recorded: Iterator[Post]) -> None:
    own: stack_settings.Tables = {
        "archive": {"idle_after_s": 3_600.0},  # an hour is complete once the archive has the next one
        "stack": {"state": str(settings_file.parent / "state")},
    }
    file = stack_settings.override(settings_file, settings_file, own)
    archive, sent = ArchiveWriter(settings), list(islice(recorded, 600))
    for partition in range(3):
        archive.add(partition, sent[partition::3])
    expected = oracle_of(sent)

    ledger, store = ledger_of(settings), HdfsStore(settings.hdfs)
    struck, *_ = sorted(ledger.hours(), key=ledger.posts, reverse=True)
    path = ledger.parts(struck)[0].path
    whole = store.get(path)
    assert whole
    middle = len(whole) // 2
    store.put(path, whole[:middle] + bytes(byte ^ 0xFF for byte in whole[middle : middle + 64]) + whole[middle + 64 :])
    assert (store.get(path) != whole, store.bytes_of(path)) == (True, len(whole)), "the fault did not happen"

    ran = ended(file, "batch", "run")
    assert (ran.process.returncode, str(struck) in ran.output()) == (1, True), ran.output()
    verified = ended(file, "verify", "--all")
    assert (verified.process.returncode, f"FAIL  {path}: damaged Avro file" in verified.output()) == (1, True)
    assert "internal error" not in verified.output() + ended(file, "compact").output()
    with Store(settings.mongo) as views:
        there = documents(views)
        complete = [hour for hour in ledger.hours() if hour < max(ledger.hours())]
        assert struck in complete
        assert sorted(there) == [hour for hour in complete if hour != struck]
        assert_equal(there, expected)

        store.put(path, whole)
        assert ended(file, "batch", "run").process.returncode == 0
        there = documents(views)
        assert struck in there
        assert_equal(there, expected)
    again = ended(file, "verify", "--hour", str(struck))
    assert (again.process.returncode, path in again.output()) == (0, False), again.output()


def assert_equal(there: dict[Hour, dict[str, object]], expected: Hours) -> None:
    """Every hour that is computed equals the oracle's."""
    assert [top_of(document) for document in there.values()] == [top(expected[str(hour)], 1_000) for hour in there]
