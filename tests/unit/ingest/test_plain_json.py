"""JSON whose values have other types than their service gives them: what they mean is taken."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.post import Post
from tests.support.sources import read_bytes

ID = 1_136_530_661_176_246_272
V1 = {
    "id": ID,
    "id_str": str(ID),
    "text": "kept #quay",
    "created_at": "Thu Jun 06 07:10:00 +0000 2019",
    "entities": {"hashtags": [{"text": "quay"}]},
}
V2 = {
    "id": str(ID),
    "text": "kept #quay",
    "created_at": "2019-06-06T07:10:00Z",
    "author_id": "1",
    "entities": {"hashtags": [{"tag": "quay"}]},
}
STATUS = {
    "uri": "https://a.example/1",
    "created_at": "2019-06-06T07:10:00Z",
    "content": "<p>kept</p>",
    "tags": [{"name": "quay"}],
    "reblogs_count": 0,
}
RECORD = {"text": "kept", "createdAt": "2019-06-06T07:10:00Z", "tags": ["quay"]}
EVENT = {
    "did": "did:plc:a",
    "time_us": 1_559_805_000_000_000,
    "kind": "commit",
    "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "record": RECORD},
}


def only(tmp_path: Path, record: dict[str, Any]) -> Post:
    posts, rejects = read_bytes(tmp_path, json.dumps(record).encode())
    assert rejects == []
    (post,) = posts
    assert str(post.hour) == "2019-06-06T07"
    return post


@pytest.mark.parametrize(
    "odd",
    [
        {"id": float(ID)},
        {"id": {"$numberLong": str(ID)}},
        {"lang": 5},
        {"lang": {"a": 1}},
        {"retweeted_status": 0},
        {"extended_tweet": "none"},
        {"timestamp_ms": 1_559_805_000_000.0},
        {"timestamp_ms": {"$numberLong": "1559805000000"}},
        {"timestamp_ms": [1]},
        {"full_text": None},
        {"entities": {"hashtags": [{"text": "quay"}, {"text": None}, 7]}},
    ],
)
def test_a_status_of_v1_is_read_whatever_else_it_holds(odd: dict[str, Any], tmp_path: Path) -> None:
    post = only(tmp_path, V1 | odd)
    assert (post.id, post.text, post.tags) == (str(ID), "kept #quay", ("quay",))


@pytest.mark.parametrize(
    "odd",
    [
        {"id": ID},
        {"id": {"$numberLong": str(ID)}},
        {"lang": 5},
        {"referenced_tweets": {"0": 1}},
        {"referenced_tweets": [None]},
        {"edit_history_tweet_ids": [ID]},
        {"edit_history_tweet_ids": 7},
        {"entities": {"hashtags": [{"tag": "quay"}, {"tag": None}, 7]}},
    ],
)
@pytest.mark.parametrize("flat", [True, False])
def test_a_post_of_v2_is_read_whatever_else_it_holds(odd: dict[str, Any], flat: bool, tmp_path: Path) -> None:
    post = only(tmp_path, V2 | odd if flat else {"data": [V2 | odd], "includes": {"tweets": [7, {"id": []}]}})
    assert (post.id, post.text, post.tags) == (str(ID), "kept #quay", ("quay",))


@pytest.mark.parametrize(
    "odd",
    [
        {"created_at": 1_559_805_000},
        {"created_at": 1_559_805_000_000.0},
        {"created_at": {"$date": "2019-06-06T07:10:00Z"}},
        {"language": 5},
        {"reblog": 0},
        {"tags": [{"name": "quay"}, {"name": None}, 7]},
        {"visibility": None},
    ],
)
def test_a_status_of_mastodon_is_read_whatever_else_it_holds(odd: dict[str, Any], tmp_path: Path) -> None:
    assert only(tmp_path, STATUS | odd).tags == ("quay",)


@pytest.mark.parametrize(
    "odd",
    [
        {"time_us": "1559805000000000"},
        {"time_us": 1_559_805_000_000_000.0},
        {"time_us": {"$numberLong": "1559805000000000"}},
    ],
)
def test_an_event_of_jetstream_is_read_whatever_its_types(odd: dict[str, Any], tmp_path: Path) -> None:
    assert only(tmp_path, EVENT | odd).tags == ("quay",)


@pytest.mark.parametrize(
    "odd",
    [
        {"createdAt": 1_559_805_000_000},
        {"createdAt": None},
        {"createdAt": {"$date": 1_559_805_000_000}},
        {"langs": "en"},
        {"langs": [None, "en"]},
        {"facets": 7},
        {"facets": [{"index": None}]},
        {"tags": ["quay", None]},
    ],
)
def test_a_record_of_jetstream_is_read_whatever_else_it_holds(odd: dict[str, Any], tmp_path: Path) -> None:
    commit = {**EVENT["commit"], "record": RECORD | odd}  # type: ignore[dict-item] # it is a dict
    assert only(tmp_path, EVENT | {"commit": commit}).tags == ("quay",)


@pytest.mark.parametrize("record", [V1 | {"id_str": None, "id": float(ID)}, V2 | {"id": float(ID)}])
def test_an_id_that_lost_digits_is_refused_in_json_too(record: dict[str, Any], tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, json.dumps(record).encode())
    assert posts == []
    assert "lost digits" in rejects[0].reason


@pytest.mark.parametrize(
    "record", [V1 | {"text": 7}, V2 | {"text": 7}, STATUS | {"content": 7}, STATUS | {"uri": None}]
)
def test_what_a_post_can_not_do_without_is_not_made_up(record: dict[str, Any], tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, json.dumps(record).encode())
    assert (posts, len(rejects)) == ([], 1)


def test_the_words_of_a_post_are_never_taken_for_a_null(tmp_path: Path) -> None:
    assert only(tmp_path, V1 | {"text": "null", "lang": 5}).text == "null"
