"""The law of damage: whatever bytes of an archive are flipped, every tool ends, with an answer or a `TrendsError`.

Seeds are fixed, so a run repeats. What a flip leaves readable may be another text, which only a checksum could tell; it
never is another exception, an endless loop, or a manifest that names a file outside of the archive.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest

from batch_layer.archive.avro import AvroFormat, in_millis, read
from batch_layer.archive.compaction import Compaction
from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.archive.reading.records import posts_of
from batch_layer.checks.strays import strays
from batch_layer.storage.chunk_files.commit_log import INDEXED, CommitLog
from batch_layer.storage.chunk_files.flush import recover
from batch_layer.storage.chunk_files.placement import Site
from config.errors import DamagedError, TrendsError
from config.settings import HdfsSettings
from tests.support.archive_model import ARCHIVE, NOW, ROOTS, Inline, Kafka, Process
from tests.support.hdfs_double import HdfsDouble
from tests.support.schedules import schedules

HDFS = HdfsSettings(root=ROOTS[0])
FLIPS = schedules(150)


def archive(codec: str) -> HdfsDouble:
    """Four chunks of two hours, each of several posts."""
    hdfs, kafka = HdfsDouble(), Kafka()
    for _ in range(4):
        kafka.topic.accept([0, 1, 0, 1, 0], 1)
        process = Process(kafka, hdfs)
        process._to = replace(process._to, files=AvroFormat(codec))
        process.drain()
    return hdfs


def flipped(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with one bit turned, some bytes replaced, a span zeroed, cut, doubled, or other bytes put in."""
    data = bytearray(raw)
    at = chance.randrange(len(data))
    kind = chance.randrange(6)
    if kind == 0:
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        for _ in range(8):
            data[chance.randrange(len(data))] = chance.randrange(256)
    elif kind == 2:
        data[at : at + 20] = bytes(len(data[at : at + 20]))
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        data[at:at] = data[at : at + 50]
    else:
        data[at : at + 10] = b"\xff" * len(data[at : at + 10])
    return bytes(data)


def every_tool(hdfs: HdfsDouble) -> None:
    """All that reads an archive. Raises what it raises."""
    ledger = Ledger(HDFS, ARCHIVE, "posts", store=hdfs)
    ledger.refresh()
    for hour in ledger.hours():
        try:
            list(posts_of(ledger, hour))
        except DamagedError:
            continue
    list(strays(ledger, None, NOW))
    log = CommitLog(hdfs, Paths(HDFS.root, "posts"), 0)
    for look in (lambda: recover(Site(hdfs, Paths(HDFS.root, "posts"), Inline()), log), ledger.refresh):
        try:
            look()
        except DamagedError:
            continue
    several = [hour for hour in ledger.hours() if len(ledger.parts(hour)) > 1]
    Compaction(ledger, ARCHIVE, NOW).run(several)


@pytest.mark.parametrize("codec", ["deflate", "null"])
@pytest.mark.parametrize("what", ["/dt=", "/_commit/"])
def test_whatever_is_flipped_every_tool_ends_with_an_answer_or_an_error_of_ours(what: str, codec: str) -> None:
    whole = archive(codec)
    chance = random.Random(f"{what} {codec}")
    damaged = 0
    for _ in range(FLIPS):
        hdfs = whole.copy()
        path = chance.choice(sorted(path for path in hdfs.files if what in path))
        hdfs.files[path] = flipped(hdfs.files[path], chance)
        try:
            every_tool(hdfs)
        except TrendsError:
            damaged += 1
        assert all(name.startswith(f"{ROOTS[0]}/") for name in hdfs.files), "a damaged manifest led out of the archive"
        others = [name for name in whole.files if name != path and "/_commit/" in name]
        assert all(hdfs.files.get(name) == whole.files[name] for name in others), "a manifest was replaced"
    assert damaged < FLIPS


def test_other_hours_and_partitions_are_read_whatever_happens_to_one_part() -> None:
    whole = archive("deflate")
    chance = random.Random(3)
    for _ in range(FLIPS):
        hdfs = whole.copy()
        path = chance.choice(sorted(path for path in hdfs.files if "/dt=" in path))
        hdfs.files[path] = flipped(hdfs.files[path], chance)
        ledger = Ledger(HDFS, ARCHIVE, "posts", store=hdfs)
        ledger.refresh()
        one, other = ledger.hours()
        if any(part.path == path for part in ledger.parts(one)):
            one, other = other, one
        assert len(list(posts_of(ledger, one))) == ledger.posts(one)


def test_a_damaged_index_file_changes_nothing() -> None:
    hdfs, kafka = HdfsDouble(), Kafka()
    process = Process(kafka, hdfs)
    for _ in range(INDEXED + 3):
        kafka.topic.accept([0], 1)
        process.drain()
    log = CommitLog(hdfs, Paths(HDFS.root, "posts"), 0)
    recover(Site(hdfs, Paths(HDFS.root, "posts"), Inline()), log)
    (index,) = [path for path in hdfs.files if "/_index/" in path]
    chance, good = random.Random(4), hdfs.files[index]
    for _ in range(20):
        hdfs.files[index] = flipped(good, chance)
        again = CommitLog(hdfs, Paths(HDFS.root, "posts"), 0)
        again.read_on(Inline())
        assert (again.position, again.damage) == (log.position, None)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda raw: raw[:5] + b"\xfe" + b"\xff" * 8 + b"\x01" + raw[15:], id="a length of 2**62"),
        pytest.param(lambda raw: raw.replace(b'"record"', b'"recorx"', 1), id="a schema of nothing"),
        pytest.param(lambda raw: raw.replace(b"created_at", b"createx_at", 1), id="a field of another name"),
        pytest.param(lambda raw: raw.replace(b"deflate", b"xeflate", 1), id="a codec of nobody"),
        pytest.param(lambda raw: b"[" * 100_000, id="nested without end"),
        pytest.param(lambda raw: b"", id="nothing"),
    ],
)
def test_absurd_headers_are_damage(harm: Callable[[bytes], bytes]) -> None:
    hdfs = archive("deflate")
    raw = next(data for path, data in hdfs.files.items() if "/dt=" in path)
    assert [in_millis(record) for record in read(BytesIO(raw), "here")]
    with pytest.raises(DamagedError, match="damaged Avro file"):
        list(read(BytesIO(harm(raw)), "here"))
