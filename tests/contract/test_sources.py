"""What every source promises: order, resuming from every cursor, and bad records that hide nothing.

One that is registered and has no example here fails `test_everything_registered_is_held_to_it`.
"""

import bz2
import gzip
import json
import lzma
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from ingest.post import Post
from ingest.sources.base import Source
from ingest.sources.files.post_files import PostFiles
from ingest.sources.registry import LIVE, formats, reader_of
from ingest.sources.sample.source import SampleSource
from serving.cli.ingest.live_sources import live_source
from tests.support.live_servers import TOKEN, HttpService, JetstreamHost, http, jetstream
from tests.support.source_contract import PROMISES, contents
from tests.support.sources import NOW, reading

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Lines = list[bytes]
PACKS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": gzip.compress,
    "zst": zstd.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
IDS = [str((n << 22) + 690_406_591_110_582_272) for n in range(40)]


def csv_lines() -> Lines:
    rows = [f"'{id_}',\"text {n} #t{n}\nsecond line\",x\n".encode() for n, id_ in enumerate(IDS)]
    return [b"tweet id, tweet, label\n", *rows]


def event(n: int, id_: str) -> bytes:
    record = {"text": f"#t{n}", "createdAt": "2026-07-04T14:38:06Z"}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": id_, "rev": id_, "record": record}
    told = {"did": "did:plc:a", "time_us": 1_783_175_888_090_631 + n, "kind": "commit", "commit": commit}
    return json.dumps(told).encode() + b"\n"


def status(n: int, id_: str) -> bytes:
    told = {"uri": id_, "created_at": "2026-07-04T14:38:06Z", "content": f"<p>{n}</p>", "tags": [{"name": f"t{n}"}]}
    return json.dumps(told).encode() + b"\n"


def v1_lines() -> Lines:
    return [json.dumps({"id_str": id_, "text": f"#t{n}"}).encode() + b"\r\n" for n, id_ in enumerate(IDS)]


def v2_lines() -> Lines:
    posts = [{"id": id_, "text": f"#t{n}"} for n, id_ in enumerate(IDS)]
    pages = [{"data": posts[n : n + 5]} for n in range(0, 20, 5)]
    lines = [{"data": post, "matching_rules": []} for post in posts[20:]]
    return [json.dumps(record).encode() + b"\n" for record in [*pages, *lines]]


def jetstream_lines() -> Lines:
    return [event(n, id_) for n, id_ in enumerate(IDS)]


def mastodon_lines() -> Lines:
    lines = [status(n, id_) for n, id_ in enumerate(IDS)]
    return lines[:20] + [b":thump\nevent: update\ndata: " + line + b"\n" for line in lines[20:]]


def json_lines() -> Lines:
    return [json.dumps({"id": id_, "content": f"#t{n}", "date": None}).encode() + b"\n" for n, id_ in enumerate(IDS)]


def tsv_lines() -> Lines:
    rows = [f'{id_}\t"not closed {n}\t2016-01-22T05:00:07\n'.encode() for n, id_ in enumerate(IDS)]
    return [b"id\ttext\tcreated_at\n", *rows]


def backslash_lines() -> Lines:
    rows = [f'{id_},"said \\"go, {n}\\"\n#t",x\n'.encode() for n, id_ in enumerate(IDS)]
    return [b"sep=,\n", b"id,text,label\n", *rows]


def array(lines: Callable[[], Lines]) -> Lines:
    """JSON lines as an array: an element each, or each over many lines."""
    records = [json.loads(line) for line in lines()]
    shown = [json.dumps(record, indent=1 if n % 2 else None) for n, record in enumerate(records)]
    return [b"window.YTD.tweets.part0 = [\n", *(text.replace("\n", "\n ").encode() + b",\n" for text in shown)]


def listed(lines: Callable[[], Lines]) -> Lines:
    """JSON lines as the statuses of one answer, all of it on the line that the bad records leave it."""
    return [b'{"search_metadata": {"count": 9}, "statuses": [\n', *array(lines)[1:]]


def messages() -> Lines:
    told = [{"stream": ["public"], "event": "update", "payload": line.decode()} for line in mastodon_statuses()]
    return [json.dumps(message).encode() + b"\n" for message in told]


def mastodon_statuses() -> Lines:
    return [status(n, id_) for n, id_ in enumerate(IDS)]


def stream_lines() -> Lines:
    return [json.dumps({"data": {"id": id_, "text": f"#t{n}"}}).encode() + b"\r\n" for n, id_ in enumerate(IDS)]


MADE: dict[str, Callable[[], Lines]] = {
    "csv": csv_lines,
    "x-v1": v1_lines,
    "x-v2": v2_lines,
    "jetstream": jetstream_lines,
    "mastodon": mastodon_lines,
    "json": json_lines,
}
LAYOUTS: dict[str, tuple[str, Callable[[], Lines]]] = {
    **{name: (name, make) for name, make in MADE.items()},
    "csv-tabs": ("csv", tsv_lines),
    "csv-backslash": ("csv", backslash_lines),
    "x-v1-array": ("x-v1", lambda: array(v1_lines)),
    "x-v1-listed": ("x-v1", lambda: listed(v1_lines)),
    "x-v2-array": ("x-v2", lambda: array(v2_lines)),
    "jetstream-array": ("jetstream", lambda: array(jetstream_lines)),
    "mastodon-array": ("mastodon", lambda: array(mastodon_statuses)),
    "mastodon-socket": ("mastodon", messages),
    "json-array": ("json", lambda: array(json_lines)),
}
"""Files as they are made: the format, and the lines, of which the first ones belong to no record."""
HEADS = {"csv": 1, "csv-tabs": 1, "csv-backslash": 2}
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "bom": lambda content: b"\xef\xbb\xbf" + content,
    "utf-16": lambda content: content.decode(errors="replace").encode("utf-16"),
    "cr": lambda content: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
}
PACKS |= ENCODINGS


def heading_of(layout: str) -> int:
    """How many lines at the beginning of a file belong to no record."""
    return HEADS.get(layout, int(layout.endswith(("-array", "-listed"))))


def head_of(layout: str) -> int:
    """How many lines at the beginning of a file have nothing bad before them."""
    return HEADS.get(layout, 1)


BAD = [b"\xff\xfe\x00\n", b'{"cut": "of\n', b"'7',\"open\n", b"[" * 50_000 + b"\n", b"\x00\n", b'"\n']


def with_bad(lines: Lines, head: int = 1) -> Lines:
    """Bad lines everywhere: before, between and behind, not before a header."""
    mixed = lines[:head]
    for n, line in enumerate(lines[head:]):
        mixed += [BAD[n % len(BAD)], line]
    return [*mixed, b'{"cut']


def files(kind: str, folder: Path) -> Source[Post]:
    layout, _, packed = kind.partition("+")
    format_, make = LAYOUTS[layout]
    lines = with_bad(make(), head_of(layout))
    half = len(lines) // 2
    parts = [lines[:half], lines[: heading_of(layout)] + lines[half:]]
    pack = PACKS[packed]
    for name, part in zip(("a", "b"), parts, strict=True):
        (folder / f"{name}.csv").write_bytes(pack(b"".join(part)))
    return PostFiles([str(folder)], reading(), format=format_)


def sample(_kind: str, _folder: Path) -> Source[Post]:
    return SampleSource(reading("sample"), end=NOW, posts=1_300, hours=30)


LIVE_EXAMPLES: dict[str, Callable[[str], tuple[dict[str, Any], dict[str, Any]]]] = {
    "jetstream": lambda url: ({"hosts": [url]}, {"since": None, "zstd_dictionary": None}),
    "x": lambda url: ({"url": url, "token": TOKEN}, {"sample": True, "rule": (), "backfill": 5}),
    "mastodon": lambda url: ({"token": TOKEN}, {"server": url, "local": False}),
}
"""Settings and options of each live service in the registry, by the address of its server."""


def live(kind: str, folder: Path) -> Source[Post]:
    """A service that gives everything again on each connection; the source ends with the last post."""
    name = kind.removesuffix("-live")
    section, options = LIVE_EXAMPLES[name](folder.read_text())
    values = {"langs": (), "tags": (), "limit": len(IDS), **options}
    return live_source(name, Settings.of({name: section}), lambda: NOW, values)(threading.Event())


def between_bad(records: Lines) -> Lines:
    """A record that can't be read before each, none like another: what is the same is taken for repeated."""
    return [line for n, record in enumerate(records) for line in (b'{"cut %d\n' % n, record)]


@contextmanager
def served(kind: str, folder: Path) -> Iterator[Path]:
    """What a source is made from: a folder, or a file with the address of a server."""
    address = folder / "address"
    if kind == "jetstream-live":
        with jetstream(JetstreamHost(between_bad(jetstream_lines()))) as urls:
            address.write_text(urls[0])
            yield address
    elif kind in ("x-live", "mastodon-live"):
        bad = between_bad(stream_lines() if kind == "x-live" else [status(n, id_) for n, id_ in enumerate(IDS)])
        records = bad if kind == "x-live" else [b"event: update\ndata: " + line + b"\n" for line in bad]
        with http(HttpService(records)) as url:
            address.write_text(url)
            yield address
    else:
        yield folder


SUBJECTS: dict[str, Callable[[str, Path], Source[Post]]] = {
    **{
        f"{name}{packed}": files
        for name in formats()
        for packed in ("", "+gz", "+zst", "+bz2", "+xz", "+bom", "+utf-16")
    },
    **{f"{name}{packed}": files for name in LAYOUTS if name not in formats() for packed in ("", "+gz", "+cr")},
    "sample": sample,
    **{f"{name}-live": live for name in LIVE},
}


@pytest.fixture(params=SUBJECTS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source[Post]]:
    with served(request.param, tmp_path) as place:
        yield SUBJECTS[request.param](request.param, place)


def test_everything_registered_is_held_to_it() -> None:
    assert set(LIVE) == set(LIVE_EXAMPLES)
    assert set(formats()) == set(MADE)


@pytest.mark.parametrize("promise", PROMISES)
def test_a_source_keeps_its_promises(promise: Callable[[Source[Post]], None], source: Source[Post]) -> None:
    promise(source)


def test_the_name_is_made_of_what_was_asked(tmp_path: Path) -> None:
    for kind, make in SUBJECTS.items():
        folder = tmp_path / kind
        folder.mkdir()
        with served(kind, folder) as place:
            assert make(kind, place).name == make(kind, place).name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bad_records_become_rejects_and_their_neighbours_are_untouched(layout: str, tmp_path: Path) -> None:
    format_, make = LAYOUTS[layout]
    lines = make()
    head = head_of(layout)
    (tmp_path / "clean.csv").write_bytes(b"".join(lines))
    (tmp_path / "bad.csv").write_bytes(b"".join(with_bad(lines, head)))
    clean, bad = (
        contents(list(PostFiles([str(tmp_path / name)], reading(), format=format_).batches({}, 100)))
        for name in ("clean.csv", "bad.csv")
    )
    assert [post.id.rpartition("/")[2] for post in clean[0]] == IDS
    assert bad[0] == clean[0]
    assert len(bad[1]) == len(lines) - head + 1
    for reject in bad[1]:
        assert reject.stage == "ingest"
        assert reject.reason
        assert reject.where.startswith(str(tmp_path / "bad.csv") + ":")
        assert reader_of(reject.reader, reading).spec == reject.reader
