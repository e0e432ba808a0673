"""The five steps of a flush, one by one."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from batch_layer.archive.avro import AvroFormat
from batch_layer.archive.compaction import ABANDONED_MS, Compaction
from batch_layer.archive.paths import Paths
from batch_layer.archive.post_reader import post_reader
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.delivery.chunk import Chunk
from batch_layer.storage.chunk_files.attempts import Attempt
from batch_layer.storage.chunk_files.commit_log import CommitLog
from batch_layer.storage.chunk_files.flush import Flush, Outlets
from batch_layer.storage.chunk_files.placement import Site
from config.errors import FencedError, UnavailableError
from config.settings import HdfsSettings
from ingest.kafka.message import Message
from ingest.post import Post
from ingest.wire import Reject, encode
from tests.support.archive_model import ARCHIVE, NOW, Inline
from tests.support.hdfs_double import HdfsDouble


class Bench:
    """A flush of two posts and a reject, with everything it touches."""

    def __init__(self, hdfs: HdfsDouble) -> None:
        self.hdfs, self.now, self.told = hdfs, NOW, list[object]()
        self.undeliverable = False
        paths = Paths("/archive", "posts")
        site, files = Site(hdfs, paths, Inline()), AvroFormat("null")
        to = Outlets(site, files, self._send, lambda *at: self.told.append(at), lambda: self.now)
        chunk = Chunk("posts", 0, 0, post_reader(0))
        for offset in range(2):
            chunk.take(Message(0, offset, encode(Post(str(offset), "x", NOW, NOW, "#a"))), NOW)
        chunk.take(Message(0, 2, b"poison"), NOW)
        self.flush = Flush(to, CommitLog(hdfs, paths, 0), chunk)

    def _send(self, rejects: Sequence[Reject]) -> None:
        if self.undeliverable:
            raise UnavailableError("no brokers")
        self.told.append([reject.where for reject in rejects])

    def files(self) -> list[str]:
        return sorted(path for path in self.hdfs.files)


COMMIT = "/archive/_commit/0/00000000000000000000.json"
PART = "/archive/dt=2013-04-15/hour=04/posts+0+00000000000000000000+00000000000000000003+1of1.avro"


def test_each_step_does_what_its_name_says() -> None:
    bench = Bench(HdfsDouble())
    assert (bench.flush.step(), bench.files()) == ("write", [])
    assert bench.flush.step() == "upload"
    (tmp,) = bench.files()
    assert tmp.startswith("/archive/_tmp/")
    assert (bench.flush.step(), bench.files()) == ("commit", [COMMIT, tmp])
    assert bench.told == [["posts/0@2"]], "rejects are delivered before the commit"
    assert (bench.flush.step(), bench.files()) == ("place", [COMMIT, PART])
    assert (bench.flush.step(), bench.told[-1]) == ("acknowledge", (0, 3))
    assert bench.flush.done


def test_nothing_is_committed_while_a_reject_can_not_be_delivered() -> None:
    bench = Bench(HdfsDouble())
    bench.undeliverable = True
    for _ in range(2):
        with pytest.raises(UnavailableError):
            bench.flush.run(lambda _: None)
        assert COMMIT not in bench.files()
    bench.undeliverable = False
    assert bench.flush.run(lambda _: None).rejected == 1
    assert bench.files() == [COMMIT, PART]


def test_who_comes_second_leaves_nothing_behind_and_says_so() -> None:
    hdfs = HdfsDouble()
    Bench(hdfs).flush.run(lambda _: None)
    with pytest.raises(FencedError, match="committed up to 3"):
        Bench(hdfs).flush.run(lambda _: None)
    assert sorted(hdfs.files) == [COMMIT, PART]


def test_a_compaction_leaves_what_an_archiver_may_still_commit_however_long_it_sleeps() -> None:
    bench = Bench(HdfsDouble())
    bench.flush.step()
    bench.flush.step()
    assert compacted_later(bench.hdfs) == 0
    bench.flush.run(lambda _: None)
    assert bench.files() == [COMMIT, PART]


def test_a_compaction_clears_what_can_not_be_committed_any_more() -> None:
    bench = Bench(HdfsDouble())
    bench.flush.run(lambda _: None)
    for name in (Attempt(0, 0, uuid4()).name, "of somebody else"):
        bench.hdfs.put(f"/archive/_tmp/{name}/1.avro", b"")
    assert compacted_later(bench.hdfs) == 2
    assert bench.files() == [COMMIT, PART]


def compacted_later(hdfs: HdfsDouble) -> int:
    """Folders of `_tmp` that a compaction clears ten days later."""
    ledger = Ledger(HdfsSettings(root="/archive"), ARCHIVE, "posts", store=hdfs)
    ledger.refresh()
    return Compaction(ledger, ARCHIVE, NOW + 10 * ABANDONED_MS).run([]).cleared
