"""Post lookup: finds posts by their places, in chunks and in compacted hours, and says what it lacks, and why."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO

import pytest

from batch_layer.archive import avro
from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.post_lookup import ArchivedPlace, Limits, Lookup, PostLookup
from batch_layer.storage.chunk_files.layout import Span
from batch_layer.storage.file_store import Entry
from config.errors import UnavailableError
from ingest.hours import Hour
from tests.support.hdfs_double import HdfsDouble

HOUR = Hour.parse("2017-01-06T07")
ROOT, ARCHIVE = "/trends", "a" * 32
PATHS = Paths(ROOT, "posts")
LIMITS = Limits(60, 1 << 30)


class Files(HdfsDouble):
    """An archive, and which of its files somebody has opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.put(PATHS.archive_identity, b'{"id":"' + ARCHIVE.encode() + b'","created_at":0}')

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        self.opened.append(path)
        with super().open(path) as file:
            yield BufferedReader(OneWay(file))


class OneWay(RawIOBase):
    """A file that nobody can seek in, as one of HDFS is."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), 7_000))
        buffer[: len(data)] = data
        return len(data)


def records(partition: int, offsets: Iterable[int]) -> list[dict[str, Any]]:
    fields = {"source": "x", "received_at": HOUR.start_ms, "lang": None, "tags": None, "payload": None}
    return [
        fields
        | {
            "id": f"{partition}-{offset}",
            "created_at": HOUR.start_ms + offset,
            "text": f"text {offset} " * 20,
            "partition": partition,
            "offset": offset,
        }
        for offset in offsets
    ]


def chunk(files: Files, partition: int, start: int, end: int) -> str:
    path = PATHS.absolute(PATHS.part(HOUR, Span(partition, start, end), 1, 1))
    files.put(path, avro.encode(records(partition, range(start, end)), "deflate"))
    return path


def compacted(files: Files, serial: int, *partitions: tuple[int, int]) -> str:
    path = PATHS.absolute(PATHS.compacted(HOUR, serial))
    files.put(path, avro.encode([each for p, end in partitions for each in records(p, range(end))], "deflate"))
    return path


def find(files: Files, *places: tuple[int, int], limits: Limits = LIMITS, **other: Any) -> Lookup:
    lookup = PostLookup(files, ["/elsewhere", ROOT], limits, **other)
    return lookup.find([ArchivedPlace(ARCHIVE, HOUR, *place) for place in places])


def ids(found: Lookup) -> list[str]:
    return sorted(record["id"] for record in found.records.values())


def test_it_opens_the_files_alone_whose_names_cover_the_offsets() -> None:
    files = Files()
    first, second = chunk(files, 0, 0, 1_000), chunk(files, 0, 1_000, 2_000)
    chunk(files, 1, 0, 1_000)
    found = find(files, (0, 0), (0, 437), (0, 999))
    assert ids(found) == ["0-0", "0-437", "0-999"]
    assert found.absent == {}
    assert files.opened == [first]
    assert ids(find(files, (0, 1_500))) == ["0-1500"]
    assert files.opened == [first, second]
    assert sorted(record["created_at"] - HOUR.start_ms for record in found.records.values()) == [0, 437, 999]


def test_every_offset_of_a_compacted_hour_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    compacted(files, 3, (0, 1_500), (1, 900), (4, 1_300))
    every = [(0, at) for at in range(1_500)] + [(1, at) for at in range(900)] + [(4, at) for at in range(1_300)]
    assert len(find(files, *every).records) == len(every)
    for place in every[:: len(every) // 40]:
        assert ids(find(files, place)) == [f"{place[0]}-{place[1]}"]


def test_a_replaced_file_that_is_gone_or_damaged_hides_no_post_of_the_compacted_one() -> None:
    files = Files()
    path = chunk(files, 0, 0, 1_000)
    compacted(files, 7, (0, 1_000), (1, 10))
    files.put(path, files.files[path][:600])
    assert ids(find(files, (0, 3), (0, 999), (1, 9))) == ["0-3", "0-999", "1-9"]


def test_a_damaged_file_gives_the_other_posts_and_says_what_is_missing() -> None:
    files = Files()
    whole, cut = chunk(files, 0, 0, 100), chunk(files, 1, 0, 2_000)
    files.put(cut, files.files[cut][:-3_000])
    found = find(files, (0, 5), (1, 0), (1, 1_999), (2, 7))
    assert ids(found) == ["0-5", "1-0"]
    assert {(at.partition, at.offset): why.split(":")[0] for at, why in found.absent.items()} == {
        (1, 1_999): cut,
        (2, 7): f"no file in {whole.rpartition('/')[0]} has it",
    }


def test_an_unknown_archive_is_named() -> None:
    found = PostLookup(Files(), [ROOT], LIMITS).find([ArchivedPlace("b" * 32, HOUR, 0, 0)])
    assert list(found.absent.values()) == [f"no folder has the archive {'b' * 32}: name it in hdfs.earlier"]


def test_it_reads_no_more_bytes_than_it_may() -> None:
    files = Files()
    small, large = chunk(files, 0, 0, 10), chunk(files, 1, 0, 3_000)
    found = find(files, (0, 1), (1, 1), limits=LIMITS._replace(bytes=len(files.files[small]) + 10))
    assert ids(found) == ["0-1"]
    assert "reads at most" in next(iter(found.absent.values()))
    assert large not in files.opened


def test_it_stops_in_time() -> None:
    files = Files()
    chunk(files, 0, 0, 10)
    chunk(files, 1, 0, 10)
    found = find(files, (0, 1), (1, 1), clock=lambda: 61.0 if files.opened else 0.0)
    assert found.records == {}
    assert all("ends after 60 s" in why for why in found.absent.values())


def test_without_hdfs_every_post_is_absent_and_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    files, asked = Files(), []

    def down(folder: str, after: str = "") -> list[Entry]:
        asked.append(folder)
        raise UnavailableError("HDFS request failed", where=folder)

    monkeypatch.setattr(files, "entries", down)
    places = [ArchivedPlace(ARCHIVE, HOUR.plus(step), 0, 0) for step in range(5)]
    found = PostLookup(files, [ROOT], LIMITS).find(places)
    assert found.absent.keys() == set(places)
    assert len(asked) == 1
