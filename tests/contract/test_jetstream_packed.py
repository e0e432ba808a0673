"""Jetstream's events packed by zstd: over a real socket, with a dictionary that is trained on recorded events."""

import sys
import threading
from pathlib import Path

import pytest

from config.errors import UsageError
from config.settings import Settings
from ingest.post import Post
from ingest.sources.base import Batch
from ingest.sources.bluesky.decompression import DecompressionError, RecordDecompressor
from ingest.sources.bluesky.stream import Jetstream
from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.live.backoff import RefusedError
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.selection import PostFilter
from serving.cli.ingest import live_sources
from tests.support.live_servers import Act, JetstreamHost, jetstream
from tests.support.sources import NOW, reading

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RECORDED_POSTS = 17


class Packed:
    """Recorded events, and a dictionary trained on half of them, in a file."""

    def __init__(self, events: list[bytes], folder: Path) -> None:
        self.events = events
        self.dictionary = zstd.train_dict(events[::2], 8_192)
        self.other = zstd.train_dict(events[1::2], 8_192)
        self.file = folder / "dictionary"
        self.file.write_bytes(self.dictionary.dict_content)

    def pack(self, event: bytes) -> bytes:
        return zstd.compress(event, zstd_dict=self.dictionary)

    def host(self, *acts: Act) -> JetstreamHost:
        host = JetstreamHost(self.events, *acts)
        host.pack = self.pack
        return host


@pytest.fixture
def packed(service_data: Path, tmp_path: Path) -> Packed:
    return Packed((service_data / "jetstream" / "expected_v1.jsonl").read_bytes().splitlines(), tmp_path)


def run(hosts: list[str], file: Path | None) -> list[Batch[Post]]:
    decompressor = RecordDecompressor(file) if file else None
    service = Jetstream(hosts, PostFilter(), reading("bluesky"), decompressor=decompressor)
    stop, found = threading.Event(), list[Batch[Post]]()
    for batch in LiveSource(service, RunOptions(PostFilter(), stop=stop, batch_ms=50)).batches({}, 10):
        found.append(batch)
        if sum(len(each.items) for each in found) == RECORDED_POSTS:
            stop.set()
    return found


def ids(batches: list[Batch[Post]]) -> list[str]:
    return [post.id for batch in batches for post in batch.items]


def test_packed_events_are_the_events_and_a_cut_loses_none(packed: Packed) -> None:
    host = packed.host(Act(sends=40), Act(sends=90))
    with jetstream(host) as hosts:
        plain = run(hosts, None)
        found = run(hosts, packed.file)
    assert ids(found) == ids(plain)
    assert not [batch for batch in found if batch.rejects or batch.gaps]
    assert [asked.get("compress") for asked in host.asked] == [None, None, None, "true"]


@pytest.mark.parametrize("by", ["setting", "option"])
def test_the_dictionary_is_named_by_a_setting_or_an_option(by: str, packed: Packed, tmp_path: Path) -> None:
    host = packed.host()
    with jetstream(host) as hosts:
        setting = packed.file if by == "setting" else tmp_path / "not there"
        settings = Settings.of({"jetstream": {"hosts": hosts, "zstd_dictionary": setting}})
        asked = {"langs": (), "tags": (), "limit": RECORDED_POSTS, "since": None}
        asked["zstd_dictionary"] = packed.file if by == "option" else None
        source = live_sources.live_source("jetstream", settings, lambda: NOW, asked)(threading.Event())
        assert len(ids(list(source.batches({}, 10)))) == RECORDED_POSTS
    assert [each.get("compress") for each in host.asked] == ["true"]


def test_packed_events_are_less_than_half_as_many_bytes(packed: Packed) -> None:
    others = packed.events[1::2]  # those that the dictionary was not trained on
    assert sum(map(len, map(packed.pack, others))) < 0.5 * sum(map(len, others))


def test_a_host_that_does_not_pack_is_read_as_it_is(packed: Packed) -> None:
    with jetstream(JetstreamHost(packed.events)) as hosts:
        assert len(ids(run(hosts, packed.file))) == RECORDED_POSTS


@pytest.mark.parametrize("wrong", ["another", "the beginning alone"])
def test_a_dictionary_that_is_not_the_hosts_ends_it_and_is_named(wrong: str, packed: Packed, tmp_path: Path) -> None:
    file = tmp_path / "wrong"
    content = packed.other.dict_content if wrong == "another" else packed.dictionary.dict_content[:4_000]
    file.write_bytes(content)
    with jetstream(packed.host()) as hosts, pytest.raises(RefusedError) as refused:
        run(hosts, file)
    assert str(file) in str(refused.value)
    assert "--zstd-dictionary" in str(refused.value)
    assert refused.value.exit_code == 1


def test_a_record_that_can_not_be_unpacked_is_rejected_as_it_came_and_its_neighbours_are_read(packed: Packed) -> None:
    host = packed.host()
    bad = [packed.pack(packed.events[0])[:-9], zstd.compress(bytes(MOST_BYTES + 1)), b"\x28\xb5\x2f\xfd"]
    pieces = dict.fromkeys([packed.events[5], packed.events[9], packed.events[20]])
    sent = iter(bad)
    host.pack = lambda event: next(sent) if event in pieces else packed.pack(event)
    lost = sum(b'"create","collection":"app.bsky.feed.post"' in event for event in pieces)
    assert lost == 0
    with jetstream(host) as hosts:
        found = run(hosts, packed.file)
    rejects = [reject for batch in found for reject in batch.rejects]
    assert [reject.raw for reject in rejects] == bad
    assert all("zstd" in reject.reason for reject in rejects)
    assert len(ids(found)) == RECORDED_POSTS


def test_a_bomb_is_not_unpacked_beyond_its_bound(packed: Packed) -> None:
    bomb = zstd.compress(bytes(40 * MOST_BYTES), zstd_dict=packed.dictionary)
    assert len(bomb) < MOST_BYTES / 100
    with pytest.raises(DecompressionError, match="more than"):
        RecordDecompressor(packed.file).decompress(bomb)
    window: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    greedy = zstd.ZstdCompressor(options=window)
    asks_for_memory = greedy.compress(packed.events[0]) + greedy.flush()
    with pytest.raises(DecompressionError):
        RecordDecompressor(packed.file).decompress(asks_for_memory)


@pytest.mark.parametrize("content", [b"", b"<html>", None])
def test_a_file_that_is_no_dictionary_is_said_with_where_to_get_it(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "dictionary"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match="jetstream-legacy") as refused:
        RecordDecompressor(file)
    assert str(file) in str(refused.value)
    assert refused.value.exit_code == 2
