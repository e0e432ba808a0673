"""Files that are packed, empty, of another kind, full of refusals, or pipes: what is read of them, and what is said."""

import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.errors import TrendsError, UsageError
from ingest.post import Post
from ingest.sources.files.post_files import PostFiles
from ingest.sources.files.source import MOST_REFUSED
from tests.support.sources import read, reading

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FIRST = 690_406_591_110_582_272
PACKS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, "gz": gzip.compress, "zst": zstd.compress, "bz2": bz2.compress, "xz": lzma.compress,
}  # fmt: skip


def posts_of(ids: range) -> bytes:
    return b"".join(b'{"id":"%d","text":"#t%d"}\n' % (FIRST + n, n) for n in ids)


def found(source: PostFiles) -> list[int]:
    return [int(post.id) - FIRST for post in read(source)[0]]


@pytest.mark.parametrize("pack", PACKS)
def test_packed_files_in_a_folder_are_read_part_by_part(pack: str, tmp_path: Path) -> None:
    (tmp_path / f"a.jsonl.{pack}".rstrip(".")).write_bytes(
        PACKS[pack](posts_of(range(3))) + PACKS[pack](posts_of(range(3, 5)))
    )
    assert found(PostFiles([str(tmp_path)], reading())) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("pack", [name for name in PACKS if name])
def test_a_packed_file_that_is_cut_off_says_so_once(pack: str, tmp_path: Path) -> None:
    content = PACKS[pack](
        b"".join(posts_of(range(n, n + 1)) + os.urandom(400).hex().encode() + b"\n" for n in range(2_000))
    )
    (tmp_path / "a").write_bytes(content[: len(content) * 3 // 4])
    source = PostFiles([str(tmp_path / "a")], reading(), format="x-v2")
    posts, rejects, batches = read(source)
    assert posts
    assert [reject.reason.partition(":")[0] for reject in rejects if not reject.raw] == [
        "the file is broken from here on"
    ]
    assert list(source.batches(batches[-1].cursor, 100)) == []


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("blank", [b"", b"\n", b" \r\n\n\t\n", b"\xef\xbb\xbf", b"[]"])
@pytest.mark.parametrize("format_", ["auto", "x-v2"])
def test_a_file_in_which_there_is_nothing_is_nothing(pack: str, blank: bytes, format_: str, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(PACKS[pack](blank))
    assert list(PostFiles([str(tmp_path / "b.json")], reading(), format=format_).batches({}, 10)) == []
    for name, n in (("a.json", 1), ("c.json", 2)):
        (tmp_path / name).write_bytes(posts_of(range(n, n + 1)))
    source = PostFiles([str(tmp_path)], reading(), format=format_)
    *_, last = source.batches({}, 1)
    assert found(source) == [1, 2]
    assert list(source.batches(last.cursor, 1)) == []


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("posts.jsonl", posts_of(range(1)))
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("posts.jsonl")
        member.size = len(posts_of(range(1)))
        archive.addfile(member, io.BytesIO(posts_of(range(1))))
    return file.getvalue()


KINDS: list[tuple[Callable[[], bytes], str]] = [
    (zipped, "ZIP archive"),
    (tarred, "tar archive"),
    (lambda: bz2.compress(tarred()), "tar archive"),
    (lambda: b"%PDF-1.7\nid,text\n", "PDF document"),
    (lambda: b"SQLite format 3\x00" + b"\0" * 100, "SQLite database"),
    (lambda: b"Obj\x01avro", "Avro file"),
    (lambda: b"<!DOCTYPE html>\n<p>id,text", "web page"),
    (lambda: b"\x89PNG\r\n\x1a\n", "picture"),
    (lambda: b"7z\xbc\xaf\x27\x1c\x00", "7z archive"),
]


@pytest.mark.parametrize(("made", "name"), KINDS)
@pytest.mark.parametrize("format_", ["auto", "csv"])
def test_what_holds_no_posts_is_named_and_what_was_read_before_it_is_given(
    made: Callable[[], bytes], name: str, format_: str, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_bytes(b"id,text\n%d,a\n" % FIRST if format_ == "csv" else posts_of(range(1)))
    (tmp_path / "b.json").write_bytes(made())
    source = PostFiles([str(tmp_path)], reading(), format=format_)
    posts: list[Post] = []
    with pytest.raises(UsageError, match=name) as refused:
        for batch in source.batches({}, 10):
            posts += batch.items
            cursor = batch.cursor
    assert len(posts) == 1
    assert "b.json" in refused.value.where
    assert refused.value.next_step
    (tmp_path / "b.json").write_bytes(b"id,text\n%d,b\n" % (FIRST + 1) if format_ == "csv" else posts_of(range(1, 2)))
    assert [int(post.id) - FIRST for batch in source.batches(cursor, 10) for post in batch.items] == [1]


def test_a_file_that_vanishes_meanwhile_is_said_and_what_was_read_before_is_given(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(posts_of(range(1)))
    source = PostFiles([str(tmp_path)], reading())
    (tmp_path / "b.json").unlink()
    batches = source.batches({}, 10)
    assert len(next(batches).items) == 1
    with pytest.raises(UsageError, match="No such file"):
        next(batches)


def refusals(count: int) -> bytes:
    return b'{"id":"x"}\n' * count


def test_a_file_that_begins_with_a_hundred_refusals_is_not_read_on_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(posts_of(range(2)))
    (tmp_path / "b.json").write_bytes(refusals(MOST_REFUSED) + posts_of(range(2, 4)))
    asked = PostFiles([str(tmp_path)], reading(), format="x-v2")
    batches = asked.batches({}, 10)
    before = next(batches)
    assert (len(before.items), before.rejects) == (2, [])
    with pytest.raises(
        TrendsError, match=r"begins with 100 records that can't be read.*the id holds none.*--force"
    ) as refused:
        next(batches)
    assert (refused.value.exit_code, refused.value.where) == (1, f"{tmp_path / 'b.json'}:1")
    forced = PostFiles([str(tmp_path)], reading(), format="x-v2", force=True)
    rest = list(forced.batches(before.cursor, 10))
    assert sum(len(batch.items) for batch in rest) == 2
    assert sum(len(batch.rejects) for batch in rest) == MOST_REFUSED


def test_fewer_refusals_or_refusals_behind_a_post_are_rejects(tmp_path: Path) -> None:
    for content in (refusals(MOST_REFUSED - 1) + posts_of(range(1)), posts_of(range(1)) + refusals(MOST_REFUSED * 2)):
        (tmp_path / "a.json").write_bytes(content)
        source = PostFiles([str(tmp_path / "a.json")], reading(), format="x-v2")
        posts, rejects, batches = read(source, 7)
        assert (len(posts), len(rejects)) == (1, content.count(b'"x"'))
        for batch in batches:
            rest = list(source.batches(batch.cursor, 7))
            at = batches.index(batch) + 1
            assert sum(len(each.rejects) for each in rest) == sum(len(each.rejects) for each in batches[at:])


@contextmanager
def piped(content: bytes) -> Iterator[str]:
    """A pipe with a writer, as a shell makes one for `<(…)`."""
    reading_end, writing_end = os.pipe()

    def write() -> None:
        with os.fdopen(writing_end, "wb") as end:
            end.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield f"/dev/fd/{reading_end}"
    finally:
        os.close(reading_end)
        writer.join()


@pytest.mark.parametrize("pack", PACKS)
def test_a_pipe_is_read_once_packed_or_not(pack: str) -> None:
    with piped(PACKS[pack](posts_of(range(20_000)))) as pipe:
        source = PostFiles([pipe], reading())
        assert found(source) == list(range(20_000))
        with pytest.raises(UsageError, match="a pipe can be read only once"):
            list(source.batches({}, 10))


def test_the_same_content_piped_again_goes_on_and_another_is_another_source() -> None:
    content = posts_of(range(1_000))
    with piped(content) as pipe:
        source = PostFiles([pipe], reading())
        name, batches = source.name, list(source.batches({}, 300))
    with piped(content + posts_of(range(1_000, 1_010))) as pipe:
        again = PostFiles([pipe], reading())
        assert again.name == name
        rest = [int(post.id) - FIRST for batch in again.batches(batches[1].cursor, 300) for post in batch.items]
    assert rest == list(range(600, 1_010))
    with piped(posts_of(range(1, 1_000))) as pipe:
        other = PostFiles([pipe], reading())
        other.files[0].open().close()
        assert other.name != name


def test_pipes_and_files_are_read_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(posts_of(range(3, 5)))
    with piped(posts_of(range(3))) as one, piped(posts_of(range(5, 7))) as other:
        assert found(PostFiles([one, str(tmp_path / "a.json"), other], reading())) == list(range(7))


def test_an_empty_pipe_is_nothing_and_one_that_is_not_open_is_refused() -> None:
    with piped(b"") as pipe:
        assert list(PostFiles([pipe], reading()).batches({}, 10)) == []
    with pytest.raises(UsageError, match="/dev/fd/987: can't be read"):
        PostFiles(["/dev/fd/987"], reading())


def test_parquet_from_a_pipe_is_refused_in_words() -> None:
    with piped(b"PAR1" + b"\0" * 1_000) as pipe, pytest.raises(UsageError, match="neither from a pipe nor packed"):
        list(PostFiles([pipe], reading()).batches({}, 10))
