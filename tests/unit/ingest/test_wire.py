"""The bytes on Kafka: what is written is read again, and what is none is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import BadRecordError
from config.settings import IngestSettings, KafkaSettings
from ingest.kafka.dead_letters import message
from ingest.kafka.transactions import Outgoing
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.rule.hashtags import AS_IS
from ingest.sources.base import Batch
from ingest.wire import MAX_USE_BYTES, Reject, Use, decode_post, decode_use, encode, use_of

TEXT = st.text(max_size=30)
POSTS = st.builds(
    Post,
    id=TEXT,
    source=TEXT,
    created_at=st.integers(0, 2**53),
    received_at=st.integers(0, 2**53),
    text=TEXT,
    lang=st.none() | TEXT,
    tags=st.none() | st.lists(TEXT, max_size=3).map(tuple),
    payload=st.none() | TEXT,
)


@given(POSTS)
def test_a_post_is_read_as_it_was_written(post: Post) -> None:
    assert decode_post(encode(post)) == post


@given(TEXT, TEXT)
def test_a_use_is_read_as_it_was_written(tag: str, shown: str) -> None:
    post = Post("7", "x", 1_483_686_000_123, 0, "")
    use = use_of(post, tag, shown)
    assert decode_use(encode(use)) == use == Use(tag, "2017-01-06T07", "7", "x", shown)


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"null", b'{"id": 1}', b"\xff", b'{"id":"\\ud800"}', b"[" * 100_000]
)
def test_what_is_no_post_and_no_use_is_refused(value: bytes) -> None:
    for decode in (decode_post, decode_use):
        with pytest.raises(BadRecordError):
            decode(value)


def test_a_reject_keeps_its_bytes_and_tells_where_and_why_in_headers() -> None:
    reject = Reject(b"\xff\x00", "ingest", "not UTF-8", "a\udcff.csv:3", reader='{"format":"csv"}')
    told = message(KafkaSettings(), reject)
    assert told["topic"] == "rejects"
    assert told["value"] == b"\xff\x00"
    assert dict(told["headers"]) == {
        "stage": b"ingest",
        "reason": b"not UTF-8",
        "where": b"a\\udcff.csv:3",
        "reader": b'{"format":"csv"}',
        "attempts": b"1",
    }


def sent(*posts: Post, most: int = 2_000) -> Outgoing:
    messages = PostEncoder(KafkaSettings(), IngestSettings(max_post_bytes=most), AS_IS)
    return messages.encode_batch(Batch(list(posts), [], {"at": 1}), "file:x")[0]


def test_a_batch_becomes_its_posts_its_uses_and_its_cursor() -> None:
    post = Post("7", "x", 1_483_686_000_123, 0, "#A #a #b")
    topics = [(topic, key) for topic, _, key in sent(post).messages]
    assert topics == [("posts", b"7"), ("hashtags", b"a"), ("hashtags", b"b"), ("cursors", b"file:x")]


def test_a_post_that_is_too_large_becomes_a_reject_cut_to_fit_and_its_neighbours_go_on() -> None:
    large, small = Post("1", "x", 0, 0, "y" * 5_000 + " #tag"), Post("2", "x", 0, 0, "#z")
    outgoing = sent(large, small)
    assert [key for _, _, key in outgoing.messages] == [b"2", b"z", b"file:x"]
    (reject,) = outgoing.rejects
    assert len(reject["value"]) == 2_000
    assert b"a post of" in dict(reject["headers"])["reason"]


def test_a_hashtag_too_long_for_its_topic_refuses_the_post() -> None:
    outgoing = sent(Post("1", "x", 0, 0, "", tags=("t" * MAX_USE_BYTES,)), most=4_000_000)
    assert len(outgoing.rejects) == 1
    assert len(outgoing.messages) == 1


def test_half_a_character_from_a_source_becomes_a_reject() -> None:
    outgoing = sent(Post("1", "x", 0, 0, "half \ud83d"))
    assert len(outgoing.rejects) == 1
    assert b"half a character" in dict(outgoing.rejects[0]["headers"])["reason"]
