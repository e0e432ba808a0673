"""What a Mastodon stream did not bring while it was cut comes from the timeline, or is told: over real sockets."""

import json
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.errors import TrendsError
from ingest.post import Post
from ingest.sources.base import Batch, Cursor
from ingest.sources.formats.contract import Reading
from ingest.sources.live.backoff import RefusedError
from ingest.sources.live.http import ApiClient
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.mastodon import stream as mastodon_source
from ingest.sources.mastodon.stream import REWIND_MS, Mastodon
from ingest.sources.mastodon.timeline import BITS, MOST_MS, MOST_TRIES
from ingest.sources.selection import PostFilter
from tests.support.live_servers import TOKEN, Act, Acting, HttpService, http, status_id
from tests.support.sources import NOW

PUBLIC = 39
"""Statuses that were recorded and would be in a public timeline."""


@pytest.fixture
def recorded(service_data: Path) -> list[bytes]:
    """Recorded statuses as a timeline has them: public ones, in the order of their ids."""
    lines = (service_data / "mastodon" / "statuses_from_cassettes.jsonl").read_bytes().splitlines()
    public = [line for line in lines if json.loads(line)["visibility"] == "public"]
    assert len(public) == PUBLIC
    return sorted(public, key=status_id)


def service_of(statuses: list[bytes], *acts: Act, pages: tuple[Act, ...] = (), most: int = 10) -> HttpService:
    """A server that streams statuses, and has them all in its timelines."""
    service = HttpService([b"event: update\ndata: %s\n\n" % status for status in statuses], *acts)
    service.timeline, service.most = statuses, most
    service.pages = Acting(*pages)
    return service


class Clock:
    """A wall clock that goes on when it is told to, and while somebody waits."""

    def __init__(self) -> None:
        self.ms = NOW
        self.waits: list[float] = []

    def __call__(self) -> int:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.ms += int(seconds * 1000)


def mastodon(url: str, clock: Callable[[], int], **asked: Any) -> Mastodon:
    tags = frozenset(asked.pop("tags", ()))
    api = ApiClient(url, SecretStr(TOKEN), clock, "TRENDS_MASTODON__TOKEN")
    post_filter, reading = PostFilter(tags=tags), Reading("mastodon", clock, 300_000, keep_payload=True)
    return Mastodon(api, post_filter, reading, **{"local": False, "pages": 250, **asked})


def run(
    url: str, clock: Clock, limit: int, *, cursor: Cursor | None = None, batches: int | None = None, **asked: Any
) -> list[Batch[Post]]:
    """What is given until there are so many posts, or until it is killed after so many batches with posts."""
    options = RunOptions(PostFilter(limit=limit), batch_ms=50, sleep=clock.sleep)
    found: list[Batch[Post]] = []
    for batch in LiveSource(mastodon(url, clock, **asked), options).batches(cursor or {}, 4):
        found.append(batch)
        if batches is not None and sum(bool(each.items) for each in found) == batches:
            break
    return found


def uris(batches: list[Batch[Post]]) -> list[str]:
    return [post.id for batch in batches for post in batch.items]


def gaps(batches: list[Batch[Post]]) -> list[tuple[int, int]]:
    return [(gap.since, gap.until) for batch in batches for gap in batch.gaps]


def names(statuses: list[bytes]) -> list[str]:
    return [json.loads(status)["uri"] for status in statuses]


def test_what_came_while_the_stream_was_cut_is_brought_back_once_and_in_order(recorded: list[bytes]) -> None:
    service, clock = service_of(recorded, Act(sends=9), Act(skips=33)), Clock()
    with http(service) as url:
        found = run(url, clock, PUBLIC)
    assert uris(found) == names(recorded)
    assert not gaps(found)
    assert not [reject for batch in found for reject in batch.rejects]
    first, *further = [int(asked["min_id"]) for asked in service.pages.asked]
    assert first == status_id(recorded[8]) - (REWIND_MS << BITS)
    assert further == [
        status_id(recorded[at]) for at in (17, 27, 37)
    ]  # pages of ten, the first with what was read last


def test_where_nothing_came_meanwhile_there_is_no_gap(recorded: list[bytes]) -> None:
    service, clock = service_of(recorded, Act(sends=9), Act(skips=9)), Clock()
    service.timeline = recorded[:9]
    with http(service) as url:
        found = run(url, clock, 9)
        clock.ms += 5_000
        found += run(url, clock, PUBLIC, cursor=found[-1].cursor)
    assert uris(found) == names(recorded)
    assert not gaps(found)
    assert len(service.pages.asked) == 2


def test_killed_in_the_middle_of_catching_up_it_goes_on_there(recorded: list[bytes]) -> None:
    clock = Clock()
    with http(service_of(recorded, Act(sends=5))) as url:
        whole = run(url, clock, PUBLIC)
        assert uris(whole) == names(recorded)
        kills = [n for n, batch in enumerate(whole) if batch.items][:-1]
        assert len(kills) > 5
        for kill in kills:
            cursor: Cursor = json.loads(json.dumps(whole[kill].cursor))
            rest = run(url, clock, PUBLIC, cursor=cursor)
            assert uris(whole[: kill + 1]) + uris(rest) == names(recorded)
            assert not gaps(rest)


def test_a_stream_that_is_cut_while_it_catches_up_loses_nothing(recorded: list[bytes]) -> None:
    acts = (Act(sends=3), Act(skips=20, sends=1), Act(skips=30, sends=0), Act(skips=38))
    with http(service_of(recorded, *acts, most=7)) as url:
        found = run(url, Clock(), PUBLIC)
    assert uris(found) == names(recorded)
    assert not gaps(found)


def test_429_is_waited_for_as_long_as_the_server_says_and_then_it_goes_on(recorded: list[bytes]) -> None:
    reset = "2027-01-15T08:03:20.000000Z"
    limited = Act(status=429, headers={"X-RateLimit-Reset": reset}, body='{"error":"Too many requests"}')
    service, clock = service_of(recorded, Act(sends=9), pages=(Act(), limited)), Clock()
    with http(service) as url:
        found = run(url, clock, PUBLIC)
    assert clock.waits == [200.0]
    assert uris(found) == names(recorded)
    assert not gaps(found)
    assert any("429" in batch.state.why for batch in found if batch.state)


def test_a_server_that_would_be_waited_for_too_long_is_not(recorded: list[bytes]) -> None:
    limited = Act(status=429, headers={"X-RateLimit-Reset": str(NOW // 1000 + MOST_MS // 1000 + 60)})
    clock = Clock()
    with http(service_of(recorded, Act(sends=9), Act(skips=30), pages=(Act(), limited))) as url:
        found = run(url, clock, 9)
        clock.ms += 5_000
        found += run(url, clock, 27, cursor=found[-1].cursor)
    assert uris(found) == names(recorded[:18] + recorded[30:])
    assert not clock.waits
    assert gaps(found) == [(NOW, NOW + 5_000)]


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_timeline_that_is_refused_is_a_gap_and_the_stream_goes_on(status: int, recorded: list[bytes]) -> None:
    refused = Act(status=status, body=f"no {TOKEN}")
    service, clock = service_of(recorded, Act(sends=9), Act(skips=30), pages=(refused,)), Clock()
    with http(service) as url:
        found = run(url, clock, 9)
        clock.ms += 5_000
        found += run(url, clock, 18, cursor=found[-1].cursor)
    assert uris(found) == names(recorded[:9] + recorded[30:])
    assert gaps(found) == [(NOW, NOW + 5_000)]
    (why,) = [gap.why for batch in found for gap in batch.gaps]
    assert f"answers {status}: no ***" in why


@pytest.mark.parametrize("body", ["{}", "no", "[1]", '[{"id": "soon"}]'])
def test_what_is_no_timeline_is_a_gap(body: str, recorded: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    service, clock = service_of(recorded, Act(sends=9), Act(skips=30)), Clock()
    monkeypatch.setattr(service, "page", lambda _: (200, body, {}))
    with http(service) as url:
        found = run(url, clock, 9)
        clock.ms += 5_000
        found += run(url, clock, 18, cursor=found[-1].cursor)
    assert gaps(found) == [(NOW, NOW + 5_000)]
    assert uris(found) == names(recorded[:9] + recorded[30:])


def test_a_timeline_without_the_status_that_it_had_is_a_gap(recorded: list[bytes]) -> None:
    """As one that is switched off answers."""
    service, clock = service_of(recorded, Act(sends=9), Act(skips=30)), Clock()
    service.timeline = []
    with http(service) as url:
        found = run(url, clock, 9)
        clock.ms += 5_000
        found += run(url, clock, 18, cursor=found[-1].cursor)
    assert gaps(found) == [(NOW, NOW + 5_000)]


def test_a_server_that_fails_again_and_again_is_a_gap_before_long(recorded: list[bytes]) -> None:
    service, clock = service_of(recorded, Act(sends=9), pages=(Act(status=503),) * 9), Clock()
    with http(service) as url:
        found = run(url, clock, PUBLIC)  # its stream sends everything again
    assert len(service.pages.asked) == MOST_TRIES
    assert uris(found) == names(recorded)
    assert len(gaps(found)) == 1


def test_a_timeline_that_never_answers_is_a_gap_before_long(
    recorded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mastodon, "silence_s", 1.0)
    service, clock = service_of(recorded, Act(sends=9), pages=(Act(status=0),) * 9), Clock()
    with http(service) as url:
        found = run(url, clock, PUBLIC)
    assert len(service.pages.asked) == MOST_TRIES
    assert uris(found) == names(recorded)
    assert len(gaps(found)) == 1


def test_a_server_that_is_away_for_long_while_it_is_caught_up_with_is_caught_up_with_then(
    recorded: list[bytes],
) -> None:
    away = [Act(status=503)] * 9
    acts, clock = (Act(sends=3), Act(sends=0), *away), Clock()
    with http(service_of(recorded, *acts, pages=(Act(), Act(status=503)))) as url:
        found = run(url, clock, PUBLIC)
    assert sum(clock.waits) * 1000 > MOST_MS
    assert uris(found) == names(recorded)
    assert not gaps(found)


@pytest.mark.parametrize(("pages", "most_ms"), [(1, MOST_MS), (250, -1)])
def test_beyond_the_pages_or_the_time_allowed_the_rest_is_a_gap_from_the_last_status_on(
    pages: int, most_ms: int, recorded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mastodon_source, "MOST_MS", most_ms)
    first_clock = Clock()
    first_clock.ms = (status_id(recorded[20]) >> BITS) - 1  # the cut was there, and the start again is later
    with http(service_of(recorded, Act(sends=21), Act(skips=37))) as url:
        found = run(url, first_clock, 21)
        again = Clock()
        rest = run(url, again, 32, cursor=found[-1].cursor, pages=pages)
    assert uris(found + rest) == names(recorded[:30] + recorded[37:])
    assert gaps(rest) == [(status_id(recorded[29]) >> BITS, again.ms)]


def test_without_pages_a_cut_is_a_gap(recorded: list[bytes]) -> None:
    service, clock = service_of(recorded, Act(sends=9), Act(skips=30)), Clock()
    with http(service) as url:
        found = run(url, clock, 9, pages=0)
        clock.ms += 1_000
        found += run(url, clock, 18, cursor=found[-1].cursor, pages=0)
    assert gaps(found) == [(NOW, NOW + 1_000)]
    assert not service.pages.asked


def test_it_ends_where_the_stream_began_though_the_server_is_never_silent(recorded: list[bytes]) -> None:
    opened_ms = status_id(recorded[25]) >> BITS
    first, then = Act(sends=9), Act(skips=26, headers={"Date": formatdate(opened_ms / 1000, usegmt=True)})
    service = service_of(recorded, first, then, most=1)
    with http(service) as url:
        found = run(url, Clock(), PUBLIC)
    assert uris(found) == names(recorded)
    asked = [int(each["min_id"]) >> BITS for each in service.pages.asked]
    assert max(asked) < opened_ms + 6_000


@pytest.mark.parametrize(
    ("asked", "path", "local"),
    [
        ({}, "/api/v1/timelines/public", None),
        ({"local": True}, "/api/v1/timelines/public", "true"),
        ({"tags": ["c/t"]}, "/api/v1/timelines/tag/c%2Ft", None),
        ({"tags": ["cats"], "local": True}, "/api/v1/timelines/tag/cats", "true"),
        ({"tags": ["cats", "dogs"]}, "/api/v1/timelines/public", None),
    ],
)
def test_the_timeline_is_that_of_the_stream(
    asked: dict[str, Any], path: str, local: str | None, recorded: list[bytes]
) -> None:
    service, clock = service_of(recorded, Act(sends=9)), Clock()
    with http(service) as url:
        run(url, clock, PUBLIC, **asked)
    assert {each for each in service.paths if "/timelines/" in each} == {path}
    assert {each.get("local") for each in service.pages.asked} == {local}
    assert {each["limit"] for each in service.pages.asked} == {"40"}


def test_ids_that_tell_no_time_are_not_asked_for(recorded: list[bytes]) -> None:
    odd = [json.dumps(json.loads(status) | {"id": id_}).encode()
           for status, id_ in zip(recorded, ["7", "x", "9" * 19, "٣", "", "-1"], strict=False)]  # fmt: skip
    service, clock = service_of([]), Clock()
    service.records = [b"event: update\ndata: %s\n\n" % status for status in odd]
    with http(service) as url:
        found = run(url, clock, 3)
        clock.ms += 1_000
        found += run(url, clock, 6, cursor=found[-1].cursor)
    assert not service.pages.asked
    assert gaps(found) == [(NOW, NOW + 1_000)]


def test_a_stream_that_is_refused_ends_it_whatever_the_timeline_says(recorded: list[bytes]) -> None:
    with http(service_of(recorded, Act(sends=9), Act(status=401))) as url, pytest.raises(TrendsError) as refused:
        run(url, Clock(), PUBLIC)
    assert isinstance(refused.value, RefusedError)
