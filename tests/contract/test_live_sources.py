"""What live sources promise when connections are cut, refused, silent, slow or repeat themselves: over real sockets."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.errors import UsageError
from ingest.post import Post
from ingest.sources.base import Batch, Cursor
from ingest.sources.bluesky.stream import REWIND_US, Jetstream
from ingest.sources.formats.contract import Reading
from ingest.sources.live import connection
from ingest.sources.live.backoff import Backoff, DroppedError, RefusedError
from ingest.sources.live.http import ApiClient, token_of
from ingest.sources.live.reconnect import FIRST_ATTEMPTS
from ingest.sources.live.service import Service
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.mastodon.stream import Mastodon
from ingest.sources.registry import reader_of
from ingest.sources.selection import PostFilter
from ingest.sources.status import CONNECTED, FAILED, RECONNECTING, Tally
from ingest.sources.x.stream import XStream
from tests.support.live_servers import TOKEN, Act, HttpService, JetstreamHost, http, jetstream
from tests.support.sources import NOW, reading

SEEN_US = 1_783_175_888_000_000
RECORDED_POSTS = 17
TAG = {"$type": "app.bsky.richtext.facet#tag", "tag": "a"}
FACET = {"index": {"byteStart": 0, "byteEnd": 2}, "features": [TAG]}


def event(n: int, text: str = "#a") -> bytes:
    record: dict[str, Any] = {"text": text, "createdAt": "2026-07-04T14:38:06Z", "langs": ["en"]}
    record |= {"facets": [FACET] if text == "#a" else []}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"r{n}", "rev": "r", "record": record}
    told = {"did": "did:plc:a", "time_us": SEEN_US + n * 1_000, "kind": "commit", "commit": commit}
    return json.dumps(told).encode()


def line(n: int, **changed: Any) -> bytes:
    post = {"id": str((n << 22) + 690_406_591_110_582_272), "text": "#a", "lang": "en"} | changed
    return json.dumps({"data": post, "matching_rules": []}).encode() + b"\r\n"


def update(n: int) -> bytes:
    told = {"uri": f"https://a.example/{n}", "created_at": "2026-07-04T14:38:06Z", "content": "x", "tags": []}
    return f"event: update\ndata: {json.dumps(told)}\n\n".encode()


class Waits:
    """Sleeps without sleeping."""

    def __init__(self) -> None:
        self.s: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.s.append(seconds)


def ticking(start: int = NOW) -> Callable[[], int]:
    """A wall clock that goes on by a second whenever it is looked at."""
    moment = iter(range(start, start + 10_000_000, 1_000))
    return lambda: next(moment)


def run(
    service: Service[Post], *, limit: int | None, cursor: Cursor | None = None, most: int = 10,
    waits: Waits | None = None, **asked: Any,
) -> list[Batch[Post]]:  # fmt: skip
    options = RunOptions(PostFilter(limit=limit, **asked), batch_ms=50, sleep=waits or Waits())
    return list(LiveSource(service, options).batches(cursor or {}, most))


def for_a_while(service: Service[Post], seconds: float) -> list[Batch[Post]]:
    stop = threading.Event()
    threading.Timer(seconds, stop.set).start()
    return list(LiveSource(service, RunOptions(PostFilter(), stop=stop, batch_ms=50)).batches({}, 10))


def ids(batches: list[Batch[Post]]) -> list[str]:
    return [post.id.rpartition("/")[2] for batch in batches for post in batch.items]


def api(url: str, token: str = TOKEN, now: Callable[[], int] = lambda: NOW) -> ApiClient:
    return ApiClient(url, SecretStr(token), now, "TRENDS_X__TOKEN")


def bluesky(hosts: list[str], **asked: Any) -> Jetstream:
    return Jetstream(hosts, PostFilter(), reading("bluesky"), **asked)


def x(url: str, now: Callable[[], int] = lambda: NOW, **asked: Any) -> XStream:
    asked.setdefault("sample", "rules" not in asked)
    return XStream(api(url, now=now), PostFilter(), Reading("x", now, 300_000, keep_payload=True), **asked)


def fediverse(url: str, now: Callable[[], int] = lambda: NOW, **asked: Any) -> Mastodon:
    post_filter = PostFilter(tags=frozenset(asked.pop("tags", ())))
    asked = {"local": False, "pages": 250} | asked
    return Mastodon(api(url, now=now), post_filter, Reading("mastodon", now, 300_000, keep_payload=True), **asked)


# Bluesky


def test_a_host_that_is_cut_off_again_and_again_loses_nothing_and_gives_nothing_twice(service_data: Path) -> None:
    events = (service_data / "jetstream" / "expected_v1.jsonl").read_bytes().splitlines()
    while b'"create","collection":"app.bsky.feed.post"' not in events[-1]:
        events.pop()  # so that the last post is the end
    host = JetstreamHost(events, *(Act(sends=sends) for sends in (1, 20, 20, 90, 91, 140)))
    waits = Waits()
    with jetstream(host) as hosts:
        batches = run(bluesky(hosts), limit=RECORDED_POSTS, waits=waits)
    posts = [post for batch in batches for post in batch.items]
    assert len({post.id for post in posts}) == len(posts) == RECORDED_POSTS
    assert sum(batch.notices for batch in batches) == len(events) - RECORDED_POSTS
    assert not [gap for batch in batches for gap in batch.gaps]
    assert waits.s == [0.25, 0.25, 0.25]  # after those that gave no new post; all others are made at once


def test_each_connection_begins_some_seconds_before_the_last_event() -> None:
    host = JetstreamHost([event(n) for n in range(9)], Act(sends=5))
    with jetstream(host) as hosts:
        run(bluesky(hosts), limit=9)
    assert [asked.get("cursor") for asked in host.asked] == [None, str(SEEN_US + 4_000 - REWIND_US)]
    assert {asked["wantedCollections"] for asked in host.asked} == {"app.bsky.feed.post"}


def test_a_host_that_fails_is_followed_by_the_next_whose_clock_is_another() -> None:
    events = [event(n) for n in range(30)]
    first = JetstreamHost(events, Act(sends=10), Act(status=503), Act(status=503))
    second = JetstreamHost(events, Act(status=429), later_us=700_000)
    waits = Waits()
    with jetstream(first, second) as hosts:
        batches = run(bluesky(hosts), limit=30, waits=waits)
    assert ids(batches) == [f"r{n}" for n in range(30)]
    assert waits.s == [5.0]  # only when none of them answers
    assert not [gap for batch in batches for gap in batch.gaps]


def test_a_host_that_refuses_ends_it_only_where_it_is_the_last() -> None:
    refusing = JetstreamHost([], *[Act(status=404)] * 3)
    waits = Waits()
    with jetstream(refusing, JetstreamHost([event(0)], Act(status=503))) as hosts:
        assert ids(run(bluesky(hosts), limit=1, waits=waits)) == ["r0"]
        with pytest.raises(RefusedError, match="404"):
            run(bluesky(hosts[:1]), limit=1, waits=waits)
    assert waits.s == [5.0]


def test_started_again_it_goes_on_behind_the_cursor_of_any_batch() -> None:
    events = [event(n) for n in range(30)]
    with jetstream(JetstreamHost(events)) as hosts:
        batches = run(bluesky(hosts), limit=30, most=3)
        for n, batch in enumerate(batches[:-1]):
            cursor = json.loads(json.dumps(batch.cursor))
            rest = run(bluesky(hosts), limit=30, cursor=cursor)
            assert ids(rest) == ids(batches[n + 1 :])


def test_what_a_host_keeps_no_more_is_told_as_a_gap() -> None:
    host = JetstreamHost([event(n) for n in range(0, 20_000, 1_000)], Act(sends=5), keeps_since_us=SEEN_US)
    with jetstream(host) as hosts:
        (*_, last) = run(bluesky(hosts), limit=5)
        later = JetstreamHost([event(n) for n in range(0, 20_000, 1_000)], keeps_since_us=SEEN_US + 9_000_000)
        with jetstream(later) as others:
            batches = run(bluesky(others), limit=16, cursor=last.cursor)
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert (gap.since, gap.until) == (SEEN_US // 1000 + 4_000, SEEN_US // 1000 + 9_000)
    assert ids(batches) == [f"r{n}" for n in range(9_000, 20_000, 1_000)]


def test_since_begins_in_the_past_and_tells_what_is_not_kept() -> None:
    host = JetstreamHost([event(n) for n in range(5)])
    with jetstream(host) as hosts:
        assert ids(run(bluesky(hosts, since=SEEN_US // 1000 + 2), limit=3)) == ["r2", "r3", "r4"]
        batches = run(bluesky(hosts, since=SEEN_US // 1000 - 3_600_000), limit=5)
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert gap.until - gap.since == 3_600_000


def test_a_time_that_no_event_can_have_moves_nothing() -> None:
    wrong = event(10**11)
    with jetstream(JetstreamHost([event(0), wrong, event(1)], Act(sends=2), Act())) as hosts:
        batches = run(bluesky(hosts), limit=3)
    assert batches[-1].cursor["until"] == SEEN_US + 1_000
    assert not [gap for batch in batches for gap in batch.gaps]


def test_a_host_that_says_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(Jetstream, "silence_s", 0.3)
    silent, other = JetstreamHost([]), JetstreamHost([event(0)])
    with jetstream(silent, other) as hosts:
        batches = run(bluesky(hosts), limit=1)
    assert ids(batches) == ["r0"]
    assert "no data for" in caplog.text  # the state is told with a batch, and may have passed by then


def test_a_reader_that_pauses_longer_than_the_silence_allowed_loses_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Jetstream, "silence_s", 1.0)
    host = JetstreamHost([event(n) for n in range(40)], Act(every_s=0.02))
    with jetstream(host) as hosts:
        source = LiveSource(bluesky(hosts), RunOptions(PostFilter(limit=40), batch_ms=50))
        found = []
        for batch in source.batches({}, 10):
            found.append(batch)
            if len(found) == 2:
                time.sleep(1.3)
    assert ids(found) == [f"r{n}" for n in range(40)]
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("asked", "expected"), [({"langs": frozenset({"fr"})}, []), ({"tags": frozenset({"a"})}, ["r0", "r1"])]
)
def test_posts_that_are_not_wanted_are_left_out_and_the_cursor_passes_them(
    asked: dict[str, Any], expected: list[str]
) -> None:
    stop = threading.Event()
    with jetstream(JetstreamHost([event(0), event(1), event(2, "none")])) as hosts:
        source = LiveSource(bluesky(hosts), RunOptions(PostFilter(**asked), stop, batch_ms=50))
        found: list[Batch[Post]] = []
        for batch in source.batches({}, 10):
            found.append(batch)
            if batch.cursor.get("until") == SEEN_US + 2_000:  # a slow start gives a batch without one first
                stop.set()
    assert ids(found) == expected
    assert sum(batch.filtered for batch in found) == 3 - len(expected)


def test_what_was_read_is_told_in_numbers_and_how_far_it_is_behind() -> None:
    now = SEEN_US // 1000 + 90_000
    gone = {"operation": "delete", "collection": "app.bsky.feed.post", "rkey": "r9", "rev": "r"}
    delete = json.dumps({"did": "did:plc:a", "time_us": SEEN_US, "kind": "commit", "commit": gone})
    records = [event(0), delete.encode(), event(1), event(2, "none"), b"{broken", event(3)]
    host = JetstreamHost(records, Act(sends=3))
    with jetstream(host) as hosts:
        post_filter = PostFilter(tags=frozenset({"a"}), limit=3)
        service = Jetstream(hosts, post_filter, Reading("bluesky", lambda: now, 300_000, keep_payload=True))
        source = LiveSource(service, RunOptions(post_filter, batch_ms=50))
        assert ids(list(source.batches({}, 10))) == ["r0", "r1", "r3"]
    told = source.final_state(FAILED, "answers 401")
    sizes = [len(record) for record in (*records[:3], *records)]
    assert told.tally == Tally(
        posts=3, rejects=1, notices=1, filtered=1, repeated=2, read_bytes=sum(sizes), connections=2
    )
    assert (told.newest, told.last_post_at) == (SEEN_US // 1000 + 3, now)


# X


def test_a_stream_that_is_cut_in_the_middle_of_a_line_tells_the_gap(service_data: Path) -> None:
    lines = (service_data / "x_v2" / "streaming_output_with_error.jsonl").read_bytes().splitlines(keepends=True)
    service = HttpService([line for line in lines[:7] if line.strip()], Act(sends=4, cut=lines[7][:40]))
    now = ticking()
    with http(service) as url:
        batches = run(x(url, now), limit=7)
    assert len(set(ids(batches))) == len(ids(batches)) == 7
    assert not [reject for batch in batches for reject in batch.rejects]
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert NOW < gap.since < gap.until


def test_with_backfill_it_asks_for_the_minutes_that_it_missed_and_there_is_no_gap() -> None:
    moment = NOW
    service = HttpService([line(n) for n in range(10)], Act(sends=6))
    with http(service) as url:
        stream = x(url, lambda: moment, backfill=3)
        (*_, last) = run(stream, limit=6)
        moment += 100_000
        batches = run(stream, limit=10, cursor=last.cursor)
        assert ids(batches) == [json.loads(line(n))["data"]["id"] for n in range(6, 10)]
        assert not [gap for batch in batches for gap in batch.gaps]
        moment += 500_000
        batches = run(stream, limit=10, cursor=last.cursor | {"posts": 0, "seen": ""})
    assert [asked.get("backfill_minutes") for asked in service.asked] == [None, "2", "3"]
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert (gap.since, gap.until) == (NOW, NOW + 600_000 - 180_000)


def test_an_edit_is_the_post_that_was_given_before() -> None:
    first, history = line(1), [json.loads(line(n))["data"]["id"] for n in (1, 5)]
    edit = line(5, edit_history_tweet_ids=history)
    with http(HttpService([first, edit, line(2)])) as url:
        batches = run(x(url), limit=2)
    assert ids(batches) == [json.loads(line(n))["data"]["id"] for n in (1, 2)]


def test_an_error_of_the_stream_ends_the_connection_and_is_told() -> None:
    error = b'{"errors":[{"title":"operational-disconnect","detail":"This stream has been disconnected."}]}\r\n'
    service = HttpService([error, line(1)], Act())
    waits = Waits()
    with http(service) as url:
        stop = threading.Event()
        states = []
        source = LiveSource(x(url), RunOptions(PostFilter(), stop, batch_ms=20, sleep=waits))
        for batch in source.batches({}, 10):
            states += [batch.state] if batch.state else []
            if len(waits.s) >= 3:
                stop.set()
    assert any(state.state == RECONNECTING and "operational-disconnect" in state.why for state in states)
    assert waits.s[:3] == [5.0, 10.0, 20.0]


def test_a_line_with_a_post_and_errors_of_what_it_refers_to_is_a_post() -> None:
    told = json.loads(line(1)) | {"errors": [{"title": "Not Found Error"}]}
    with http(HttpService([json.dumps(told).encode() + b"\r\n", line(2)])) as url:
        assert len(ids(run(x(url), limit=2))) == 2


def test_keep_alives_keep_a_quiet_stream_open_and_the_cursor_going(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(XStream, "silence_s", 1.0)
    service = HttpService([line(1)], Act(alive_every_s=0.05))
    with http(service) as url:
        stream = x(url, ticking())
        batches = for_a_while(stream, 1.6)
    assert len(service.asked) == 1
    assert stream.until > batches[-1].cursor["until"]
    assert stream.newest is not None
    assert NOW < stream.newest <= stream.until  # it is not behind, though its only post is of long ago


def test_429_waits_until_the_service_says_and_the_steps_are_those_of_x() -> None:
    resets = (str(NOW // 1000 + 700), "2027-01-15T08:20:00.000Z", "9999-12-31T00:00:00Z", "soon", "-1")
    names = ("x-rate-limit-reset", "X-RateLimit-Reset")
    limited = [Act(status=429, headers={name: reset}) for name, reset in zip(names, resets, strict=False)]
    service = HttpService([line(1)], Act(status=429), *limited, Act(status=503), Act(status=503))
    waits = Waits()
    with http(service) as url:
        run(x(url), limit=1, waits=waits)
    assert waits.s == [60.0, 700.0, 1_200.0, 5.0, 10.0]
    limited = [Act(status=429, headers={"x-rate-limit-reset": reset}) for reset in resets[2:]]
    waits = Waits()
    with http(HttpService([line(1)], *limited)) as url:
        run(x(url), limit=1, waits=waits)
    assert waits.s == [3_600.0, 120.0, 240.0]  # never longer than an hour, whatever is said


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        ("network", [0.25, 0.5, 0.75, *[None] * 60, 16.0, 16.0]),
        ("http", [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 320.0]),
        ("limited", [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]),
    ],
)
def test_the_steps(kind: Any, waits: list[float | None]) -> None:
    steps = Backoff()
    found = [steps.after(DroppedError("x", kind=kind)) for _ in waits]
    assert [wait if expected is not None else None for wait, expected in zip(found, waits, strict=True)] == waits


def test_rules_that_are_wanted_are_set_once_and_those_of_others_stay() -> None:
    service = HttpService([line(1), line(2)], Act(sends=1))
    service.rules = [{"id": "1", "value": "theirs"}, {"id": "2", "value": "old", "tag": "trends"},
                     {"id": "3", "value": "kept", "tag": "trends"}]  # fmt: skip
    with http(service) as url:
        run(x(url, rules=["kept", "#new lang:fr"]), limit=2)
    assert [(rule["value"], rule.get("tag")) for rule in service.rules] == [
        ("theirs", None), ("kept", "trends"), ("#new lang:fr", "trends"),
    ]  # fmt: skip
    assert service.paths.count("/2/tweets/search/stream/rules") == 1
    assert service.paths.count("/2/tweets/search/stream") == 2


def test_a_rule_that_x_refuses_or_a_stream_without_rules_is_said() -> None:
    service = HttpService([line(1)])
    with http(service) as url:
        with pytest.raises(RefusedError, match="no rules"):
            run(x(url, rules=[]), limit=1)
        service.refuses_rules = "Ambiguous use of and"
        with pytest.raises(RefusedError, match="Ambiguous use of and"):
            run(x(url, rules=["cats and"]), limit=1)


# Mastodon


def test_recorded_streams_are_read_live_and_a_cut_is_a_gap(service_data: Path) -> None:
    recorded = b"".join((service_data / "mastodon" / f"test_stream_user_{name}.sse").read_bytes() + b"\n\n"
                        for name in ("direct_user", "local_user"))  # fmt: skip
    half = len(recorded) // 2
    service = HttpService([recorded[:half], recorded[half:]], Act(sends=1))
    with http(service) as url:
        batches = run(fediverse(url, ticking()), limit=2)
    assert len(set(ids(batches))) == 2
    assert sum(batch.notices for batch in batches) == recorded.count(b"event: ") - 2
    assert len([gap for batch in batches for gap in batch.gaps]) == 1


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({}, "/api/v1/streaming/public"),
        ({"local": True}, "/api/v1/streaming/public/local"),
        ({"tags": ["cats"]}, "/api/v1/streaming/hashtag"),
        ({"tags": ["cats", "dogs"]}, "/api/v1/streaming/public"),
    ],
)
def test_the_stream_that_is_asked_for_is_read(asked: dict[str, Any], path: str) -> None:
    service = HttpService([update(1)])
    with http(service) as url:
        run(fediverse(url, **asked), limit=1)
    assert service.paths == ["/api/v1/streaming", path]


def test_a_server_whose_streams_are_elsewhere_is_followed_there() -> None:
    elsewhere, server = HttpService([update(1), update(2)], Act(sends=1)), HttpService([])
    with http(elsewhere) as streams, http(server) as url:
        server.streams_at = streams
        batches = run(fediverse(url), limit=2)
    assert ids(batches) == ["1", "2"]
    assert elsewhere.paths == ["/api/v1/streaming/public"] * 2
    assert server.paths == ["/api/v1/streaming"]
    assert batches[-1].state is None or batches[-1].state.where == url.removeprefix("http://")


@pytest.mark.parametrize("address", ["http://a.example", "ftp://127.0.0.1", "https://u:p@a.example"])
def test_a_token_goes_to_no_address_to_which_none_may_be_sent(address: str) -> None:
    server = HttpService([update(1)])
    server.streams_at = address
    with http(server) as url, pytest.raises(RefusedError, match="must not get the token"):
        run(fediverse(url), limit=1)


def test_a_heartbeat_keeps_a_quiet_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mastodon, "silence_s", 1.0)
    service = HttpService([update(1)], Act(alive_every_s=0.05), alive=b":thump\n")
    with http(service) as url:
        stream = fediverse(url, ticking())
        for_a_while(stream, 1.6)
    assert len(service.asked) == 1
    assert stream.newest is not None
    assert NOW < stream.newest <= stream.until


def test_a_stream_without_a_heartbeat_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mastodon, "silence_s", 0.2)
    service, stop = HttpService([update(1)]), threading.Event()
    with http(service) as url:
        for _ in LiveSource(fediverse(url), RunOptions(PostFilter(), stop=stop, batch_ms=50, sleep=Waits())).batches(
            {}, 10
        ):
            if len(service.asked) == 3:
                stop.set()
    assert len(service.asked) == 3


# All of them


SERVICES: dict[str, Callable[[str], Service[Post]]] = {"x": x, "mastodon": fediverse}


@pytest.mark.parametrize("kind", SERVICES)
@pytest.mark.parametrize("status", [401, 403, 400, 404, 302])
def test_a_refusal_ends_it_at_once_and_never_shows_the_token(kind: str, status: int) -> None:
    service = HttpService([], Act(status=status, body=f"no: {TOKEN} is \x1b[31m wrong"))
    waits = Waits()
    with http(service) as url, pytest.raises(RefusedError) as refused:
        run(SERVICES[kind](url), limit=1, waits=waits)
    assert str(status) in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert str(refused.value).isprintable()
    assert (waits.s, len(service.asked), refused.value.exit_code) == ([], 1, 1)


def test_what_was_read_before_a_refusal_is_given_first() -> None:
    service = HttpService([line(1), line(2)], Act(sends=2), Act(status=401))
    found: list[Batch[Post]] = []
    with http(service) as url, pytest.raises(RefusedError):
        for batch in LiveSource(x(url), RunOptions(PostFilter(), batch_ms=5_000)).batches({}, 10):
            found.append(batch)
    assert len(ids(found)) == 2


@pytest.mark.parametrize("make", [x, fediverse, lambda url: bluesky([url.replace("http", "ws")])])
def test_a_host_that_was_never_there_is_given_up(make: Callable[[str], Service[Post]]) -> None:
    waits = Waits()
    with pytest.raises(DroppedError) as gone:
        run(make("http://127.0.0.1:1"), limit=1, waits=waits)
    assert "127.0.0.1:1" in str(gone.value)
    assert len(waits.s) == FIRST_ATTEMPTS - 1


def test_a_source_that_never_read_anything_leaves_its_cursor_at_the_beginning() -> None:
    found: list[Batch[Post]] = []
    with pytest.raises(DroppedError):
        for batch in LiveSource(x("http://127.0.0.1:1"), RunOptions(PostFilter(), batch_ms=20, sleep=Waits())).batches(
            {}, 10
        ):
            found.append(batch)
    assert found
    assert not [batch.cursor for batch in found if batch.cursor]


def test_what_is_no_event_stream_ends_it() -> None:
    service = HttpService([b"<html>"], Act(headers={"Content-Type": "text/html"}))
    with http(service) as url, pytest.raises(RefusedError, match="not an event stream"):
        run(fediverse(url), limit=1)


@pytest.mark.parametrize("kind", SERVICES)
def test_a_server_that_accepts_and_never_answers_is_dropped(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "OPEN_S", 1.0)
    with http(HttpService([line(1), update(1)], Act(status=0))) as url:
        assert len(ids(run(SERVICES[kind](url), limit=1))) == 1
    assert "no response" in caplog.text  # whether a batch tells so depends on how long the next connection takes


def test_a_host_that_goes_away_is_waited_for_longer_than_one_that_never_was() -> None:
    service = HttpService([line(1), line(2)], Act(sends=1), *[Act(status=503)] * (FIRST_ATTEMPTS + 3))
    with http(service) as url:
        batches = run(x(url), limit=2)
    assert len(ids(batches)) == 2
    states = [batch.state.state for batch in batches if batch.state]
    assert states[-1] == CONNECTED


@pytest.mark.parametrize("kind", SERVICES)
def test_it_stops_at_once_whatever_it_waits_for(kind: str) -> None:
    for acts in ([Act()], [Act(status=503)] * 3):
        stop = threading.Event()
        with http(HttpService([], *acts)) as url:
            source = LiveSource(SERVICES[kind](url), RunOptions(PostFilter(), stop, batch_ms=50))
            threading.Timer(0.3, stop.set).start()
            assert not ids(list(source.batches({}, 10)))


def test_bad_records_become_rejects_that_can_be_read_again_and_their_neighbours_are_untouched() -> None:
    bad = [b"\xff\xfe", b'{"cut": "of', b"[" * 50_000, b"\x00"]
    with jetstream(JetstreamHost([event(0), *bad, event(1)])) as hosts:
        found = run(bluesky(hosts), limit=2)
    with http(HttpService([line(0), *(record + b"\n" for record in bad), line(1)])) as url:
        found += run(x(url), limit=2)
    with http(HttpService([update(0), b"event: update\ndata: {cut\n\n", update(1)])) as url:
        found += run(fediverse(url), limit=2)
    rejects = [reject for batch in found for reject in batch.rejects]
    assert (len(ids(found)), len(rejects)) == (6, 2 * len(bad) + 1)
    for reject in rejects:
        assert reject.where.startswith(("ws://127.0.0.1:", "127.0.0.1:"))
        assert reader_of(reject.reader, reading).spec == reject.reader


WRONG = ["ftp://127.0.0.1", "://", "x", "a://[", "a://a..b", "a://a b", "a://a:99999", "a://u:p@a", "a://a?b", ""]


@pytest.mark.parametrize("url", ["http://x.example", *(wrong.replace("a://", "https://") for wrong in WRONG)])
def test_a_token_is_sent_to_a_proper_address_over_https_alone(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        api(url)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("url", ["https://a.example", *(wrong.replace("a://", "wss://") for wrong in WRONG)])
def test_a_host_with_no_proper_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="wss://host"):
        bluesky([url])


def test_a_token_is_set_or_lies_in_a_file_and_a_wrong_one_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert token_of(None, file, "X").get_secret_value() == TOKEN
    assert token_of(SecretStr("other"), file, "X").get_secret_value() == "other"
    for token, path in ((None, None), (SecretStr(" "), None), (SecretStr("two words"), None), (None, tmp_path / "no")):
        with pytest.raises(UsageError) as refused:
            token_of(token, path, "X")
        assert "words" not in str(refused.value)


@pytest.mark.parametrize("cursor", [{"until": "soon"}, {"posts": []}, {"seen": 7}])
def test_a_cursor_that_is_none_is_refused(cursor: Cursor) -> None:
    with pytest.raises(UsageError, match="not a cursor"):
        run(bluesky(["ws://127.0.0.1:1"]), limit=1, cursor=cursor)
