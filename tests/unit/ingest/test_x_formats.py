"""Posts as X's two APIs give them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from config.errors import BadRecordError
from ingest.post import Post
from ingest.rule.hashtags import tags_of
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.contract import BrokenPart, Item, Notice, Reader
from ingest.sources.registry import reader_of
from ingest.sources.x.stream import FIELDS
from ingest.sources.x.v1 import V1Reader
from ingest.sources.x.v2 import V2Reader
from tests.support.sources import read, reading

V1 = V1Reader(reading())
V2 = V2Reader(reading())
STATUS: dict[str, Any] = {
    "created_at": "Fri Jan 22 05:00:07 +0000 2016",
    "id": 690406591110582272,
    "id_str": "690406591110582272",
    "lang": "en",
    "text": "RT @me: a text that was cut off before the #en…",
    "entities": {"hashtags": []},
}


def line(record: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(record | more).encode() + b"\r\n"


def one(items: Sequence[Item]) -> Post:
    (post,) = items
    assert isinstance(post, Post)
    return post


def test_recorded_answers_and_stream_lines_are_read(test_data: Path) -> None:
    counts = {}
    for name in ("kpop", "brexit", "flat", "streaming_output_with_error", "edited_before", "tweets_compliance"):
        posts, rejects, batches = read(PostFiles([str(test_data / "x_v2" / f"{name}.jsonl")], reading()))
        tagged = sum(1 for post in posts if tags_of(post))
        counts[name] = (len(posts), tagged, len(rejects), sum(batch.notices for batch in batches))
    assert counts == {
        "kpop": (100, 100, 0, 0),  # two of them, 23 of brexit, are retweets that were cut before their hashtags
        "brexit": (100, 100, 0, 0),
        "flat": (100, 12, 0, 0),
        "streaming_output_with_error": (7, 1, 1, 0),
        "edited_before": (1, 0, 0, 0),
        "tweets_compliance": (0, 0, 0, 2),
    }


def test_a_recorded_post_keeps_what_the_source_said(test_data: Path) -> None:
    posts, rejects, _ = read(PostFiles([str(test_data / "x_v2" / "streaming_output_with_error.jsonl")], reading()))
    dogs = posts[3]
    assert (dogs.id, dogs.lang, dogs.tags) == ("1377650387579248643", "en", ("DogsofTwitter", "dogs"))
    assert str(dogs.hour) == "2021-04-01T15"
    assert json.loads(dogs.payload or "")["author_id"] == "387869763"
    assert rejects[0].raw.startswith(b'{"data": {"author_id": "1021159080151404544"')


def test_both_captures_of_an_edited_post_are_the_same_post(test_data: Path) -> None:
    before, after = (
        read(PostFiles([str(test_data / "x_v2" / f"edited_{when}.jsonl")], reading()))[0][0]
        for when in ("before", "after")
    )
    assert before.id == after.id == "1576994746135764992"
    assert before.hour == after.hour
    assert before.text != after.text


def test_a_retweet_has_the_hashtags_of_what_it_repeats() -> None:
    original = {
        "id_str": "1",
        "text": "a text…",
        "truncated": True,
        "extended_tweet": {"full_text": "a text with its #End", "entities": {"hashtags": [{"text": "End"}]}},
    }
    post = one(V1.read(line(STATUS, retweeted_status=original)))
    assert post.tags == ("End",)
    assert post.text == "RT @me: a text with its #End"


def test_a_v2_retweet_is_completed_from_what_is_included() -> None:
    page = {
        "data": [
            {"id": "690406591110582272", "text": "RT @me: cut…", "entities": {"mentions": []},
             "referenced_tweets": [{"type": "retweeted", "id": "5"}]},
            {"id": "690406591110582273", "text": "a quote #own", "entities": {"hashtags": [{"tag": "own"}]},
             "referenced_tweets": [{"type": "quoted", "id": "5"}]},
        ],
        "includes": {"tweets": [{"id": "5", "text": "whole #Tag", "entities": {"hashtags": [{"tag": "Tag"}]}}]},
    }  # fmt: skip
    retweet, quote = V2.read(line(page))
    assert isinstance(retweet, Post)
    assert isinstance(quote, Post)
    assert (retweet.text, retweet.tags) == ("RT @me: whole #Tag", ("Tag",))
    assert quote.tags == ("own",)


LONG: dict[str, Any] = {
    "text": "#Hills and, far below, #Coast",
    "entities": {"hashtags": [{"tag": "Hills"}, {"tag": "Coast"}]},
}
CUT: dict[str, Any] = {"text": "#Hills and…", "entities": {"hashtags": [{"tag": "Hills"}]}, "note_tweet": LONG}


def test_of_a_long_post_the_whole_is_read_wherever_it_stands() -> None:
    number = {"id": "1630827709854646273"}
    alone = one(V2.read(line(number | CUT)))
    streamed = one(V2.read(line({"data": number | CUT})))
    repeating = {"id": "1630827709854646274", "text": "RT @a: #Hills and…", "entities": {"hashtags": []}}
    reference = {"type": "retweeted", "id": "1630827709854646273"}
    flat = one(V2.read(line(repeating | {"referenced_tweets": [reference | CUT]})))
    data = repeating | {"referenced_tweets": [reference]}
    included = one(V2.read(line({"data": data, "includes": {"tweets": [number | CUT]}})))
    for post in (alone, streamed, flat, included):
        assert list(tags_of(post)) == ["hills", "coast"]
        assert post.text.endswith(LONG["text"])


def test_a_long_post_without_entities_is_read_by_its_text() -> None:
    post = one(
        V2.read(line({"id": "1630827709854646273"} | CUT | {"note_tweet": {"text": "and #Coast, which is far"}}))
    )
    assert list(tags_of(post)) == ["coast"]


def test_the_live_stream_asks_for_long_posts_whole() -> None:
    assert "note_tweet" in FIELDS["tweet.fields"].split(",")


def test_an_extended_tweet_wins_over_the_cut_text() -> None:
    extended = {"full_text": "all of it #One #two", "entities": {"hashtags": [{"text": "One"}, {"text": "two"}]}}
    post = one(V1.read(line(STATUS, truncated=True, extended_tweet=extended)))
    assert (post.text, post.tags) == ("all of it #One #two", ("One", "two"))


def test_hashtags_are_looked_for_in_the_text_only_where_the_source_names_none() -> None:
    assert one(V1.read(line({"id": 690406591110582272, "text": "#a"}))).tags is None
    assert one(V1.read(line(STATUS, text="#a"))).tags == ()
    assert one(V2.read(b'{"id":"690406591110582272","text":"#a"}')).tags is None
    assert one(V2.read(b'{"id":"690406591110582272","text":"#a","entities":{"urls":[]}}')).tags == ()


def test_the_time_is_the_finest_that_is_told() -> None:
    assert one(V1.read(line(STATUS))).created_at == 1_453_438_807_000
    assert one(V1.read(line(STATUS, timestamp_ms="1453438807661"))).created_at == 1_453_438_807_661
    without = {name: value for name, value in STATUS.items() if name != "created_at"}
    assert one(V1.read(line(without))).created_at == (690406591110582272 >> 22) + 1_288_834_974_657


def test_the_answer_of_a_search_gives_each_status_and_sets_bad_ones_apart() -> None:
    page = line({"statuses": [STATUS, {"id_str": "7"}, STATUS], "search_metadata": {}})
    first, bad, last = V1.read(page)
    assert isinstance(bad, BrokenPart)
    assert (json.loads(bad.raw), bad.reason) == ({"id_str": "7"}, "no text")
    assert first == last == one(V1.read(line(STATUS)))


@pytest.mark.parametrize(
    ("reader", "record", "kind"),
    [
        (V1, {"delete": {"status": {"id": 1, "id_str": "1"}}}, "delete"),
        (V1, {"limit": {"track": 3}}, "limit"),
        (V1, {"disconnect": {"code": 4}}, "disconnect"),
        (V2, {"errors": [{"title": "operational-disconnect"}]}, "errors"),
        (V2, {"meta": {"result_count": 0}}, "meta"),
        (V2, {"id": "1", "action": "delete", "created_at": "2019-09-06T17:25:54.667Z"}, "action"),
        (V2, {"title": "ConnectionException", "status": 429}, "title"),
    ],
)
def test_what_is_no_post_and_meant_to_be_none_is_a_notice(reader: Reader, record: dict[str, Any], kind: str) -> None:
    assert reader.read(line(record)) == [Notice(kind)]


@pytest.mark.parametrize("reader", [V1, V2])
def test_blank_lines_keep_a_stream_alive_and_hold_nothing(reader: Reader) -> None:
    assert [reader.read(blank) for blank in (b"\r\n", b"\n", b"  \n", b"\xef\xbb\xbf\n")] == [[], [], [], []]


@pytest.mark.parametrize("reader", [V1, V2])
@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b'{"id": "1", "text": "cut o', "truncated"),
        (b'{"id_str": "690406591110582272", "id": 690406591110582272, "text": "not \xff"}', "not UTF-8"),
        (b'{"id": 690406591110582272, "text": "half \\ud83d"}', "half a character"),
        (b'{"id": 690406591110582272, "text": "a raw \x00"}', "invalid character"),
        (b'{"id": 690406591110582272, "text": "x", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep"),
        (b'{"id": 690406591110582272, "text": 7}', "Expected"),
        (b'{"id": 690406591110582272, "lang": "en"}', "no text"),
        (b'{"text": "no id"}', "no id"),
        (b'{"id": 12, "text": "x", "created_at": "yesterday"}', "can't be understood"),
        (b'{"id": 690406591110582272, "text": "x", "created_at": "1999-12-31T00:00:00Z"}', "before 2006"),
        (b'{"id": 690406591110582272, "text": "x", "created_at": "2262-04-12T00:00:00Z"}', "in the future"),
        (b'{"id": 3, "text": "no time"}', "the id holds none"),
        (b"[]", "Expected"),
        (b"null", "Expected"),
        (b"7 apples", ""),
        (b"\x00\x01\x02", ""),
    ],
)
def test_a_bad_record_is_refused_with_its_reason(reader: Reader, record: bytes, reason: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        reader.read(record)
    assert reason in refused.value.reason


def test_one_bad_post_of_an_answer_leaves_its_neighbours() -> None:
    good = '{"id":"690406591110582272","text":"#a"}'
    items = V2.read(f'{{"data":[{good},{{"id":"1"}},5,{good}]}}'.encode())
    assert [type(item) for item in items] == [Post, BrokenPart, BrokenPart, Post]


def test_what_is_included_wrongly_does_no_harm() -> None:
    page = b'{"data":[{"id":"690406591110582272","text":"#a"}],"includes":{"tweets":[{"id":{}}]}}'
    assert one(V2.read(page)).text == "#a"


def test_a_reader_is_made_again_from_its_spec() -> None:
    for reader in (V1, V2):
        again = reader_of(reader.spec, reading)
        assert again.spec == reader.spec
        assert one(again.read(line({"id": 690406591110582272, "text": "#a"}))).source == "x"


@pytest.mark.parametrize(("reader", "key"), [(V1, "statuses"), (V2, "data")])
def test_half_a_character_in_an_answer_refuses_its_own_post_alone(reader: Reader, key: str) -> None:
    texts = ["#one \U0001f469", "half \ud83d", "\\ud83d \ufffd", "\udc69\ud83d"]
    posts = [{"id": str(690406591110582272 + at), "text": text} for at, text in enumerate(texts)]
    first, second, third, fourth = reader.read(line({key: posts, "meta": {}}))
    assert isinstance(first, Post)
    assert isinstance(third, Post)
    assert (first.text, third.text) == (texts[0], texts[2])
    assert isinstance(second, BrokenPart)
    assert second == BrokenPart(json.dumps(posts[1]).encode(), second.reason)
    assert "half a character" in second.reason
    assert isinstance(fourth, BrokenPart)
