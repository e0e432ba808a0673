"""A manifest that is missing or damaged stops its partition alone, is told, and never becomes a gap by itself."""

from collections import Counter

import pytest

from batch_layer.archive.compaction import Compaction
from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.checks.verify import verify_archive
from batch_layer.delivery import quarantine
from batch_layer.storage.chunk_files.attempts import HOURS
from batch_layer.storage.chunk_files.commit_log import HoleError
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import DamagedError
from config.settings import Settings
from serving.status.archive_status import archive_status
from serving.status.health import is_wrong
from tests.support.damage import delete_from_kafka, manifest_of, three_chunks
from tests.support.posts import (
    Running,
    Sender,
    archive_all,
    archived,
    assert_exactly_once,
    ids_of,
    some_posts,
    with_archive,
)
from tests.support.wait import until


@pytest.mark.parametrize("in_kafka", [True, False], ids=["Kafka has the offsets", "Kafka has deleted them"])
def test_a_missing_manifest_is_named_and_no_gap_and_the_other_partitions_are_archived(
    settings: Settings, in_kafka: bool
) -> None:
    posts = three_chunks(settings)
    store, path = HdfsStore(settings.hdfs), manifest_of(settings, 1, 10)
    kept = store.get(path)
    assert kept
    store.delete(path)
    if not in_kafka:
        delete_from_kafka(settings, 1, 32)
    others = some_posts(20)
    Sender(settings).send(others, partition=0)
    with pytest.raises(HoleError, match="offsets 10 to 20 is missing, and 1 lie behind it"):
        archive_all(settings)
    ledger = ledger_of(settings)
    assert [(m.kind, m.start) for m in ledger.partitions[1]] == [("chunk", 0)]
    assert ids_of(ledger) == Counter(post.id for post in [*posts[:10], *others])

    store.put(path, kept)
    archive_all(settings)
    assert_exactly_once(settings, [*posts, *others])


def test_a_damaged_manifest_stops_its_partition_until_it_is_restored_and_status_tells(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "AGAIN_S", 0.5)
    posts = three_chunks(settings)
    store, path = HdfsStore(settings.hdfs), manifest_of(settings, 1, 10)
    kept = store.get(path)
    assert kept
    store.put(path, kept[: len(kept) // 2])
    sender, others = Sender(settings), some_posts(40)
    sender.send(others[:20], partition=0)
    sender.send(others[20:], partition=1)
    with Running(with_archive(settings, flush_after_s=0.5)) as running:
        until(lambda: archived(settings) == 30, lambda: archived(settings), 60)
        told = archive_status(settings)
        assert is_wrong("archive", told)
        assert ["damaged manifest" in (each.damage or "") for each in told.partitions] == [False, True, False]
        assert told.partitions[1].next == 10
        store.put(path, kept)
        until(lambda: archived(settings) == 70, lambda: archived(settings), 60)
    assert running.error is None
    assert not is_wrong("archive", archive_status(settings))
    assert_exactly_once(settings, [*posts, *others])


def test_draining_beside_damage_archives_all_else_and_ends_with_the_error(settings: Settings) -> None:
    three_chunks(settings)
    HdfsStore(settings.hdfs).put(manifest_of(settings, 1, 0), b"")
    sender, others = Sender(settings), some_posts(40)
    for partition in (0, 2):
        sender.send(others[partition * 10 : partition * 10 + 20], partition=partition)
    with pytest.raises(DamagedError, match="damaged manifest"):
        archive_all(settings)
    assert ids_of(ledger_of(settings)) == Counter(post.id for post in others)


def rotten(raw: bytes) -> bytes:
    """The same length, and a deflate block that does not unpack."""
    middle = len(raw) // 2
    return raw[:middle] + bytes(byte ^ 0xFF for byte in raw[middle : middle + 40]) + raw[middle + 40 :]


def test_a_rotten_block_fails_its_hour_alone_in_verify_and_in_compaction(settings: Settings) -> None:
    three_chunks(settings)
    ledger = ledger_of(settings)
    first, *others = [hour for hour in ledger.hours() if len(ledger.parts(hour)) >= 1]
    path = ledger.parts(first)[0].path
    whole = ledger.store.get(path)
    assert whole
    ledger.store.put(path, rotten(whole))
    findings = list(verify_archive(settings, None))
    (bad,) = [finding for finding in findings if not finding.ok]
    assert (bad.where, bad.what.split(":")[0]) == (path, "damaged Avro file")
    assert any("of damaged hours" in finding.what for finding in findings)
    report = Compaction(ledger, settings.archive, 10**13).run([first, *others])
    assert (report.damaged, report.hours) == ([str(first)], [str(hour) for hour in others])


def test_a_damaged_compacted_hour_keeps_what_it_replaced_and_holds_no_compaction_up(settings: Settings) -> None:
    at_once = with_archive(settings, keep_replaced_s=0)
    three_chunks(settings)
    ledger = ledger_of(settings)
    first, *others = ledger.hours()
    old = [part.path for part in ledger.parts(first)]
    Compaction(ledger, settings.archive, 10**13).run([first])
    (merged,) = ledger.parts(first)
    ledger.store.put(merged.path, b"cut")
    report = Compaction(ledger, at_once.archive, 10**13).run(others)
    assert (report.damaged, report.hours) == ([str(first)], [str(hour) for hour in others])
    assert report.deleted == 0
    assert all(ledger.store.bytes_of(path) for path in old)


def test_a_damaged_link_of_the_log_of_the_hours_stops_compaction_alone(settings: Settings) -> None:
    three_chunks(settings)
    ledger = ledger_of(settings)
    Compaction(ledger, settings.archive, 10**13).run(ledger.hours()[:1])
    ledger.store.put(Paths(settings.hdfs.root, settings.kafka.posts).commit(HOURS, 0), b"{}")
    more = some_posts(5)
    Sender(settings).send(more)
    assert archive_all(settings).posts == 5
    told = archive_status(settings)
    assert ["damaged manifest" in why for why in told.damage] == [True]
    again = ledger_of(settings)
    with pytest.raises(DamagedError, match="damaged manifest"):
        Compaction(again, settings.archive, 10**13).run(again.hours())
