"""Answers with posts, on a real archive and real views: the same by every way, and what they hide, lack and refuse."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from batch_layer.archive.hour_layout import hour_folder
from batch_layer.rank import Further
from batch_layer.storage.webhdfs import HdfsStore
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from serving.cli import main
from serving.client import connect
from serving.views.documents import ARCHIVES, HOURS, SAMPLES, USES, use_id
from serving.views.store import Store
from tests.support.cli import ask
from tests.support.dashboard import running
from tests.support.sampled_hours import archive_posts, publish_hours

HOUR = Hour.parse("2017-01-06T07")
STATUS = '{"url":"https://example.social/@ann/9","uri":"https://example.social/users/ann/statuses/9"}'
HOSTILE = "<script>alert(1)</script> \u202e\x1b[31m {{ 7*7 }} #Boston"


def post(source: str, post_id: str, text: str, **other: Any) -> Post:
    return Post(post_id, source, HOUR.start_ms + 1_000, HOUR.start_ms, text, **other)


POSTS = [
    post("x", "815000000000000001", "Pray &amp; hope #Boston #Strong"),
    post("bluesky", "at://did:plc:abc/app.bsky.feed.post/3k", "tonight", tags=("boston", "strong")),
    post("mastodon", "https://example.social/users/ann/statuses/9", "harbour", tags=("boston",), payload=STATUS),
    post("sample", "17", HOSTILE),
    post("x", "815000000000000002", "#other words"),
]


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


@pytest.fixture(autouse=True)
def config(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of a test ask its own servers."""
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))


@pytest.fixture
def hour(settings: Settings, store: Store) -> str:
    """An hour with its posts in the archive."""
    publish_hours(store, [(*archive_posts(settings, POSTS), POSTS)])
    return str(HOUR)


def refusal(*arguments: str) -> str:
    """The words of the command where it exits with 3."""
    told = CliRunner().invoke(main, ["posts", *arguments])
    assert told.exit_code == 3, told.output
    return told.output


def by_id(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in answer["posts"]}


def test_command_api_and_python_give_the_same_answer_with_links_and_safe_text(settings: Settings, hour: str) -> None:
    answer = ask("posts", "#BOSTON", "--hour", hour)
    posts = by_id(answer)
    assert {each: (of["text"], of["link"]) for each, of in posts.items()} == {
        POSTS[0].id: ("Pray & hope #Boston #Strong", f"https://x.com/i/status/{POSTS[0].id}"),
        POSTS[1].id: ("tonight", "https://bsky.app/profile/did:plc:abc/post/3k"),
        POSTS[2].id: ("harbour", "https://example.social/@ann/9"),
        POSTS[3].id: (HOSTILE, None),
    }
    assert [(each["tag"], each["both"]) for each in answer["related"]] == [("strong", 2)]
    assert answer["spellings"] == [{"shown": "Boston", "count": 2}, {"shown": "boston", "count": 2}]
    assert (answer["uses"], answer["sampled"], answer["absent"], answer["hidden"]) == (4, 1, [], 0)

    with running(settings) as url, connect() as trends:
        assert httpx.get(f"{url}/api/posts", params={"tag": "Boston", "hour": hour}, timeout=60).json() == answer
        notebook = trends.posts("boston", hour=hour)
        assert notebook.to_dict() == answer
        table = notebook.to_pandas()
        assert list(table["id"]) == [each["id"] for each in answer["posts"]]
        assert {f"{at:%Y-%m-%dT%H:%M:%S}" for at in table["at"]} == {f"{hour}:00:01"}

        page = httpx.get(f"{url}/posts", params={"tag": "Boston", "hour": hour}, timeout=60).text
        assert "<script>alert" not in page
        assert "\x1b" not in page
        assert "\\u001b[31m {{ 7*7 }}" in unescape(page)
        for of in posts.values():
            assert of["link"] is None or f'href="{of["link"]}" rel="noopener noreferrer nofollow"' in page
        tag_page = httpx.get(f"{url}/tag", params={"name": "Boston", "at": hour}, timeout=60).text
        part = tag_page.split('data-posts="')[1].split('"')[0]
        loaded = httpx.get(url + unescape(part), timeout=60)
        assert loaded.status_code == 200
        assert "Pray &amp; hope" in loaded.text
        assert "<html" not in loaded.text
        none = httpx.get(f"{url}/api/posts", params={"tag": "nobody", "hour": hour}, timeout=60)
        assert none.status_code == 404
        refused = httpx.get(f"{url}/api/posts", params={"tag": " # "}, timeout=60)
        assert refused.status_code == 400

    told = CliRunner().invoke(main, ["posts", "boston", "--hour", "2017-01-06T08", "--tz", "Europe/Paris"]).output
    assert "2017-01-06 08:00:01 CET" in told
    assert "\x1b[31m" not in told
    assert "\\u202e\\u001b[31m {{ 7*7 }} #Boston" in told


def test_a_source_alone_has_samples_of_its_own(hour: str) -> None:
    answer = ask("posts", "boston", "--hour", hour, "--source", "bluesky")
    assert [each["id"] for each in answer["posts"]] == [POSTS[1].id]
    assert (answer["source"], answer["uses"]) == ("bluesky", 1)
    assert "no posts of #boston" in refusal("strong", "--hour", hour, "--source", "mastodon").replace(
        "strong", "boston"
    )


def test_the_settings_hide_texts_and_single_posts_in_every_answer(
    settings: Settings, hour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_POSTS__SHOW_TEXT", "false")
    monkeypatch.setenv("TRENDS_POSTS__HIDE", f'["x:{POSTS[0].id}"]')
    answer = ask("posts", "boston", "--hour", hour)
    assert POSTS[0].id not in by_id(answer)
    assert (answer["hidden"], answer["shows_text"], answer["uses"]) == (1, False, 4)
    assert {each["text"] for each in answer["posts"]} == {None}
    told = CliRunner().invoke(main, ["posts", "boston", "--hour", hour]).output
    assert "tonight" not in told
    assert "1 post hidden by posts.hide" in told
    own = Settings.read()
    with running(own) as url:
        for path in ("/posts", "/api/posts"):
            text = httpx.get(url + path, params={"tag": "boston", "hour": hour}, timeout=60).text
            assert "tonight" not in text
            assert POSTS[0].id not in text


def test_a_damaged_or_missing_file_is_told_and_the_views_answer_all_the_same(settings: Settings, hour: str) -> None:
    files = HdfsStore(settings.hdfs)
    folder = f"{settings.hdfs.root}/{hour_folder(HOUR)}"
    (entry,) = files.entries(folder)
    files.put(f"{folder}/{entry.name}", b"Obj\x01" + b"\0" * 100)
    answer = ask("posts", "boston", "--hour", hour)
    assert answer["posts"] == []
    assert len(answer["absent"]) == 4
    assert "damaged Avro file" in answer["absent"][0]["why"]
    assert answer["spellings"]
    files.delete(f"{folder}/{entry.name}")
    assert "no file in" in ask("posts", "boston", "--hour", hour)["absent"][0]["why"]


def test_posts_of_a_recreated_topic_come_from_the_archive_of_their_time(settings: Settings, store: Store) -> None:
    before = POSTS[:2]
    after = POSTS[2:]
    other = settings.model_copy(update={"hdfs": settings.hdfs.model_copy(update={"root": f"{settings.hdfs.root}-0"})})
    first, second = archive_posts(other, before), archive_posts(settings, after)
    publish_hours(store, [(*first, before), (*second, after)])
    assert len(ask("posts", "boston", "--hour", str(HOUR))["absent"]) == 2
    store.collection(ARCHIVES).insert_one({"_id": first[0], "root": other.hdfs.root})
    answer = ask("posts", "boston", "--hour", str(HOUR))
    assert by_id(answer).keys() == {each.id for each in POSTS[:4]}
    assert answer["absent"] == []


def test_an_hour_without_samples_is_told_with_the_command_that_computes_them(settings: Settings, store: Store) -> None:
    archive = archive_posts(settings, POSTS)
    publish_hours(store, [(*archive, POSTS)], 1)
    publish_hours(store, [(*archive, POSTS)], 2, Further())
    assert store.collection(SAMPLES).count_documents({}) == 0, "the samples of the run before are gone"
    told = refusal("boston", "--hour", str(HOUR))
    assert "1 hour computed without samples" in told
    assert f"`trends batch hour {HOUR}`" in told

    publish_hours(store, [(*archive, POSTS)], 3)
    store.collection(HOURS).update_many({}, {"$set": {"token": 4}})
    assert "1 hour computed without samples" in refusal("boston", "--hour", str(HOUR)), "samples of an older run"
    publish_hours(store, [(*archive, POSTS)], 5)

    live = HOUR.plus(1)
    row = {"_id": use_id(str(live), "boston"), "hour": str(live), "tag": "boston", "shown": "Boston", "count": 3}
    store.collection(USES).insert_one(row)
    assert "samples come with the batch layer" in refusal("boston", "--hour", str(live))
    both = ask("posts", "boston", "--since", str(HOUR), "--until", str(HOUR.plus(2)))
    assert (both["live"], both["without"], both["mend"], len(both["posts"])) == ([str(live)], [], None, 4)
    assert "no data for" in refusal("boston", "--hour", str(HOUR.plus(5)))
    assert "none of the ranked tags" in refusal("nobody", "--hour", str(HOUR))

    store.collection(SAMPLES).update_one({"source": None}, {"$set": {"tags.0.posts": [[1]]}})
    damaged = CliRunner().invoke(main, ["posts", "boston", "--hour", str(HOUR)])
    assert (damaged.exit_code, "damaged document" in damaged.output) == (1, True)
