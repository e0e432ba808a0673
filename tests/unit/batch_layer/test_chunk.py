"""The open chunk: everything that comes is a record or a reject, and memory is bounded."""

import json
from io import BytesIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_layer.archive import avro
from batch_layer.archive.avro import Record
from batch_layer.archive.post_reader import post_reader
from batch_layer.delivery.chunk import Bounds, Chunk, Reader, largest_over
from ingest.hours import HOUR_MS, Hour
from ingest.kafka.message import Message
from ingest.post import Post
from ingest.wire import encode

NOW = 1_366_000_000_000
BOUNDS = Bounds(records=10, bytes=10_000, age_ms=20_000)
READER = post_reader(300_000)
POST = Post(id="1", source="x", created_at=NOW, received_at=NOW, text="#a")


def take(value: bytes | None, offset: int = 0, chunk: Chunk[int, Record] | None = None) -> Chunk[int, Record]:
    chunk = chunk or Chunk("posts", 3, 0, READER)
    chunk.take(Message(3, offset, value), NOW)
    return chunk


def test_posts_are_kept_by_hour_with_their_place() -> None:
    chunk = take(encode(POST), 7)
    take(encode(msgspec.structs.replace(POST, created_at=NOW - HOUR_MS)), 9, chunk)
    assert {str(Hour(serial)): [r["offset"] for r in records] for serial, records in chunk.rows.items()} == {
        "2013-04-15T03": [9],
        "2013-04-15T04": [7],
    }
    assert (chunk.partition, chunk.start, chunk.next) == (3, 0, 10)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "an empty message"),
        (b"", "not a post"),
        (b"\xff\xfe", "not a post"),
        (b"[" * 100_000, "not a post"),
        (b'{"id":"1","source":"x","created_at":1366000000000,"received_at":1,"text":"\\ud800"}', "not a post"),
        (encode(msgspec.structs.replace(POST, created_at=9_224_318_015_999_000)), "in the future"),  # 2262
        (encode(msgspec.structs.replace(POST, created_at=NOW + 300_001)), "in the future"),
        (encode(msgspec.structs.replace(POST, created_at=0)), "before 2006"),
        (
            encode(POST).replace(b'"received_at":1366000000000', b'"received_at":' + b"9" * 30),
            "impossible time",
        ),
        (encode(msgspec.structs.replace(POST, received_at=-1)), "impossible time"),
    ],
)
def test_what_can_not_be_archived_becomes_a_reject_that_names_its_place(value: bytes | None, reason: str) -> None:
    chunk = take(value, 1200)
    assert not chunk.rows
    (reject,) = chunk.rejects
    assert (reject.raw, reject.stage, reject.where) == (value or b"", "archive", "posts/3@1200")
    assert reason in reject.reason
    assert (chunk.records, chunk.next) == (1, 1201)


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=5) | st.floats(), st.lists)
FIELDS = {
    "id": st.text(max_size=5),
    "source": st.text(max_size=5),
    "created_at": st.integers(NOW - HOUR_MS, NOW + HOUR_MS) | st.integers(),
    "received_at": st.integers(0, NOW) | st.integers(),
    "text": st.text() | JSON,
    "lang": st.none() | st.text(max_size=3),
    "tags": st.none() | st.lists(st.text(max_size=5)),
    "payload": st.none() | st.text(),
}


@given(st.fixed_dictionaries({}, optional=FIELDS).map(json.dumps) | st.text())
def test_whatever_is_taken_can_be_encoded_and_read_back(value: str) -> None:
    chunk = take(value.encode("utf-8", "surrogatepass"))
    assert sum(map(len, chunk.rows.values())) + len(chunk.rejects) == 1
    for records in chunk.rows.values():
        data = avro.encode(records, "deflate")
        (back,) = map(avro.in_millis, avro.read(BytesIO(data), "here"))
        assert back == records[0]


def test_an_empty_chunk_is_never_due() -> None:
    assert not Chunk("posts", 0, 5, READER).due(BOUNDS, NOW + 10**9)


def test_a_chunk_is_due_when_it_is_full_of_records_or_bytes_or_has_waited() -> None:
    chunk = take(encode(POST))
    assert not chunk.due(BOUNDS, NOW + 19_999)
    assert chunk.due(BOUNDS, NOW + 20_000)
    for offset in range(1, 10):
        take(encode(POST), offset, chunk)
    assert chunk.due(BOUNDS, NOW)
    assert take(encode(msgspec.structs.replace(POST, text="x" * 10_000))).due(BOUNDS, NOW)


def test_a_chunk_that_grows_is_not_due_for_its_age() -> None:
    chunk = take(encode(POST))
    assert not chunk.due(BOUNDS, NOW + 20_000, growing=True)
    for offset in range(1, 10):
        take(encode(POST), offset, chunk)
    assert chunk.due(BOUNDS, NOW, growing=True)


def test_a_clock_that_is_set_back_holds_nothing_back() -> None:
    assert take(encode(POST)).due(BOUNDS, NOW - 1)


def test_rejects_alone_fill_a_chunk() -> None:
    chunk = Chunk("posts", 0, 0, READER)
    for offset in range(10):
        take(b"poison", offset, chunk)
    assert chunk.due(BOUNDS, NOW)


def test_many_partitions_together_hold_no_more_than_one_and_a_half_full_chunks() -> None:
    chunks = [Chunk("posts", partition, 0, READER) for partition in range(9)]
    for number in range(14):
        take(encode(POST), number, chunks[number % 9])
    assert largest_over(chunks, BOUNDS) is None
    assert largest_over([*chunks, take(encode(POST))], BOUNDS) in chunks
    large = take(encode(msgspec.structs.replace(POST, text="x" * 15_000)))
    assert largest_over([*chunks[:1], large], BOUNDS) is large


def test_a_message_that_the_reader_leaves_out_is_neither_row_nor_reject() -> None:
    even: Reader[str, int] = Reader("even", lambda message, _now: None if message.offset % 2 else ("", message.offset))
    chunk = Chunk("numbers", 0, 0, even)
    for offset in range(5):
        chunk.take(Message(0, offset, b"x"), NOW)
    assert (chunk.rows, chunk.rejects, chunk.left_out, chunk.records, chunk.next) == ({"": [0, 2, 4]}, [], 2, 5, 5)
