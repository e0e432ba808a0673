"""Which files nobody may be told to delete: those that a manifest may name, now or once it is restored."""

import pytest
from msgspec.structs import replace

from batch_layer.checks.strays import YOUNG_MS, advice, strays
from tests.support.commit_logs import HOUR, PATHS, chunk, ledger_of, put
from tests.support.hdfs_double import HdfsDouble

LATER = YOUNG_MS + 1


def archive(*left_out: int) -> HdfsDouble:
    """Three chunks and their files; of some the manifest is missing."""
    hdfs = HdfsDouble()
    for start in (0, 10, 20):
        each = chunk(start, start + 10)
        hdfs.put(PATHS.absolute(each.parts[0].path), b"x")
        if start not in left_out:
            put(hdfs, each)
    return hdfs


def steps(hdfs: HdfsDouble) -> list[str]:
    return [finding.next_step for finding in strays(ledger_of(hdfs), None, LATER)]


def test_nothing_is_told_of_files_that_manifests_name() -> None:
    assert steps(archive()) == []


@pytest.mark.parametrize("lost", [0, 10])
def test_while_a_hole_is_open_nothing_is_said_to_be_one_to_delete(lost: int) -> None:
    hdfs = archive(lost)
    hdfs.put(PATHS.absolute("dt=1999-01-01/hour=07/stray.avro"), b"x")
    told = steps(hdfs)
    assert len(told) >= 2
    assert all(step.startswith("Keep it") for step in told)


def test_while_a_manifest_is_damaged_nothing_is_said_to_be_one_to_delete() -> None:
    hdfs = archive()
    hdfs.put(PATHS.commit(0, 20), b"rotten")
    assert [step[:7] for step in steps(hdfs)] == ["Keep it"]


def test_the_last_manifest_may_be_missing_without_a_hole() -> None:
    assert [step[:7] for step in steps(archive(20))] == ["Keep it"]


def test_files_of_offsets_that_a_gap_tells_as_lost_are_kept() -> None:
    hdfs = archive(10)
    put(hdfs, replace(chunk(10, 20), kind="gap", parts=()))
    assert [step[:7] for step in steps(hdfs)] == ["Keep it"]


def test_only_what_no_manifest_can_name_may_be_deleted() -> None:
    ledger = ledger_of(archive())
    folder = f"dt={str(HOUR)[:10]}/hour={str(HOUR)[11:]}"
    assert advice(ledger, f"{folder}/notes.txt").startswith("No reader takes it; delete it")
    assert advice(ledger, chunk(5, 12).parts[0].path).startswith("No reader takes it; delete it")
    assert advice(ledger, chunk(25, 40).parts[0].path).startswith("Keep it")
    assert advice(ledger, chunk(0, 40, partition=7).parts[0].path).startswith("Keep it")
    assert advice(ledger, PATHS.compacted(HOUR, 3)).startswith("Keep it")


def test_a_manifest_that_is_read_after_the_listing_acquits_a_file() -> None:
    hdfs = archive(20)
    ledger = ledger_of(hdfs)
    put(hdfs, chunk(20, 30))
    assert list(strays(ledger, None, LATER)) == []


def test_what_is_young_is_no_suspect() -> None:
    assert list(strays(ledger_of(archive(20)), None, YOUNG_MS)) == []
