"""Rejects of feeds, read again by the declaration of now."""

import json
from typing import Any

import pytest

from config.errors import BadRecordError, UsageError
from config.settings import IngestSettings, KafkaSettings, Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.feeds.feed_retry import FeedStages
from ingest.feeds.record import Record
from ingest.feeds.record_encoder import RecordEncoder
from ingest.feeds.sources.files.file_records import FileRecordSource
from ingest.rejects.stage import Rewrite
from ingest.sources.base import Batch
from ingest.wire import Reject
from tests.support.sources import NOW

CSV = {"csv": {"type": "csv", "file": "a.csv"}}
HTTP = {
    "type": "http", "every": "1m", "url": "https://example.org", "ask": {"all": {}}, "id": "id", "at": "at",
    "send": "all",
}  # fmt: skip


def feed(source: dict[str, Any] | None = None, sinks: Any = None, **topic: Any) -> NamedFeed:
    declared = {"about": "", "topic": {"name": "test", **topic}, "sinks": sinks or CSV}
    return NamedFeed("fitness", Feed.model_validate(declared | ({"source": source} if source else {})))


def parked(declared: NamedFeed, *refused: Reject, records: tuple[Record, ...] = ()) -> list[Reject]:
    """Rejects as the topic of rejects holds them."""
    encoder = RecordEncoder(KafkaSettings(), IngestSettings(), declared)
    outgoing, _ = encoder.encode_batch(Batch(list(records), list(refused), {}), "name")
    rejects = []
    for message in outgoing.rejects:
        headers = {name: value.decode() for name, value in message["headers"]}
        stage, reason, where = headers["stage"], headers["reason"], headers["where"]
        rejects.append(Reject(message["value"], stage, reason, where, headers.get("reader", "")))
    return rejects


def again(declared: NamedFeed, reject: Reject) -> Rewrite:
    def find(name: str) -> NamedFeed:
        assert name == "fitness"
        return declared

    read_again = FeedStages(Settings(), find, lambda: NOW).find(reject.stage)
    assert read_again is not None
    return read_again(reject)


def test_a_row_is_read_again_once_its_time_is_declared_right(tmp_path: Any) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"a;When;Then\n1;;2017-01-06\n")
    table = {"type": "file", "path": str(file), "format": "csv"}
    wrong, right = feed(table | {"at": "When"}), feed(table | {"at": "Then"}, key="a")
    source = wrong.declaration.source
    assert source is not None
    assert source.type == "file"
    (batch,) = FileRecordSource(source, lambda: NOW, print).batches({}, 10)
    (reject,) = parked(wrong, *batch.rejects)
    assert again(right, reject).messages == [("test", b'{"a":"1","When":"","Then":"2017-01-06"}', b"1")]
    with pytest.raises(BadRecordError):
        again(wrong, reject)
    with pytest.raises(BadRecordError, match="the format is json now"):
        again(feed(table | {"format": "json"}), reject)
    with pytest.raises(BadRecordError, match="filled the topic test then, and other now"):
        again(feed(table, name="other"), reject)


def test_a_post_is_read_again_as_a_record_by_tag() -> None:
    spec = '{"format":"x-v1","source":"x"}'
    posts = {"type": "posts", "from": "sample", "tag": "a"}
    raw = b'{"id_str": "690406591110582272", "text": "#a"}'
    (reject,) = parked(feed(posts), Reject(raw, "ingest", "?", "posts.json:1", spec))
    rewrite = again(feed(posts), reject)
    assert (rewrite.posts, rewrite.failures) == (1, ())
    assert json.loads(rewrite.messages[0][1])["tags"] == ["a"]
    assert again(feed(posts | {"tag": "b"}), reject) == Rewrite([], 0)


def test_a_record_of_an_answer_is_read_again_and_one_that_has_no_json_never() -> None:
    spec = '{"format":"answer"}'
    whole, half = b'{"id": "7", "at": 1483686000, "n": 1}', b'{"id": "7", "at": 1483686000, "n": NaN}'
    rejects = parked(feed(HTTP), *(Reject(raw, "ingest", "?", "example.org", spec) for raw in (whole, half)))
    assert again(feed(HTTP), rejects[0]).messages == [("test", b'{"id":"7","at":1483686000,"n":1}', None)]
    (failure,) = again(feed(HTTP), rejects[1]).failures
    assert "NaN" in failure.reason


def test_a_record_that_the_encoder_refused_is_encoded_again() -> None:
    record = Record("a.csv:7", 0, {"a": "x" * 5_000_000})
    (cut,) = parked(feed(), records=(record,))
    with pytest.raises(BadRecordError, match="a record of 5,000,008 bytes"):
        again(feed(), cut._replace(reader=""))
    bad_key = feed(key="abs(a)")
    (reject,) = parked(bad_key, records=(record._replace(value={"a": "x"}),))
    assert again(feed(key="a"), reject).messages == [("test", b'{"a":"x"}', b"x")]
    assert again(bad_key, reject).failures[0].where == "a.csv:7"


def test_a_message_goes_to_its_sink_again_where_the_feed_has_no_other() -> None:
    columns = {"n": {"from": "n", "type": "int"}}
    one = {"csv": {**CSV["csv"], "columns": columns}}
    reject = Reject(b'{"n": "7"}', "feed/fitness/csv", '"n": ?', "test/3@12")
    assert again(feed(sinks=one, key="n"), reject) == Rewrite([("test", b'{"n":"7"}', b"7")], 1)
    with pytest.raises(BadRecordError, match='"n"'):
        again(feed(sinks=one), reject._replace(raw=b'{"n": "cheap"}'))
    with pytest.raises(BadRecordError, match="another topic"):
        again(feed(sinks=one, name="other"), reject)
    with pytest.raises(BadRecordError, match="other sinks of the feed"):
        again(feed(sinks={**one, "other": {"type": "csv", "file": "b.csv", "columns": columns}}), reject)
    with pytest.raises(UsageError, match="no sink json now"):
        again(feed(sinks=one), reject._replace(stage="feed/fitness/json"))


def test_a_stage_that_no_feed_can_have_is_none() -> None:
    def nothing(name: str) -> NamedFeed:
        raise UsageError(f"no feed {name}")

    stages = FeedStages(Settings(), nothing, lambda: NOW)
    assert stages.find("elsewhere") is None
    assert stages.find("feed/") is None
    with pytest.raises(UsageError, match="no feed gone"):
        stages.find("feed/gone/csv")
