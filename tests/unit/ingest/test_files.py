"""Files: which are meant, what they hold, and files that are not what they were."""

import gzip
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import UsageError
from ingest.rule.hashtags import AS_IS, Rule
from ingest.sources.files import reader_choice
from ingest.sources.files.detect import is_document
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.lines import MOST_BYTES, Lines
from ingest.sources.selection import PostFilter
from ingest.sources.unpacking.content import Content
from tests.support.sources import detected, read, reading

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FIRST = 690_406_591_110_582_272


def posts_of(ids: range, lang: str = "en") -> bytes:
    return b"".join(
        json.dumps({"id": str(FIRST + n), "text": f"#t{n % 3}", "lang": lang}).encode() + b"\n" for n in ids
    )


def ids(source: PostFiles) -> list[int]:
    return [int(post.id) - FIRST for post in read(source)[0]]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "content",
    [
        posts_of(range(40)),
        b"[" + b",".join(posts_of(range(40)).splitlines()) + b"]",
        b'{"id": 7, "x":' + b" " * 300_000,
    ],
    ids=["lines", "array", "long"],
)
def test_a_file_is_opened_once_from_the_beginning_and_once_from_a_cursor(
    content: bytes, pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_bytes(pack(content))
    opens: list[Path] = []
    looks: list[Content] = []

    def open_file(path: Path) -> Content:
        opens.append(path)
        return Content(path.open("rb"), str(path))

    def look(content: Content) -> bool:
        looks.append(content)
        return is_document(content)

    monkeypatch.setattr(Content, "of", open_file)
    monkeypatch.setattr(reader_choice, "is_document", look)
    source = PostFiles([str(file)], reading(), format="x-v2")
    cursor = next(source.batches({}, 7)).cursor
    assert opens == [file]
    looks.clear()
    source.sizes(cursor)
    list(source.batches(cursor, 7))
    assert opens == [file, file]
    assert len(looks) == 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_packed_files_are_told_by_their_bytes_and_not_by_their_name(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "posts.jsonl").write_bytes(pack(posts_of(range(5))))
    assert ids(PostFiles([str(tmp_path / "posts.jsonl")], reading())) == [0, 1, 2, 3, 4]


def test_several_packed_parts_behind_each_other_are_one_file(tmp_path: Path) -> None:
    for pack in (gzip.compress, zstd.compress):
        (tmp_path / "posts.jsonl").write_bytes(pack(posts_of(range(3))) + pack(posts_of(range(3, 5))))
        assert ids(PostFiles([str(tmp_path / "posts.jsonl")], reading())) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_packed_file_that_is_cut_off_gives_what_is_there_and_a_reject(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    noise = random.Random(1)
    content = b"".join(
        json.dumps({"id": str(FIRST + n), "text": noise.randbytes(300).hex()}).encode() + b"\n" for n in range(3_000)
    )
    packed = pack(content)
    (tmp_path / "a.jsonl").write_bytes(packed[: len(packed) * 2 // 3])
    (tmp_path / "b.jsonl").write_bytes(posts_of(range(9_000, 9_002)))
    source = PostFiles([str(tmp_path)], reading())
    posts, rejects, batches = read(source)
    found = [int(post.id) - FIRST for post in posts]
    assert found[-2:] == [9_000, 9_001]
    assert found[:-2] == list(range(len(found) - 2))
    assert len(found) > 1_000
    assert [reject.reason.partition(":")[0] for reject in rejects] == ["the file is broken from here on"]
    assert list(source.batches(batches[-1].cursor, 100)) == []


def test_files_are_read_in_order_of_their_names_each_once_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name, n in (("b.jsonl", 2), ("a.jsonl", 1), (".c.jsonl", 3), ("LICENSE", 4), ("sub/d.jsonl.gz", 5)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(posts_of(range(n, n + 1)))
    assert ids(PostFiles([str(tmp_path)], reading())) == [1, 2, 5]
    assert ids(PostFiles([str(tmp_path / "b.jsonl"), str(tmp_path / "*.jsonl")], reading())) == [2, 1]


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path / "*.csv", tmp_path):
        with pytest.raises(UsageError, match="no such file"):
            PostFiles([str(path)], reading())


def test_a_file_that_has_grown_goes_on_where_it_stood(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_bytes(posts_of(range(3)))
    source = PostFiles([str(file)], reading())
    *_, last = source.batches({}, 10)
    with file.open("ab") as end:
        end.write(posts_of(range(3, 5)) + b"{broken\n")
    (batch,) = source.batches(last.cursor, 10)
    assert [int(post.id) - FIRST for post in batch.items] == [3, 4]
    assert batch.rejects[0].where == f"{file}:6"


def test_a_folder_that_has_got_a_further_file_goes_on_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(posts_of(range(2)))
    *_, last = PostFiles([str(tmp_path)], reading()).batches({}, 10)
    (tmp_path / "b.jsonl").write_bytes(posts_of(range(2, 3)))
    source = PostFiles([str(tmp_path)], reading())
    assert [len(batch.items) for batch in source.batches(last.cursor, 10)] == [1]


def test_files_that_are_not_what_they_were_are_refused(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(posts_of(range(2)))
    *_, last = PostFiles([str(tmp_path)], reading()).batches({}, 10)
    (tmp_path / "b.jsonl").write_bytes(posts_of(range(7, 9)))
    with pytest.raises(UsageError, match=r"has changed.*--restart"):
        list(PostFiles([str(tmp_path)], reading()).batches(last.cursor, 10))
    (tmp_path / "Z.jsonl").write_bytes(b"")
    with pytest.raises(UsageError, match=r"have changed.*--restart"):
        list(PostFiles([str(tmp_path)], reading()).batches(last.cursor, 10))


def test_a_cursor_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(posts_of(range(2)))
    with pytest.raises(UsageError):
        list(PostFiles([str(tmp_path)], reading()).batches({"file": "x"}, 10))


def test_a_limit_counts_from_the_beginning_and_not_from_the_restart(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(posts_of(range(9)))

    def limited(limit: int) -> PostFiles:
        return PostFiles([str(tmp_path)], reading(), post_filter=PostFilter(limit=limit))

    *_, last = limited(4).batches({}, 3)
    assert ids(limited(4)) == [0, 1, 2, 3]
    assert list(limited(4).batches(last.cursor, 3)) == []
    assert sum(len(batch.items) for batch in limited(6).batches(last.cursor, 3)) == 2


def test_languages_and_tags_choose_posts_and_the_rest_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        posts_of(range(6)) + posts_of(range(6, 9), "fr") + posts_of(range(9, 12), "en-GB")
    )
    source = PostFiles([str(tmp_path)], reading(), post_filter=PostFilter.typed(["EN"], ["＃T1"], None, AS_IS))
    _, _, batches = read(source)
    assert ids(source) == [1, 4, 10]
    assert sum(batch.filtered for batch in batches) == 9
    renamed = PostFilter.typed([], ["one"], None, Rule.with_corrections([], {"t1": "one"}))
    assert ids(PostFiles([str(tmp_path)], reading(), post_filter=renamed)) == [1, 4, 7, 10]


def test_a_language_asked_of_a_table_without_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,x\n")
    with pytest.raises(UsageError, match="language"):
        read(PostFiles([str(tmp_path)], reading(), post_filter=PostFilter.typed(["en"], [], None, AS_IS)))


def test_the_name_tells_what_is_asked_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(posts_of(range(2)))

    def name(format_: str = "auto", tags: tuple[str, ...] = (), of: str = "x") -> str:
        post_filter = PostFilter.typed([], tags, None, AS_IS)
        return PostFiles([str(tmp_path / "a.jsonl")], reading(of), format=format_, post_filter=post_filter).name

    assert name() == name("x-v2")
    assert len({name(), name(tags=("a",)), name(of="y")}) == 3


def test_a_line_that_is_too_long_is_skipped_and_said(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(posts_of(range(1)) + b'{"id":"' + b"7" * (MOST_BYTES + 100) + b'"}\n' + posts_of(range(1, 2)))
    posts, rejects, _ = read(PostFiles([str(file)], reading(), format="x-v2"))
    assert [int(post.id) - FIRST for post in posts] == [0, 1]
    assert "longer than" in rejects[0].reason
    assert len(rejects[0].raw) < 100_000


def test_lines_given_back_come_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1\n22\n333\n")
    content = Content.of(tmp_path / "a")
    lines = Lines(content)
    first = [lines.next(), lines.next()]
    lines.back(first[1:])
    assert (lines.at, lines.number) == (2, 1)
    assert [lines.next(), lines.next(), lines.next()] == [b"22\n", b"333\n", b""]
    assert (lines.at, lines.number) == (9, 3)
    content.close()


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (b"tweet id, tweet, label\n", "csv"),
        (b"\xef\xbb\xbfid;text\n", "csv"),
        (b'\r\n{"data":{"id":"1","text":"x"}}\n', "x-v2"),
        (b'{"id":"1","text":"x"}\n', "x-v2"),
        (b'{broken\n{"delete":{"status":{}}}\n', "x-v1"),
        (b'{"created_at":"x","id":1,"id_str":"1","text":"x"}\n', "x-v1"),
        (b'{"statuses":[]}\n', "x-v1"),
    ],
)
def test_a_format_is_told_by_the_first_lines(tmp_path: Path, content: bytes, format_: str) -> None:
    (tmp_path / "any").write_bytes(content)
    found = detected(tmp_path / "any")
    assert found is not None
    assert found.format == format_
    assert found.why


@pytest.mark.parametrize(
    "content", [b"just words\n", b"[{}]\n", b'{"a":1}\n', b"\xff\xfei\x00d\x00", b"\x1f\x8bbroken", b"{\n"]
)
def test_what_can_not_be_told_is_refused_with_what_to_type(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "any").write_bytes(content)
    with pytest.raises(UsageError, match="--format"):
        detected(tmp_path / "any")


def test_a_cursor_of_the_version_before_goes_on(tmp_path: Path) -> None:
    """It has no `within`: what it was made of were lines."""
    (tmp_path / "a.jsonl").write_bytes(posts_of(range(5)))
    source = PostFiles([str(tmp_path / "a.jsonl")], reading())
    cursor = dict(next(source.batches({}, 2)).cursor)
    del cursor["within"]
    assert [int(post.id) - FIRST for batch in source.batches(cursor, 9) for post in batch.items] == [2, 3, 4]
    assert source.name.rpartition(":")[0] == "file:a.jsonl"


def test_an_event_stream_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    told = {"uri": "https://a.example/1", "created_at": "2026-07-04T14:38:06Z", "content": "<p>a</p>", "tags": []}
    event = f"event: update\ndata: {json.dumps(told)}\n\n"
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "stream").write_bytes(event.encode(encoding) * 2)
        posts, rejects, _ = read(PostFiles([str(tmp_path / "stream")], reading("")))
        assert ([post.source for post in posts], rejects) == (["mastodon", "mastodon"], [])
