"""JSON of any make: fields found by their names, as columns are, or named by their paths."""

import json
from pathlib import Path

import pytest

from config.errors import UsageError
from ingest.sources.files.post_files import PostFiles
from ingest.sources.registry import reader_of
from ingest.sources.selection import PostFilter
from tests.support.sources import read, read_bytes, reading

ID = 1_410_131_234_780_086_272
FOUND = {
    "url": "https://a.example",
    "date": "2021-06-30T07:01:00+00:00",
    "content": "from #harbour",
    "id": ID,
    "lang": "en",
}
NESTED = {
    "meta": {"key": str(ID), "posted": ["2021-06-30T07:01:00Z"]},
    "body.text": "from #harbour",
    "who": {"speaks": "en"},
}
NAMED = {"id": "meta.key", "text": "body.text", "time": "meta.posted.0", "lang": "who.speaks"}


def test_fields_are_found_by_the_names_that_columns_have(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "a.jsonl").write_text(json.dumps(FOUND) + "\n")
    (post,), rejects, _ = read(PostFiles([str(tmp_path / "a.jsonl")], reading(), say=said.append))
    assert rejects == []
    assert (post.id, post.text, post.lang, str(post.hour)) == (str(ID), "from #harbour", "en", "2021-06-30T07")
    assert said == [
        "a.jsonl: reading it as json, since its lines are JSON objects with 'id', 'content', 'date', 'lang'"
    ]


def test_fields_are_named_by_paths_through_objects_and_lists(tmp_path: Path) -> None:
    for content in (json.dumps(NESTED), json.dumps([NESTED], indent=1)):
        posts, rejects = read_bytes(tmp_path, content.encode(), fields=NAMED)
        assert rejects == []
        assert (posts[0].id, posts[0].text, posts[0].lang) == (str(ID), "from #harbour", "en")
        assert str(posts[0].hour) == "2021-06-30T07"


def test_fields_that_are_named_are_read_from_json_that_has_a_format_too(tmp_path: Path) -> None:
    content = json.dumps({"id_str": "12", "id": str(ID), "text": "no", "note": "from #harbour"})
    posts, _ = read_bytes(tmp_path, content.encode(), fields={"text": "note"})
    assert (posts[0].id, posts[0].text) == (str(ID), "from #harbour")


def test_json_whose_fields_can_not_be_told_is_refused_with_what_it_has(tmp_path: Path) -> None:
    content = json.dumps({"key": ID, "words": "a"}).encode()
    for asked in ({}, {"format": "json"}, {"fields": {"id": "key"}}):
        with pytest.raises(UsageError, match=r"'key', 'words'.*--id-field"):
            read_bytes(tmp_path, content, **asked)


def test_fields_of_a_format_that_has_its_own_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="JSON of any make alone"):
        read_bytes(tmp_path, json.dumps(FOUND).encode(), format="x-v2", fields={"id": "id"})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (FOUND | {"id": None}, "no id"),
        (FOUND | {"id": 1.4e18}, "lost digits"),
        (FOUND | {"id": {"a": 1}}, "no id"),
        (FOUND | {"content": None}, "no text: 'content' is not there"),
        (FOUND | {"content": 7}, "no text: 'content' is no text"),
        (FOUND | {"date": "noon", "id": 12}, "can't be understood"),
        ([FOUND], "not a JSON object"),
        ("text", "not a JSON object"),
    ],
)
def test_an_object_that_makes_no_post_is_refused_and_can_be_read_again(
    record: object, reason: str, tmp_path: Path
) -> None:
    content = f"{json.dumps(FOUND)}\n{json.dumps(record)}\n{json.dumps(FOUND)}\n"
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert len(posts) == 2
    assert [reason in reject.reason for reject in rejects] == [True]
    again = reader_of(rejects[0].reader, reading)
    assert [post.text for post in again.read(json.dumps(FOUND).encode())] == ["from #harbour"]  # type: ignore[union-attr] # a post


def test_a_language_is_asked_of_a_field_that_tells_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(FOUND) + "\n" + json.dumps(FOUND | {"lang": "fr"}))
    source = PostFiles([str(tmp_path / "a.jsonl")], reading(), post_filter=PostFilter(langs=frozenset({"fr"})))
    assert [post.lang for post in read(source)[0]] == ["fr"]
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": ID, "content": "a"}))
    with pytest.raises(UsageError, match="--lang-field"):
        read(PostFiles([str(tmp_path / "a.jsonl")], reading(), post_filter=PostFilter(langs=frozenset({"fr"}))))


def test_an_id_and_a_text_with_a_time_of_another_name_are_no_post_of_x(tmp_path: Path) -> None:
    """The id of another service may look as if it told a time: it is not asked where the record tells it."""
    record = {"id": "1136530661176246272", "text": "from #harbour", "timestamp": "2021-06-30T07:01:00Z"}
    posts, _ = read_bytes(tmp_path, json.dumps(record).encode())
    assert str(posts[0].hour) == "2021-06-30T07"
    posts, _ = read_bytes(tmp_path, json.dumps(record | {"entities": {"hashtags": [{"tag": "quay"}]}}).encode())
    assert posts[0].tags == ("quay",)
