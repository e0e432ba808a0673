"""Posts of Bluesky and Mastodon as recorded: what a line or an event holds, and how a file of them is recognised."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.errors import BadRecordError
from ingest.post import Post
from ingest.rule.hashtags import tags_of
from ingest.sources.bluesky.events import JetstreamReader
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.contract import Item, Notice
from ingest.sources.mastodon.statuses import MastodonReader, plain
from ingest.sources.selection import PostFilter
from tests.support.sources import NOW, detected, read, read_bytes, reading

SEEN_US = 1_783_175_888_090_631
FACET = "app.bsky.richtext.facet"


def event(record: dict[str, Any] | None = None, **commit: Any) -> bytes:
    told = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "rev": "r"}
    made = {"text": "hello", "createdAt": "2026-07-04T14:38:06.240Z"} | (record or {})
    return json.dumps(
        {"did": "did:plc:a", "time_us": SEEN_US, "kind": "commit", "commit": told | {"record": made} | commit}
    ).encode()


def facet(start: int, end: int, tag: str = "", kind: str = "tag") -> dict[str, Any]:
    feature = {"$type": f"{FACET}#{kind}"} | ({"tag": tag} if tag else {})
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


def jetstream(record: bytes) -> list[Item]:
    return JetstreamReader(reading("bluesky")).read(record)


def one(record: bytes) -> Post:
    (post,) = jetstream(record)
    assert isinstance(post, Post)
    return post


def status(**changed: Any) -> dict[str, Any]:
    return {
        "uri": "https://a.example/users/x/statuses/1",
        "created_at": "2026-08-02T05:22:17.399Z",
        "content": "<p>hello</p>",
        "visibility": "public",
        "language": "fr",
        "tags": [],
    } | changed


def mastodon(record: Any) -> list[Item]:
    raw = record if isinstance(record, bytes) else json.dumps(record).encode()
    return MastodonReader(reading("mastodon")).read(raw)


def test_an_event_is_a_post_named_by_its_uri() -> None:
    post = one(event({"langs": ["pt-BR", "en"]}))
    assert (post.id, post.source) == ("at://did:plc:a/app.bsky.feed.post/3k", "bluesky")
    assert (post.text, post.lang, post.tags) == ("hello", "pt-BR", ())
    assert post.payload is not None
    assert json.loads(post.payload)["time_us"] == SEEN_US


@pytest.mark.parametrize(("asked", "lang"), [("en", "en"), ("PT", "pt-BR"), ("fr", "pt-BR")])
def test_a_post_in_several_languages_is_told_by_the_one_that_is_asked_for(asked: str, lang: str) -> None:
    asking = replace(reading("bluesky"), langs=frozenset([asked.lower()]))
    (post,) = JetstreamReader(asking).read(event({"langs": ["pt-BR", "en"]}))
    assert isinstance(post, Post)
    assert post.lang == lang


def test_recorded_posts_are_taken_whichever_of_their_languages_is_asked_for(test_data: Path) -> None:
    file = test_data / "jetstream" / "expected_v1.jsonl"
    events = [json.loads(line) for line in file.read_bytes().splitlines()]
    said = [event.get("commit", {}).get("record", {}).get("langs") for event in events]
    for lang, at_least in (("en", 9), ("es", 1)):
        spoken = [langs for langs in said if langs and any(each.split("-")[0] == lang for each in langs)]
        posts, _, _ = read(PostFiles([str(file)], reading(""), post_filter=PostFilter(langs=frozenset([lang]))))
        assert len(posts) == len(spoken) >= at_least


def test_hashtags_are_the_facets_in_their_order_and_then_the_tags_beside_the_text() -> None:
    text = "日本 #東京 and #Paris #not"
    second, first = facet(18, 24, "Paris"), facet(7, 14)
    post = one(event({"text": text, "facets": [second, first, facet(0, 6, kind="link")], "tags": ["Outside", ""]}))
    assert post.tags == ("東京", "Paris", "Outside")
    assert set(tags_of(post)) == {"東京", "paris", "outside"}


def test_a_facet_beyond_the_text_or_within_a_character_harms_nothing() -> None:
    post = one(event({"text": "日本", "facets": [facet(1, 4), facet(500, 900), facet(2, 1)]}))
    assert post.tags is not None
    assert not [tag for tag in post.tags if "\ufffd" in tag]


@pytest.mark.parametrize(
    "odd",
    [
        {"index": {"byteStart": -1, "byteEnd": 2}, "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "no"}]},
        {"$type": "x", "features": []},
        {"index": {"byteStart": 0, "byteEnd": 2}, "features": [{"$type": "blue.other.thing", "value": 3}]},
        {"index": {"byteStart": 0, "byteEnd": 2}, "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": 7}]},
        "no facet", None,
    ],
)  # fmt: skip
def test_a_facet_that_can_not_be_read_refuses_neither_its_neighbours_nor_the_post(odd: object) -> None:
    post = one(event({"text": "a #dogs", "facets": [odd, facet(2, 7)], "tags": ["cats", 7, None]}))
    assert post.tags == ("dogs", "cats")
    assert one(event({"facets": "none", "tags": {"a": 1}})).tags == ()


def test_a_feature_without_a_tag_names_what_stands_there() -> None:
    null = {
        "index": {"byteStart": 2, "byteEnd": 7},
        "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": None}],
    }
    assert one(event({"text": "a #dogs", "facets": [null]})).tags == ("dogs",)


def test_an_event_of_the_wire_before_october_2024_is_read() -> None:
    before = json.loads(event({"text": "hello"}))
    del before["kind"], before["commit"]["operation"]
    before |= {"type": "com"}
    for operation, post_filter in (("c", "hello"), ("d", Notice("delete")), ("u", Notice("update"))):
        before["commit"]["type"] = operation
        (item,) = jetstream(json.dumps(before).encode())
        assert (item.text if isinstance(item, Post) else item) == post_filter
    assert jetstream(b'{"did":"d","time_us":1,"type":"id"}') == [Notice("identity")]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("2026-07-04T14:38:06.240Z", 1_783_175_886_240),
        ("2026-07-04T16:38:06+02:00", 1_783_175_886_000),
        ("2031-01-01T00:00:00Z", SEEN_US // 1000),
        ("soon", SEEN_US // 1000),
        ("1999-12-31T00:00:00Z", SEEN_US // 1000),
        ("0001-01-01T00:00:00Z", SEEN_US // 1000),
        ("", SEEN_US // 1000),
    ],
)
def test_it_is_written_when_its_author_says_yet_not_after_it_was_seen(said: str, written: int) -> None:
    assert one(event({"createdAt": said})).created_at == written


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (event(operation="delete", record=None), "delete"),
        (event(operation="update"), "update"),
        (event(collection="app.bsky.feed.like"), "app.bsky.feed.like"),
        (b'{"did":"d","time_us":1,"kind":"identity","identity":{}}', "identity"),
        (b'{"did":"d","time_us":1,"kind":"account","account":{"active":true}}', "account"),
    ],
)
def test_what_is_no_new_post_is_a_notice(record: bytes, kind: str) -> None:
    assert jetstream(record) == [Notice(kind)]


@pytest.mark.parametrize(
    "record",
    [
        b"{", b"[]", b"{}", b"\xff", b'{"did":"d","time_us":"x","kind":"commit"}', event({"text": 7}), event(rkey=""),
        event().replace(b'"record"', b'"none"'), b'{"did":"d","time_us":1}',
        event({"text": "half \ud83d"}), b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_can_not_be_read_of_jetstream_is_refused_with_a_reason(record: bytes) -> None:
    with pytest.raises(BadRecordError) as refused:
        jetstream(record)
    assert refused.value.reason


def test_a_status_is_named_by_its_uri_and_its_hashtags_are_its_tags() -> None:
    content = '<p>one <a href="x">#<span>Two</span></a></p><p>A &amp; B<br/>c</p>'
    (post,) = mastodon(status(content=content, tags=[{"name": "two", "url": "x"}]))
    assert isinstance(post, Post)
    assert (post.id, post.lang, post.tags) == ("https://a.example/users/x/statuses/1", "fr", ("two",))
    assert post.text == "one #Two\nA & B\nc"


def hashtag(spelling: str, classes: str = "mention hashtag") -> str:
    return f'<a href="https://a.example/tags/x" class="{classes}" rel="tag">#<span>{spelling}</span></a>'


@pytest.mark.parametrize(
    ("content", "names", "expected"),
    [
        (hashtag("Zürich"), ["zurich"], ("Zürich",)),
        (hashtag("Zurich"), ["zurich"], ("Zurich",)),
        (f"{hashtag('Zürich')} {hashtag('Zurich')}", ["zurich"], ("Zürich", "Zurich")),
        (f"{hashtag('Straße')} {hashtag('Œuvre')}", ["oeuvre", "strasse"], ("Œuvre", "Straße")),
        (hashtag("İzmir"), ["izmir"], ("İzmir",)),
        (hashtag("ＤＯＧ"), ["dog"], ("ＤＯＧ",)),
        (hashtag("R&amp;D"), ["r&d"], ("R&D",)),
        (hashtag("東京"), ["東京"], ("東京",)),
        (hashtag("Zürich", "mention"), ["zurich"], ("zurich",)),
        ("#Zürich in the text alone", ["zurich"], ("zurich",)),
        (hashtag("Other"), ["zurich"], ("zurich",)),
        ("<a class='hashtag'>#Zürich", ["zurich"], ("zurich",)),
        (f"<a class='hashtag'>#Bern<a>{hashtag('Zürich')}<", ["bern", "zurich"], ("Bern", "Zürich")),
    ],
)
def test_a_hashtag_is_spelled_as_in_the_content(content: str, names: list[str], expected: tuple[str, ...]) -> None:
    (post,) = mastodon(status(content=content, tags=[{"name": name} for name in names]))
    assert isinstance(post, Post)
    assert post.tags == expected


def test_both_networks_have_the_same_tags_for_the_same_spellings() -> None:
    for spelling, folded in (("Zürich", "zurich"), ("Straße", "strasse"), ("Øresund", "oresund")):
        (status_post,) = mastodon(status(content=hashtag(spelling), tags=[{"name": folded}]))
        assert isinstance(status_post, Post)
        assert list(tags_of(status_post)) == list(tags_of(one(event({"tags": [spelling]}))))


def test_a_boost_is_the_status_that_it_repeats() -> None:
    original = status(uri="https://b.example/2", created_at="2026-08-01T00:00:00Z", tags=[{"name": "cats"}])
    (post,) = mastodon(status(reblog=original, content=""))
    assert isinstance(post, Post)
    assert (post.id, post.tags, post.created_at) == ("https://b.example/2", ("cats",), 1_785_542_400_000)


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_was_sent_to_few_is_a_notice(visibility: str) -> None:
    assert mastodon(status(visibility=visibility)) == [Notice(visibility)]


def test_an_event_of_a_stream_is_read_and_its_edit_and_delete_are_notices() -> None:
    data = json.dumps(status())
    assert [type(item) for item in mastodon(f"event: update\ndata: {data}\n\n".encode())] == [Post]
    assert mastodon(f"event: status.update\ndata: {data}\n\n".encode()) == [Notice("status.update")]
    assert mastodon(b"event: delete\ndata: 1170147183095664640\n") == [Notice("delete")]
    assert mastodon(b":thump\n") == []


@pytest.mark.parametrize(
    "record",
    [b"{", b"[]", b"{}", status(uri=""), status(uri="u" * 300), status(created_at="soon"), status(tags=7, content=None),
     b"event: update\ndata: {cut\n", status(created_at="2001-01-01T00:00:00Z")],
)  # fmt: skip
def test_what_can_not_be_read_of_mastodon_is_refused_with_a_reason(record: Any) -> None:
    with pytest.raises(BadRecordError) as refused:
        mastodon(record)
    assert refused.value.reason


@pytest.mark.parametrize(
    "html", ["<" * 200_000, "<a " * 60_000, "<!--" * 60_000, "&" * 200_000, "<p>" * 60_000, "<a" + "x" * 200_000]
)
@pytest.mark.timeout(20)
def test_hostile_html_is_read_in_bounded_time(html: str) -> None:
    assert isinstance(plain(html), str)


def test_the_recorded_capture_of_jetstream(test_data: Path) -> None:
    posts, rejects, batches = read(PostFiles([str(test_data / "jetstream" / "expected_v1.jsonl")], reading("")))
    assert (len(posts), rejects, sum(batch.notices for batch in batches)) == (17, [], 135)
    assert {post.source for post in posts} == {"bluesky"}
    assert [tag for post in posts for tag in tags_of(post)] == [
        "howtotellaitoshutup", "indierebellion", "talesatwonderworld", "balanwonderworldoc",
    ]  # fmt: skip
    assert all(post.created_at < NOW for post in posts)


def test_the_recorded_statuses_and_streams_of_mastodon(test_data: Path) -> None:
    folder = test_data / "mastodon"
    posts, rejects, batches = read(PostFiles([str(folder / "statuses_from_cassettes.jsonl")], reading("")))
    assert (len(posts), rejects, sum(batch.notices for batch in batches)) == (43, [], 21)
    assert [tag for post in posts for tag in tags_of(post)] == ["thisisahashtag", "hungary"]
    names = [f"test_stream_user_{name}.sse" for name in ("direct_direct", "direct_user", "local_user")]
    posts, rejects, batches = read(PostFiles([str(folder / name) for name in names], reading("")))
    assert (len(posts), rejects, sum(batch.notices for batch in batches)) == (2, [], 7)  # one of three is sent to few
    assert {post.source for post in posts} == {"mastodon"}


def test_an_event_that_is_cut_off_does_not_take_the_next_one_along(tmp_path: Path) -> None:
    cut, whole = b'event: update\ndata: {"cut\n', f"\nevent: update\ndata: {json.dumps(status())}\n\n".encode()
    posts, rejects = read_bytes(tmp_path, b":)\n" + cut + whole, "stream.sse", format="mastodon")
    assert (len(posts), len(rejects)) == (1, 1)


@pytest.mark.parametrize(
    ("content", "format_", "why"),
    [
        (event(), "jetstream", "'time_us'"),
        (b":)\nevent: update\ndata: {}\n\n", "mastodon", "event stream"),
        (json.dumps(status(reblogs_count=0)).encode(), "mastodon", "'reblogs_count'"),
        (b'{"data": {"id": "1", "text": "x"}}', "x-v2", "'data'"),
    ],
)
def test_a_format_is_told_by_its_first_lines_with_the_reason(
    content: bytes, format_: str, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "posts"
    file.write_bytes(content)
    found = detected(file)
    assert found is not None
    assert found.format == format_
    assert why in found.why


def test_who_says_where_posts_were_published_is_believed(tmp_path: Path) -> None:
    posts, _ = read_bytes(tmp_path, event())
    assert posts[0].source == "x"  # as `reading()` says


def test_a_message_of_a_socket_is_its_event() -> None:
    def message(event: str, payload: Any) -> bytes:
        return json.dumps({"stream": ["public"], "event": event, "payload": payload}).encode()

    assert [type(item) for item in mastodon(message("update", json.dumps(status())))] == [Post]
    assert [type(item) for item in mastodon(message("update", status()))] == [Post]
    assert mastodon(message("delete", "1170147183095664640")) == [Notice("delete")]
    assert mastodon(message("status.update", json.dumps(status()))) == [Notice("status.update")]
    for payload in ("{", 7, None):
        with pytest.raises(BadRecordError):
            mastodon(message("update", payload))
