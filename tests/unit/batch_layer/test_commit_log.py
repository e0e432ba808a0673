"""The log of commits: a chain that is followed from 0, quick through index files, and right without them."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from msgspec.structs import replace

from batch_layer.archive.manifest import Manifest, Part, decode, encode
from batch_layer.storage.chunk_files.attempts import HOURS
from batch_layer.storage.chunk_files.commit_log import INDEXED, CommitLog, Hole, HoleError
from batch_layer.storage.chunk_files.flush import record_gap, recover
from batch_layer.storage.chunk_files.placement import Site
from tests.support.archive_model import Inline
from tests.support.commit_logs import HOUR, PATHS, chunk, ledger_of, put
from tests.support.hdfs_double import HdfsDouble


def read(hdfs: HdfsDouble, log: CommitLog[Manifest] | None = None) -> list[int]:
    with ThreadPoolExecutor(2) as threads:
        return [m.start for m in (log or CommitLog(hdfs, PATHS, 0)).read_on(threads)]


def test_the_chain_is_followed_to_its_end_and_from_there_again() -> None:
    hdfs = HdfsDouble()
    put(hdfs, chunk(0, 10), chunk(10, 11))
    log = CommitLog(hdfs, PATHS, 0)
    assert (read(hdfs, log), log.position) == ([0, 10], 11)
    put(hdfs, chunk(11, 40))
    assert (read(hdfs, log), log.position) == ([11], 40)


def test_what_lies_behind_a_hole_is_not_archived_and_the_hole_is_named() -> None:
    hdfs = HdfsDouble()
    put(hdfs, chunk(0, 10), chunk(20, 30), chunk(30, 31))
    log = CommitLog(hdfs, PATHS, 0)
    assert (read(hdfs, log), log.position) == ([0], 10)
    assert isinstance(log.damage, HoleError)
    assert log.damage.hole == Hole(10, 20, 2)
    assert "offsets 10 to 19 is missing, and 2 lie behind it" in str(log.damage)
    put(hdfs, chunk(10, 20))
    assert (read(hdfs, log), log.position) == ([10, 20, 30], 31)
    assert read(hdfs, log) == []
    assert str(log.damage) == "None"


def test_no_gap_is_committed_over_manifests_that_lie_behind_a_hole() -> None:
    hdfs = HdfsDouble()
    put(hdfs, chunk(0, 10), chunk(20, 30))
    log = CommitLog(hdfs, PATHS, 0)
    read(hdfs, log)
    before = dict(hdfs.files)
    for end in (15, 20, 400):
        with pytest.raises(HoleError):
            record_gap(Site(hdfs, PATHS, Inline()), log, end, 0)
    with pytest.raises(HoleError):
        log.append(chunk(10, 20))
    with pytest.raises(HoleError):
        recover(Site(hdfs, PATHS, Inline()), CommitLog(hdfs, PATHS, 0))
    assert hdfs.files == before


def test_a_gap_looks_for_manifests_that_came_after_the_log_was_read() -> None:
    hdfs = HdfsDouble()
    log = CommitLog(hdfs, PATHS, 0)
    read(hdfs, log)
    put(hdfs, chunk(10, 20))
    with pytest.raises(HoleError):
        record_gap(Site(hdfs, PATHS, Inline()), log, 40, 0)


@pytest.mark.parametrize("harm", [b"", b"{", b"\xff", b"[" * 100_000, encode(chunk(10, 20, partition=1))])
def test_a_damaged_manifest_ends_its_log_and_no_other_one(harm: bytes) -> None:
    hdfs = HdfsDouble()
    put(hdfs, chunk(0, 10), chunk(10, 20), chunk(20, 30), chunk(0, 7, partition=1), chunk(7, 9, partition=1))
    hdfs.put(PATHS.commit(0, 10), harm)
    ledger = ledger_of(hdfs)
    assert ledger.covered == (10, 9)
    assert ledger.damage.keys() == {0}
    assert PATHS.commit(0, 10) in str(ledger.damage[0])
    assert "trends archive gap 0 10" in str(ledger.damage[0])
    put(hdfs, chunk(10, 20))
    ledger.refresh()
    assert (ledger.covered, ledger.damage) == ((30, 9), {})


def test_other_files_in_the_folder_change_nothing() -> None:
    hdfs = HdfsDouble()
    put(hdfs, chunk(0, 10))
    hdfs.put("/archive/_commit/0/readme.txt", b"hello")
    hdfs.put("/archive/_commit/0/00000000000000000010.json._COPYING_", b"{")
    assert read(hdfs) == [0]


def test_a_manifest_that_was_copied_to_another_place_is_refused() -> None:
    hdfs = HdfsDouble()
    hdfs.put(PATHS.commit(0, 0), encode(chunk(0, 10, partition=1)))
    log = CommitLog(hdfs, PATHS, 0)
    assert read(hdfs, log) == []
    assert "something else" in str(log.damage)


def test_a_manifest_of_another_archive_is_refused_and_one_of_the_version_before_is_read() -> None:
    hdfs = HdfsDouble()
    put(hdfs, chunk(0, 10), replace(chunk(10, 20), archive="a" * 32))
    assert read(hdfs, CommitLog(hdfs, PATHS, 0, "a" * 32)) == [0, 10]
    other = CommitLog(hdfs, PATHS, 0, "b" * 32)
    assert read(hdfs, other) == [0]
    assert "something else" in str(other.damage)


def test_an_index_file_of_another_archive_is_left_out() -> None:
    hdfs = HdfsDouble()
    ours, theirs = "a" * 32, "b" * 32
    put(hdfs, replace(chunk(0, 10), archive=ours), replace(chunk(10, 20), archive=ours))
    run = [replace(chunk(0, 10), archive=theirs), replace(chunk(10, 30), archive=theirs)]
    hdfs.put(PATHS.index(0, 0, 30), encode(run))
    assert read(hdfs, CommitLog(hdfs, PATHS, 0, ours)) == [0, 10]


def long_log() -> HdfsDouble:
    hdfs = HdfsDouble()
    put(hdfs, *(chunk(n * 3, n * 3 + 3) for n in range(2 * INDEXED + 20)))
    log = CommitLog(hdfs, PATHS, 0)
    read(hdfs, log)
    log.index()
    return hdfs


def test_with_index_files_a_long_log_is_read_in_a_few_calls() -> None:
    hdfs = long_log()
    hdfs.calls = 0
    assert read(hdfs) == [n * 3 for n in range(2 * INDEXED + 20)]
    assert hdfs.calls == 2 + 2 + 20  # two listings, two index files, and what came after


@pytest.mark.parametrize("harm", [b"", b"[]", b"\xff", None])
def test_index_files_may_be_damaged_or_gone(harm: bytes | None) -> None:
    hdfs = long_log()
    first = min(path for path in hdfs.files if "_index" in path)
    if harm is None:
        del hdfs.files[first]
    else:
        hdfs.files[first] = harm
    assert len(read(hdfs)) == 2 * INDEXED + 20


def test_an_index_file_with_a_hole_in_it_is_not_believed() -> None:
    hdfs = long_log()
    first = min(path for path in hdfs.files if "_index" in path)
    hdfs.files[first] = encode([chunk(0, 3), chunk(6, INDEXED * 3)])
    assert read(hdfs) == [n * 3 for n in range(2 * INDEXED + 20)]


def test_whoever_comes_second_is_given_the_manifest_of_the_first() -> None:
    hdfs = HdfsDouble()
    first, second = chunk(0, 10), chunk(0, 7)
    log = CommitLog(hdfs, PATHS, 0)
    assert log.commit(first).uuid == first.uuid
    assert log.commit(first).uuid == first.uuid, "a commit that is told again is still ours"
    assert CommitLog(hdfs, PATHS, 0).commit(second).uuid == first.uuid
    assert decode(hdfs.files[PATHS.commit(0, 0)], "") == first


def test_late_posts_are_those_of_chunks_that_begin_at_or_after_what_was_covered() -> None:
    hdfs = HdfsDouble()
    put(hdfs, chunk(0, 10), chunk(10, 20, HOUR.plus(1)))
    ledger = ledger_of(hdfs)
    assert (ledger.covered, ledger.hours(), ledger.posts(HOUR)) == ((20,), [HOUR, HOUR.plus(1)], 10)
    assert not ledger.late_since(HOUR, (10,))
    assert ledger.late_since(HOUR.plus(1), (10,))
    assert ledger.late_since(HOUR, ()), "a partition that was not there then"
    assert not ledger.late_since(HOUR.plus(2), (0,))
    assert [part.path for part in ledger.parts(HOUR)] == [
        "/archive/dt=2017-01-06/hour=07/posts+0+00000000000000000000+00000000000000000010+1of1.avro"
    ]


def test_a_compaction_that_is_known_before_what_it_replaces_still_replaces_it() -> None:
    hdfs = HdfsDouble()
    late = chunk(0, 10)
    whole = Part(str(HOUR), PATHS.compacted(HOUR, 0), 10, 1, HOUR.start_ms, HOUR.start_ms)
    put(
        hdfs,
        Manifest(
            uuid=uuid4().hex, kind="compact", topic="posts", partition=HOURS, start=0, next=1, parts=(whole,),
            replaces=(late.parts[0].path,), committed_at=0,
        ),
    )  # fmt: skip
    ledger = ledger_of(hdfs)
    put(hdfs, late)
    ledger.refresh()
    assert [part.path for part in ledger.parts(HOUR)] == [PATHS.absolute(whole.path)]
    assert ledger.posts(HOUR) == 10
