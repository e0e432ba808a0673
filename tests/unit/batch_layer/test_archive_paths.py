"""Paths of the archive: nothing that a WebHDFS client interprets can get into one."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_layer.archive.hour_layout import hour_of, is_part, span_of
from batch_layer.archive.manifest import Manifest, Part, decode, encode
from batch_layer.archive.paths import Paths
from batch_layer.storage.chunk_files.layout import Span, parent
from config.errors import TrendsError, UsageError
from ingest.hours import Hour

PATHS = Paths("/trends/archive/posts", "posts")
HOURS = st.integers(315_576, 500_000).map(Hour)
OFFSETS = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize(
    "root", ["", "/", "archive", "/a/../b", "/a/#LATEST", "/a//b", "/a/", "/a b", "/.snapshot", "/ä", "/a\n"]
)
def test_a_root_that_is_no_plain_absolute_folder_is_refused(root: str) -> None:
    with pytest.raises(UsageError, match=r"hdfs\.root"):
        Paths(root, "posts")


@pytest.mark.parametrize("topic", ["", ".", "..", "a/b", "#LATEST", "a b", "a+b", "x" * 250, "posts\n"])
def test_a_topic_that_kafka_would_not_have_is_refused(topic: str) -> None:
    with pytest.raises(UsageError):
        Paths("/archive", topic)


@given(HOURS, st.integers(0, 9_999), OFFSETS, OFFSETS, st.integers(1, 5_000))
def test_every_path_that_is_built_is_one_that_is_read(
    hour: Hour, partition: int, start: int, end: int, number: int
) -> None:
    span = Span(partition, start, end)
    part = PATHS.part(hour, span, number, number)
    assert is_part(part)
    assert (span_of(part), hour_of(part)) == (span, hour)
    compacted = PATHS.compacted(hour, start)
    assert is_part(compacted)
    assert (span_of(compacted), hour_of(compacted)) == (None, hour)


@given(st.lists(OFFSETS, min_size=2))
def test_manifests_are_listed_in_the_order_of_their_offsets(offsets: list[int]) -> None:
    assert sorted(PATHS.commit(3, offset) for offset in offsets) == [PATHS.commit(3, o) for o in sorted(offsets)]


@given(st.text(max_size=60) | st.sampled_from(["../../etc/passwd", "dt=2017-01-06/hour=07/../x.avro", "#LATEST"]))
def test_a_manifest_can_name_nothing_but_a_part(path: str) -> None:
    assert not is_part(path)


def test_a_manifest_that_leads_elsewhere_is_not_read() -> None:
    part = Part("2017-01-06T07", "../../etc/passwd", 1, 1, 0, 0)
    told = Manifest(
        uuid=uuid4().hex, kind="chunk", topic="posts", partition=0, start=0, next=1, parts=(part,), committed_at=0
    )
    with pytest.raises(TrendsError, match="not a part"):
        decode(encode(told), "here")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"\xff", b'{"uuid":"', b"[]", b'{"uuid":"x","kind":"chunk","topic":"posts","partition":0,'
     b'"start":0,"next":1,"committed_at":0}'],
)  # fmt: skip
def test_a_damaged_manifest_is_told_with_its_place(raw: bytes) -> None:
    with pytest.raises(TrendsError, match="damaged manifest") as caught:
        decode(raw, "/archive/_commit/0/0.json")
    assert "/archive/_commit/0/0.json" in str(caught.value)


def test_a_parent_is_the_folder() -> None:
    assert parent("/a/b/c.avro") == "/a/b"
