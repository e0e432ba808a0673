"""JSON that is no object a line: arrays, documents over many lines, X's own export, and answers that are very large."""

import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.errors import UsageError
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats import elements
from ingest.sources.formats.elements import CHUNK_BYTES, Elements
from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.unpacking.content import Content
from tests.support.sources import read, read_bytes, reading

FIRST = 1_224_226_259_727_286_272
V1 = {"id_str": str(FIRST), "full_text": "kept #harbour", "entities": {"hashtags": [{"text": "harbour"}]}}
V2 = {"id": str(FIRST), "text": "kept #harbour", "author_id": "1"}
STATUS = {"uri": "https://a.example/1", "created_at": "2020-02-03T07:01:00Z", "content": "<p>kept</p>",
          "tags": [{"name": "harbour"}], "reblogs_count": 0}  # fmt: skip
EVENT = {"did": "did:plc:a", "time_us": 1_580_713_260_000_000, "kind": "commit",
         "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k",
                    "record": {"text": "kept", "tags": ["harbour"]}}}  # fmt: skip
OTHER = {"key": "a", "id": str(FIRST), "content": "kept #harbour", "date": "2020-02-03T07:01:00Z"}
RECORDS: dict[str, dict[str, Any]] = {"x-v1": V1, "x-v2": V2, "mastodon": STATUS, "jetstream": EVENT, "json": OTHER}


def shapes(record: dict[str, Any]) -> dict[str, str]:
    some = [record, record]
    return {
        "one line": json.dumps(some),
        "one a line": "[\n" + ",\n".join(map(json.dumps, some)) + "\n]\n",
        "over lines": json.dumps(some, indent=2),
        "over lines without indentation": json.dumps(some, indent=0),
        "over lines by tabs": json.dumps(some, indent="\t"),
        "assigned": f"window.YTD.tweets.part0 = {json.dumps(some, indent=2)};\n",
        "one behind the other": "\n".join(json.dumps(each, indent=2) for each in some),
        "arrays behind each other": f"{json.dumps([record])}\n{json.dumps([record], indent=1)}",
        "arrays in an array": json.dumps([[record], [record]]),
        "a mark and CR LF": "\ufeff" + json.dumps(some, indent=2).replace("\n", "\r\n"),
    }


@pytest.mark.parametrize("format_", RECORDS)
@pytest.mark.parametrize("shape", shapes(V1))
def test_every_shape_of_json_gives_its_posts_in_every_format(format_: str, shape: str, tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "any.json").write_text(shapes(RECORDS[format_])[shape])
    posts, rejects, _ = read(PostFiles([str(tmp_path / "any.json")], reading(), say=said.append))
    assert [len(posts), rejects] == [2, []]
    assert f"as {format_}," in said[0]
    assert str(posts[0].hour) == "2020-02-03T07"


@pytest.mark.parametrize("record", [V1, V2])
def test_what_x_exports_is_wrapped_and_read(record: dict[str, Any], tmp_path: Path) -> None:
    for content in (json.dumps({"tweet": record}) + "\n", json.dumps([{"tweet": record}], indent=2)):
        posts, rejects = read_bytes(tmp_path, content.encode(), "tweets.js")
        assert ([post.id for post in posts], rejects) == ([str(FIRST)], [])


def test_of_a_folder_of_x_own_export_the_posts_are_read_alone(tmp_path: Path) -> None:
    for name in ("tweets.js", "tweets-part1.js", "account.js", "tweet-headers.js", "like.js"):
        (tmp_path / name).write_text(f"window.YTD.x.part0 = {json.dumps([{'tweet': V1}])}")
    assert len(read(PostFiles([str(tmp_path)], reading()))[0]) == 2


def test_the_statuses_of_an_answer_over_many_lines_are_posts_of_their_own(tmp_path: Path) -> None:
    answer = {"search_metadata": {"count": 2, "next": "{["}, "statuses": [V1, V1], "after": [{"id_str": "1"}]}
    content = json.dumps([answer, answer], indent=1) + json.dumps(answer, indent=1)
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert (len(posts), rejects) == (6, [])


def test_an_answer_of_v2_over_many_lines_completes_its_retweets(tmp_path: Path) -> None:
    retweet = {"id": str(FIRST), "text": "RT @a: cut…", "referenced_tweets": [{"type": "retweeted", "id": "7"}]}
    answer = {"data": [retweet], "includes": {"tweets": [{"id": "7", "text": "cut and whole #quay"}]}}
    posts, _ = read_bytes(tmp_path, json.dumps(answer, indent=2).encode())
    assert [post.text for post in posts] == ["RT @a: cut and whole #quay"]


def test_a_document_without_posts_is_nothing(tmp_path: Path) -> None:
    for content in ("[]", "[ ]\n", "[\n]", "window.YTD.tweets.part0 = [ ]", "\n\n"):
        assert read_bytes(tmp_path, content.encode()) == ([], [])


def test_json_that_holds_no_posts_is_refused_with_its_keys_and_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'colour', 'size'.*--id-field"):
        read_bytes(tmp_path, b'{\n "colour": 1,\n "size": 2\n}\n')


def test_a_bracket_that_is_never_closed_takes_its_own_line_alone(tmp_path: Path) -> None:
    good = json.dumps(V1)
    for broken in ('{"cut": "of', '{"id_str": "1", "text": ', '{"a": [1,', "{", '{"a": {"b": 1},'):
        content = f"[\n{good},\n{broken}\n{good},\n{good}\n]\n"
        posts, rejects = read_bytes(tmp_path, content.encode())
        assert len(posts) == 3
        assert [(reject.raw.decode().strip(), reject.where.rpartition(":")[2]) for reject in rejects] == [
            (broken.strip(), "3")
        ]


def test_a_record_that_is_cut_off_is_a_reject_and_what_stands_before_it_is_read(tmp_path: Path) -> None:
    content = json.dumps([V1, V1], indent=1).encode()
    posts, rejects = read_bytes(tmp_path, content[: len(content) - 20])
    assert (len(posts), len(rejects)) == (1, 1)


def endless(count: int) -> Iterator[bytes]:
    yield b'{"statuses": ['
    record = json.dumps(V1 | {"pad": "x" * 900}).encode()
    for n in range(count):
        yield record + (b"" if n == count - 1 else b",")
    yield b'], "search_metadata": {}}'


def test_an_array_is_read_as_it_comes_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 MB on one line, of which no more than some chunks are ever held."""
    with gzip.open(tmp_path / "large.json.gz", "wb", compresslevel=1) as file:
        file.writelines(endless(40_000))
    most = 0
    more = Elements._more

    def watched(self: Elements) -> bool:
        nonlocal most
        most = max(most, len(self._buffer))
        return more(self)

    monkeypatch.setattr(Elements, "_more", watched)
    source = PostFiles([str(tmp_path / "large.json.gz")], reading())
    assert sum(len(batch.items) for batch in source.batches({}, 1_000)) == 40_000
    assert 0 < most <= 3 * CHUNK_BYTES


def test_an_answer_that_is_too_large_to_be_read_whole_is_taken_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elements, "MOST_BYTES", 100_000)
    answer = {"meta": {}, "data": [V2 | {"id": str(FIRST + n)} for n in range(3_000)], "includes": {"tweets": [V2]}}
    (tmp_path / "answer.json").write_text(json.dumps(answer, indent=1))
    source = PostFiles([str(tmp_path / "answer.json")], reading(), format="x-v2")
    posts, rejects, batches = read(source, 700)
    assert ([int(post.id) - FIRST for post in posts], rejects) == (list(range(3_000)), [])
    rest = [post for batch in source.batches(batches[2].cursor, 700) for post in batch.items]
    assert rest == posts[2_100:]


def test_a_record_that_is_too_long_is_skipped_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MOST_BYTES", 1_000_000)
    content = json.dumps([V1, V1 | {"pad": ["[{" * 60_000] * 20}, V1]).encode()
    posts, rejects = read_bytes(tmp_path, content)
    assert len(posts) == 2
    assert f"longer than {MOST_BYTES}" in rejects[0].reason
    assert len(rejects[0].raw) < 100_000


def test_the_line_of_a_reject_is_where_its_record_begins(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, json.dumps([V1, {"id_str": "x"}, V1], indent=1).encode(), "posts.json")
    assert len(posts) == 2
    with closing(Content.of(tmp_path / "posts.json")) as content:
        line = int(rejects[0].where.rpartition(":")[2])
        assert content.head.split(b"\n")[line - 1].strip() == b"{"
        assert b'"x"' in content.head.split(b"\n")[line]
