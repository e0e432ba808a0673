"""Records of a feed as messages: value, key, cursor, and the rejects of what has no message."""

import json

import pytest

from config.errors import UsageError
from config.settings import IngestSettings, KafkaSettings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.record_encoder import RecordEncoder
from ingest.kafka.transactions import Outgoing
from ingest.sources.base import Batch
from ingest.sources.status import State
from ingest.standings import Standing
from ingest.wire import Reject


def feed(key: str | None = None, *, topic: bool = True) -> NamedFeed:
    table = {"name": "test"} | ({} if key is None else {"key": key})
    declared = {"about": "", "sinks": {"csv": {"type": "csv", "file": "a.csv"}}}
    return NamedFeed("fitness", Feed.model_validate(declared | ({"topic": table} if topic else {})))


def encode(*values: object, key: str | None = None, most: int = 2_000) -> Outgoing:
    encoder = RecordEncoder(KafkaSettings(), IngestSettings(max_post_bytes=most), feed(key))
    records = [Record(f"a.csv:{n}", 0, value) for n, value in enumerate(values)]
    refused = [Reject(b"x", "ingest", "torn", "a.csv:9", "{}")]
    return encoder.encode_batch(Batch(records, refused, {"byte": 7}), "feed/fitness/test/a", "id")[0]


def test_a_batch_becomes_its_records_its_rejects_and_the_cursor_with_the_id_of_the_topic() -> None:
    outgoing = encode({"b": 1, "a": "é"}, ["x", None])
    assert outgoing.messages == [
        ("test", '{"b":1,"a":"é"}'.encode(), None),
        ("test", b'["x",null]', None),
        ("cursors", b'{"byte":7,"_posts":"id"}', b"feed/fitness/test/a"),
    ]
    (reject,) = outgoing.rejects
    assert dict(reject["headers"])["stage"] == b"feed/fitness"


def test_a_report_of_the_state_alone_leaves_out_the_cursor_that_is_committed() -> None:
    encoder = RecordEncoder(KafkaSettings(), IngestSettings(), feed())
    report = Batch[Record]([], [], {"until": 7}, state=State(state="connected", since=1, at=2))
    keys = [
        [key for _, _, key in encoder.encode_batch(report, "poll", "id", before)[0].messages]
        for before in (None, {"until": 6}, {"until": 7})
    ]
    assert keys == [[b"poll", b"state/poll"], [b"poll", b"state/poll"], [b"state/poll"]]
    assert encoder.encode_batch(report._replace(state=None), "poll", "id", {"until": 7})[0].messages


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("name", b"One Plus "),
        ('{b: name, a: "Model Name"}', b'{"a":7,"b":"One Plus "}'),
        ('"Model Name"', b"7"),
        ("absent", None),
    ],
)
def test_a_key_is_a_text_as_it_is_or_json_in_order_or_none(key: str, expected: bytes | None) -> None:
    assert encode({"name": "One Plus ", "Model Name": 7}, key=key).messages[0][2] == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"x": float("nan")}, "NaN"),
        ({"x": [None, {"y": float("-inf")}]}, "NaN"),
        ({"x": "half \ud83d"}, "half a character"),
        ({"x": "y" * 3_000}, "a record of 3,008 bytes"),
        ({"x": {1, object()}}, "no JSON"),
    ],
)
def test_a_record_without_a_message_is_a_reject_and_its_neighbours_go_on(value: object, reason: str) -> None:
    outgoing = encode({"a": None}, value, {"b": 2})
    assert [raw for _, raw, _ in outgoing.messages[:-1]] == [b'{"a":null}', b'{"b":2}']
    headers = dict(outgoing.rejects[-1]["headers"])
    assert reason in headers["reason"].decode()
    assert headers["where"] == b"a.csv:1"
    assert len(outgoing.rejects[-1]["value"]) <= 2_000


def test_a_reject_of_the_encoder_holds_the_value() -> None:
    outgoing = encode({"x": "y" * 1_990, "n": float("nan")}, most=2_100)
    assert json.loads(outgoing.rejects[-1]["value"])["x"] == "y" * 1_990


def test_a_key_that_does_not_compile_and_a_feed_without_a_topic_are_refused() -> None:
    with pytest.raises(UsageError, match="not JMESPath"):
        RecordEncoder(KafkaSettings(), IngestSettings(), feed("a["))
    with pytest.raises(UsageError, match="no topic"):
        RecordEncoder(KafkaSettings(), IngestSettings(), feed(topic=False))


def test_a_gap_of_a_feeds_source_is_none_of_posts() -> None:
    state = State(state="connected", since=0, at=0)
    assert Standing("jetstream", state, []).brings_posts
    assert not Standing("feed/velib/Q1/http:1", state, []).brings_posts
