"""The identity of an archive is written once, whatever befalls the call that writes it, and no try of it is left."""

from typing import get_args

import pytest

from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.identity import ensure_archive, ensure_topic
from config.errors import UnavailableError
from tests.support.hdfs_double import Crash, Fault, HdfsDouble

PATHS = Paths("/data/posts", "posts")
CALLS = 20
"""More than one writer makes."""


def write(hdfs: HdfsDouble) -> tuple[str, str]:
    archive = ensure_archive(hdfs, PATHS, 1)
    topic = ensure_topic(hdfs, PATHS, "AAAAAAAAAAAAAAAAAAAAAA", dict, dict)
    return archive.id, topic.topic_id


@pytest.mark.parametrize("fault", get_args(Fault))
@pytest.mark.parametrize("call", range(CALLS))
def test_a_fault_at_any_call_leaves_one_identity_and_no_try(call: int, fault: Fault) -> None:
    hdfs = HdfsDouble()
    hdfs.armed = (call, fault)
    try:
        before: tuple[str, str] | None = write(hdfs)
    except (Crash, UnavailableError):
        before = None
    hdfs.armed = None
    after = write(hdfs)
    assert before in {None, after}
    hdfs.deliver_late()
    assert write(hdfs) == after
    assert not hdfs.entries(PATHS.all_tmp)


def test_tries_of_a_full_disk_are_deleted_by_the_process_that_succeeds() -> None:
    hdfs = HdfsDouble()
    for _ in range(3):
        hdfs.armed = (3, "cut")
        with pytest.raises(Crash):
            write(hdfs)
    assert len(hdfs.entries(PATHS.all_tmp)) == 3
    write(hdfs)
    assert not hdfs.entries(PATHS.all_tmp)
