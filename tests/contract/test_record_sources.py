"""What every source promises, of the sources of feeds that end: files of each format, and posts of a file or a sample.

A type or a format that a feed's file may name, and that has no example here, fails `test_every_source_is_held_to_it`.
"""

import bz2
import gzip
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from config.settings import Settings
from ingest.feeds.declaration.model import Feed, FileRecords, NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.sources.feed_sources import SOURCES, make_source
from ingest.sources.base import Source
from tests.support.source_contract import PROMISES, contents
from tests.support.sources import NOW

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Lines = list[bytes]
COUNT = 40
PACKS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": zstd.compress,
    "bom": lambda content: b"\xef\xbb\xbf" + content,
    "utf-16": lambda content: content.decode(errors="replace").encode("utf-16"),
    "cr": lambda content: content.replace(b"\n", b"\r"),
}
BAD: dict[str, Lines] = {
    "csv": [b"too few\n", b'"open,2,3\n', b"\xff,2,3\n", b"1,2,3,4\n", b"\x00,2,3\n"],
    "json": [b'{"cut\n', b"7\n", b'{"n": NaN}\n', b"\xff\n", b'{"n": "\\ud800"}\n'],
    "words": [b"\xc3(\n"],
}


def csv_lines() -> Lines:
    return [b"n,price,text\n", *(f'{n},"2,{n:03}","é\nsecond ""line""\n"\n'.encode() for n in range(COUNT))]


def json_lines() -> Lines:
    return [json.dumps({"n": n, "inner": {"price": "2,499"}}).encode() + b"\n" for n in range(COUNT)]


def word_lines() -> Lines:
    return [f"one{n}, «two» {n} -- don't\tend.\n".encode() for n in range(COUNT)]


MADE: dict[str, Callable[[], Lines]] = {"csv": csv_lines, "json": json_lines, "words": word_lines}


def with_bad(format_: str) -> Lines:
    lines, bad = MADE[format_](), BAD[format_]
    head = int(format_ == "csv")
    mixed = lines[:head]
    for n, line in enumerate(lines[head:]):
        mixed += [bad[n % len(bad)], line]
    return mixed


def array() -> Lines:
    return [b"[\n", *(line.rstrip() + b",\n" for line in json_lines()), b"]\n"]


def files(kind: str, folder: Path) -> dict[str, Any]:
    format_, _, packed = kind.partition("+")
    lines = array() if packed == "array" else with_bad(format_)
    half = len(lines) // 2
    head = lines[:1] if format_ == "csv" or packed == "array" else []
    pack = PACKS.get(packed, bytes)
    for name, part in (("a", lines[:half]), ("b", head + lines[half:])):
        (folder / f"{name}.txt").write_bytes(pack(b"".join(part)))
    return {"type": "file", "path": str(folder), "format": format_}


def posts(kind: str, folder: Path) -> dict[str, Any]:
    if kind == "posts-sample":
        return {"type": "posts", "from": "sample", "tag": "music"}
    lines = [json.dumps({"id_str": str(690_406_591_110_582_272 + n), "text": f"#t{n % 2}"}) for n in range(COUNT)]
    (folder / "posts.json").write_text("\n".join(lines) + '\n{"cut')
    return {"type": "posts", "from": "file", "path": str(folder), "tag": "t1"}


SUBJECTS: dict[str, Callable[[str, Path], dict[str, Any]]] = {
    **{f"{format_}+{packed}": files for format_ in MADE for packed in PACKS},
    "json+array": files,
    "posts-file": posts,
    "posts-sample": posts,
}
ELSEWHERE = {"http"}
"""Types of sources whose own tests hold them to it: a poll has no end."""


def make(declared: dict[str, Any]) -> Source[Record]:
    tables = {"about": "", "topic": {"name": "test"}, "sinks": {"csv": {"type": "csv", "file": "a.csv"}}}
    feed = NamedFeed("mine", Feed.model_validate(tables | {"source": declared}))
    return make_source(Settings(), feed, threading.Event(), lambda: NOW)


def test_every_source_is_held_to_it() -> None:
    assert set(SOURCES) == {"file", "posts"} | ELSEWHERE
    assert set(get_args(FileRecords.model_fields["format"].annotation)) == set(MADE)


@pytest.mark.parametrize("kind", SUBJECTS)
@pytest.mark.parametrize("promise", PROMISES)
def test_a_source_keeps_its_promises(promise: Callable[[Source[Record]], None], kind: str, tmp_path: Path) -> None:
    promise(make(SUBJECTS[kind](kind, tmp_path)))


@pytest.mark.parametrize("format_", MADE)
def test_bad_records_become_rejects_and_their_neighbours_are_untouched(format_: str, tmp_path: Path) -> None:
    values = {}
    for name, lines in (("clean", MADE[format_]()), ("bad", with_bad(format_))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_bytes(b"".join(lines))
        declared = {"type": "file", "path": str(tmp_path / name / "a.txt"), "format": format_}
        items, rejects, _ = contents(list(make(declared).batches({}, 100)))
        values[name] = [{key: value for key, value in item.value.items() if key != "line"} for item in items]
        assert len(rejects) == (COUNT if name == "bad" else 0)
        assert all(reject.where.startswith(f"{tmp_path / name / 'a.txt'}:") for reject in rejects)
    assert values["bad"] == values["clean"]
    assert len(values["clean"]) >= COUNT
