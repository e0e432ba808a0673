"""What a poll promises when its API is slow, wrong, away or repeats itself, and when clocks jump: over real sockets."""

import itertools
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from config.errors import UsageError
from ingest.feeds.sources import api as api_module
from ingest.feeds.sources import latest
from ingest.feeds.sources import poll as poll_module
from ingest.sources.base import Batch
from ingest.sources.live.backoff import DroppedError, RefusedError
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.selection import AllItems
from tests.support.api_host import ApiHost, Fault, api
from tests.support.polls import (
    MINUTE_MS,
    Clock,
    body,
    gaps,
    poll,
    records,
    run,
    source,
    station,
    weather_source,
)
from tests.support.sources import NOW

KEY = "s3cret-k3y"
ENVIRONMENT = {"OPENWEATHER_API_KEY": KEY}
PLACE = "/stations"


def changing(*answers: bytes) -> Any:
    """One answer after the other, the last one for ever."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda _query: next(left)


def names(batches: list[Batch[Any]]) -> list[list[str]]:
    return [[record.name for record in batch.items] for batch in batches if batch.items]


def test_what_has_not_changed_is_not_sent_again() -> None:
    before = [station(str(n)) for n in range(1_439)]
    then = [station(str(n), bikes=9 if n in (3, 900) else 3) for n in range(1_439)]
    host, clock = ApiHost({PLACE: changing(body(*before), body(*then), body(*before))}, tags=False), Clock()
    with api(host) as url:
        batches = run(poll(source(url), clock, 3), clock)
    assert [len(batch.items) for batch in batches] == [1_439, 2, 2]
    assert batches[-1].state is None or batches[-1].state.tally.repeated == 2 * 1_437
    assert len(json.dumps(batches[-1].cursor)) < 33_000


def test_304_is_a_poll_with_nothing_new_whose_slot_is_used() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    with api(host) as url:
        service = poll(source(url, send="all"), clock, 3)
        batches = run(service, clock)
    assert host.statuses() == [200, 304, 304]
    assert names(batches) == [["1"]]
    assert [batch.cursor["until"] for batch in batches] == [NOW, NOW + MINUTE_MS, NOW + 2 * MINUTE_MS]
    assert [batch.notices for batch in batches] == [0, 1, 1]
    assert not gaps(batches)


def test_last_modified_makes_a_request_conditional_too() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}, tags=False), Clock()
    host.fails(PLACE, Fault(headers={"Last-Modified": "Fri, 15 Jan 2027 08:00:00 GMT"}), Fault(status=304))
    with api(host) as url:
        batches = run(poll(source(url, send="all"), clock, 2), clock)
    assert host.seen[1].headers["If-Modified-Since"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert names(batches) == [["1"]]


def test_answers_that_no_batch_held_are_read_although_the_server_says_they_are_the_same() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    with api(host) as url:
        service = poll(source(url, send="all"), clock, 1)
        assert names(run(service, clock)) == [["1"]]
        service = poll(source(url, send="all"), clock, 2)
        first = run(service, clock, cursor={})
        assert names(first) == [["1"]]
        service = poll(source(url), clock, 9)
        options = RunOptions[Any](AllItems(), batch_ms=5_000, sleep=clock.wait)
        (lost,) = itertools.islice(LiveSource(service, options).batches({}, 1), 1)
        (again,) = itertools.islice(LiveSource(service, options).batches({}, 1), 1)
    assert names([lost]) == names([again]) == [["1"]]


def test_a_slot_is_used_once_over_restarts_too() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}, tags=False), Clock(NOW + 5_000)
    with api(host) as url:
        (first,) = run(poll(source(url), clock, 1), clock)
        clock.go(20_000)
        assert len(host.seen) == 1
        (second,) = run(poll(source(url), clock, 1), clock, cursor=first.cursor)
    assert (first.cursor["until"], second.cursor["until"]) == (NOW, NOW + MINUTE_MS)
    assert clock.ms >= NOW + MINUTE_MS
    assert not gaps([first, second])


def test_failures_are_retried_inside_the_slot() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    host.fails(PLACE, Fault(status=500), Fault(status=503, headers={"Retry-After": "17"}))
    with api(host) as url:
        batches = run(poll(source(url), clock, 1), clock)
    assert clock.waits == [5.0, 17.0]
    assert names(batches) == [["1"]]
    assert not gaps(batches)


def test_a_slot_that_is_over_is_a_gap_with_its_reason() -> None:
    host, clock = ApiHost({PLACE: changing(body(station("1")), body(station("2")))}), Clock()
    with api(host) as url:
        service = poll(source(url), clock, 2)
        batches = run(service, clock, each=lambda _: host.fails(PLACE, *[Fault(status=500, body=b"broken")] * 7))
    assert names(batches) == [["1"], ["2"]]
    (gap,) = gaps(batches)
    assert gap.since == NOW + MINUTE_MS
    assert gap.until == batches[-1].cursor["until"]
    assert gap.until % MINUTE_MS == 0
    assert "stations: answers 500: broken" in gap.why


def test_429_waits_as_long_as_the_server_says() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    host.fails(PLACE, Fault(status=429, headers={"Retry-After": "200"}), Fault(status=429))
    with api(host) as url:
        run(poll(source(url), clock, 1), clock)
    assert clock.waits == [200.0, 120.0]


@pytest.mark.parametrize("jump_ms", [-3_600_000, -MINUTE_MS, -20_000])
def test_a_clock_that_jumps_back_repeats_no_slot(jump_ms: int) -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}, tags=False), Clock()

    def jump(_batch: Any) -> None:
        if len(host.seen) == 1:
            clock.ms += jump_ms

    with api(host) as url:
        service = poll(source(url), clock, 2)
        batches = run(service, clock, each=jump)
    assert [batch.cursor["until"] for batch in batches] == [NOW, NOW + MINUTE_MS]
    assert len(host.seen) == 2
    assert not gaps(batches)


def test_a_clock_that_jumps_ahead_leaves_a_gap() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}, tags=False), Clock()

    def jump(_batch: Any) -> None:
        clock.ms += 600_000

    with api(host) as url:
        batches = run(poll(source(url), clock, 2), clock, each=jump)
    (gap,) = gaps(batches)
    assert (gap.since, gap.until) == (NOW + MINUTE_MS, NOW + 600_000)
    assert "our clock jumped ahead by 600 s" in gap.why


def test_a_clock_before_the_last_slot_is_told() -> None:
    clock = Clock()
    service = poll(source("http://127.0.0.1:1"), clock)
    service.until = NOW + 3_600_000
    assert service.remark == "our clock is before the last poll, of 2027-01-15T09:00:00Z"


def test_a_slow_answer_delays_the_next_slot_and_polls_never_overlap() -> None:
    clock, under_way, most = Clock(), threading.Semaphore(1), []

    def slow(_query: dict[str, str]) -> bytes:
        most.append(under_way.acquire(blocking=False))
        clock.go(150_000)
        under_way.release()
        return body(station(str(len(most))))

    host = ApiHost({PLACE: slow})
    with api(host) as url:
        batches = run(poll(source(url), clock, 2), clock)
    assert all(most)
    assert [batch.cursor["until"] for batch in batches] == [NOW, NOW + 2 * MINUTE_MS]
    (gap,) = gaps(batches)
    assert (gap.since, gap.until) == (NOW + MINUTE_MS, NOW + 2 * MINUTE_MS)


def test_a_restart_after_a_while_is_a_gap() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    with api(host) as url:
        (first,) = run(poll(source(url), clock, 1), clock)
        clock.go(10 * MINUTE_MS)
        (second,) = run(poll(source(url), clock, 1), clock, cursor=first.cursor)
    (gap,) = second.gaps
    assert (gap.since, gap.until, gap.why) == (NOW + MINUTE_MS, NOW + 10 * MINUTE_MS, "the poll did not run")
    assert not second.items  # the same as before


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(body=b"<!DOCTYPE html><p>Down"), "not JSON"), (Fault(body=b'[{"stationcode": "1"'), "not JSON"),
        (Fault(cut=True), "stations: peer closed connection"), (Fault(body=b'{"error": "busy"}'), "no list of records"),
        (Fault(body=b""), "not JSON"), (Fault(body=b"null"), "no list of records"),
        (Fault(body=b"no gzip at all", headers={"Content-Encoding": "gzip"}), "stations: Error -3"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_a_failed_poll(fault: Fault, why: str) -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    host.fails(PLACE, fault)
    with api(host) as url:
        batches = run(poll(source(url), clock, 1), clock)
    assert names(batches) == [["1"]]
    assert host.statuses() == [200, 200]
    assert [reject for batch in batches for reject in batch.rejects] == []
    host.fails(PLACE, *[fault] * 6)
    host.ends.clear()
    with api(host) as url, pytest.raises(DroppedError, match=why):
        run(poll(source(url), clock, 1), clock)


def test_an_empty_list_is_a_poll_without_records_and_told() -> None:
    host, clock = ApiHost({PLACE: b"[]"}), Clock()
    with api(host) as url:
        service = poll(source(url), clock, 1)
        (batch,) = run(service, clock)
    assert (batch.items, batch.rejects, batch.notices) == ([], [], 1)
    assert service.remark == "no records: stations"


def test_an_answer_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "MOST_ANSWER_BYTES", 1_000)
    host, clock = ApiHost({PLACE: body(*[station(str(n)) for n in range(50)])}), Clock()
    with api(host) as url, pytest.raises(DroppedError, match="more than 1,000 bytes"):
        run(poll(source(url), clock, 1), clock)


def test_an_api_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_module, "POLL_S", 0.2)
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    host.fails(PLACE, Fault(status=0))
    with api(host) as url:
        assert names(run(poll(source(url), clock, 1), clock)) == [["1"]]


def test_broken_records_are_rejects_that_come_once_while_they_stay_the_same() -> None:
    answer = body(station("1"), {"stationcode": "2"}, {"duedate": "x"}, "text", station("3"))
    other = body(station("1"), {"stationcode": "2"}, {"duedate": "y"}, "text", station("3"))
    host, clock = ApiHost({PLACE: changing(answer, answer, other)}, tags=False), Clock()
    with api(host) as url:
        service = poll(source(url), clock, 3)
        first, same, changed = run(service, clock)
    assert names([first]) == [["1", "3"]]
    assert [(reject.raw, reject.reason) for reject in first.rejects] == [
        (b'{"stationcode": "2"}', "no event time"), (b'{"duedate": "x"}', "no id"), (b'"text"', "no object"),
    ]  # fmt: skip
    assert {reject.where for reject in first.rejects} == {url.removeprefix("http://")}
    assert not same.rejects
    assert [reject.raw for reject in changed.rejects] == [b'{"duedate": "y"}']
    assert service.remark == "rejected: no event time, and 2 more"
    with api(host) as url:
        (after,) = run(poll(source(url), clock, 1), clock, cursor=json.loads(json.dumps(changed.cursor)))
    assert not after.rejects
    assert len(after.cursor["seen"]) == len(changed.cursor["seen"])


def test_the_cursor_does_not_grow_by_broken_records_that_change() -> None:
    answers = [body(station("1"), {"stationcode": "2", "n": n}) for n in range(30)]
    host, clock = ApiHost({PLACE: changing(*answers)}, tags=False), Clock()
    with api(host) as url:
        batches = run(poll(source(url), clock, 30), clock)
    assert [len(batch.rejects) for batch in batches] == [1] * 30
    assert len({len(batch.cursor["seen"]) for batch in batches}) == 1


def test_an_id_twice_in_one_answer_is_a_notice() -> None:
    host, clock = ApiHost({PLACE: body(station("1", bikes=1), station("1", bikes=2), station("2"))}), Clock()
    with api(host) as url:
        service = poll(source(url), clock, 1)
        (batch,) = run(service, clock)
    assert [(record.name, record.value["numbikesavailable"]) for record in batch.items] == [("1", 1), ("2", 3)]
    assert batch.notices == 1
    assert service.remark == "an id twice: 1"


def test_more_ids_than_a_cursor_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "MOST_IDS", 5)
    host, clock = ApiHost({PLACE: body(*[station(str(n)) for n in range(6)])}), Clock()
    with api(host) as url, pytest.raises(RefusedError, match=r'more than 5 ids.*send = "all"'):
        run(poll(source(url), clock, 1), clock)


# One record a poll, with a secret


CURRENT = {"id": 7, "dt": NOW // 1000, "coord": {"lat": 48.85, "lon": 2.35}, "sys": {"sunrise": 1, "sunset": 2}}


def weather_host(**current: Any) -> ApiHost:
    answers = {
        "/weather": json.dumps(CURRENT | current).encode(),
        "/forecast": b'{"list": []}',
        "/air_pollution": b'{"list": [1]}',
    }
    host = ApiHost(answers, tags=False)
    host.key = ("appid", KEY)
    return host


def test_weather_is_one_record_and_a_later_request_asks_with_values_of_an_earlier_answer() -> None:
    host, clock = weather_host(), Clock()
    with api(host) as url:
        batches = run(poll(weather_source(url), clock, 2, ENVIRONMENT), clock)
    assert [(record.name, record.at) for record in records(batches)] == [("7", NOW)]  # the same dt is not sent again
    assert records(batches)[0].value == {"current": CURRENT, "forecast": {"list": []}, "air": {"list": [1]}}
    assert [each.query for each in host.seen[:3]] == [
        {"q": "Paris", "units": "metric", "appid": KEY}, {"q": "Paris", "appid": KEY},
        {"lat": "48.85", "lon": "2.35", "appid": KEY},
    ]  # fmt: skip
    assert {each.path for each in host.seen} == {"/weather", "/forecast", "/air_pollution"}


def test_an_optional_request_that_fails_is_null_and_told_with_the_state() -> None:
    host, clock = weather_host(), Clock()
    host.fails("/air_pollution", Fault(status=500, body=b"no air"))
    told = []
    with api(host) as url:
        service = poll(weather_source(url), clock, 2, ENVIRONMENT)
        first, _ = run(service, clock, each=lambda batch: told.append((service.remark, batch.state)))
    assert first.items[0].value["air"] is None
    assert first.notices == 1
    assert told[0][0] == "air: answers 500: no air"
    assert told[1][0] == ""
    states = [(state.state, state.why) for _, state in told if state]
    assert ("connected", "air: answers 500: no air") in states


def test_an_optional_request_without_an_answer_takes_no_time_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_module, "OPTIONAL_S", 0.4)
    host, clock = weather_host(), Clock()
    host.fails("/forecast", Fault(status=0))
    with api(host) as url:
        service = poll(weather_source(url), clock, 1, ENVIRONMENT)
        (batch,) = run(service, clock)
    assert batch.items[0].value["forecast"] is None
    assert batch.items[0].value["air"] == {"list": [1]}
    assert service.remark == "forecast: no answer in 0 s"


def test_a_value_that_an_earlier_answer_lacks_fails_the_request_that_needs_it() -> None:
    host, clock = weather_host(coord={"lat": "x\ny"}), Clock()
    with api(host) as url:
        service = poll(weather_source(url), clock, 1, ENVIRONMENT)
        (batch,) = run(service, clock)
    assert batch.items[0].value["air"] is None
    assert "air: no usable value for {current.coord.lat}" in service.remark


def test_values_of_answers_stay_in_their_parameter() -> None:
    host, clock = weather_host(coord={"lat": "1&appid=evil#/../", "lon": "?x"}), Clock()
    with api(host) as url:
        run(poll(weather_source(url), clock, 1, ENVIRONMENT), clock)
    assert host.seen[2].path == "/air_pollution"
    assert host.seen[2].query == {"lat": "1&appid=evil#/../", "lon": "?x", "appid": KEY}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_ends_the_poll_at_once_and_shows_no_secret(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    host, clock = weather_host(), Clock()
    host.fails("/weather", Fault(status=status, body=f"the key {KEY} is wrong".encode()))
    with api(host) as url, pytest.raises(RefusedError) as refused:
        run(poll(weather_source(url), clock, 1, ENVIRONMENT), clock)
    assert refused.value.exit_code == 1
    assert f"current: answers {status}: the key *** is wrong" in str(refused.value)
    assert ("OPENWEATHER_API_KEY" in str(refused.value)) == (status != 404)
    assert clock.waits == []
    assert KEY not in caplog.text
    assert "appid" not in caplog.text


def test_nothing_that_a_poll_tells_holds_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    host, clock = weather_host(), Clock()
    for path in host.answers:
        host.fails(path, Fault(status=500, body=KEY.encode()), Fault(body=KEY.encode()), Fault(cut=True))
    with api(host) as url:
        service = poll(weather_source(url), clock, 5, ENVIRONMENT)
        batches = run(service, clock)
    told = [str((batch.state, batch.gaps, batch.cursor, batch.rejects)) for batch in batches]
    assert KEY not in "".join(told) + service.where + service.remark + caplog.text
    assert "127.0.0.1" in service.where


def test_a_secret_may_lie_in_a_file_or_go_into_a_header(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"Apikey {KEY}\n")
    host, clock = weather_host(), Clock()
    host.key = ("Authorization", f"Apikey {KEY}")
    declared = weather_source("http://a", secret={"header": "Authorization", "env": "OPENWEATHER_API_KEY"})
    with api(host) as url:
        there = declared.model_copy(update={"url": url})
        run(poll(there, clock, 1, {"OPENWEATHER_API_KEY_FILE": str(file)}), clock)
    assert all(KEY not in str(each.query) for each in host.seen)
    assert host.statuses() == [200, 200, 200]


ELSEWHERE = ["http://127.0.0.1:{port}/elsewhere", "http://localhost:{own}/weather", "ftp://a/", "https://a..b/"]


@pytest.mark.parametrize("to", ELSEWHERE)
def test_a_redirect_to_another_host_never_gets_the_secret(to: str) -> None:
    thief, host, clock = ApiHost({"/elsewhere": b"{}"}), weather_host(), Clock()
    with api(thief) as other, api(host) as url:
        where = to.format(port=other.rpartition(":")[2], own=url.rpartition(":")[2])
        host.fails("/weather", *[Fault(status=302, headers={"Location": where})] * 6)
        with pytest.raises((RefusedError, DroppedError)) as refused:
            run(poll(weather_source(url), clock, 1, ENVIRONMENT), clock)
    assert KEY not in str(refused.value)
    assert thief.seen == []
    assert [each.path for each in host.seen if each.query.get("appid") != KEY] == []


def test_a_redirect_on_the_same_host_is_followed_with_the_header() -> None:
    host, clock = ApiHost({"/new": body(station("1"))}, tags=False), Clock()
    host.key = ("X-Key", KEY)
    host.fails(PLACE, Fault(status=301, headers={"Location": "/new"}))
    declared = source("http://a", secret={"header": "X-Key", "env": "K"})
    with api(host) as url:
        batches = run(poll(declared.model_copy(update={"url": url}), clock, 1, {"K": KEY}), clock)
    assert names(batches) == [["1"]]


def test_without_a_secret_a_redirect_may_lead_elsewhere_and_one_without_end_is_refused() -> None:
    elsewhere, host, clock = ApiHost({"/x": body(station("1"))}), ApiHost({}), Clock()
    with api(elsewhere) as other, api(host) as url:
        host.fails(PLACE, Fault(status=307, headers={"Location": f"{other}/x"}))
        assert names(run(poll(source(url), clock, 1), clock)) == [["1"]]
        host.fails(PLACE, *[Fault(status=302, headers={"Location": PLACE})] * 9)
        with pytest.raises(RefusedError, match="redirects more than 5 times"):
            run(poll(source(url), clock, 1), clock)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"url": "http://a.example"}, "source.url"), ({"ask": {"a": {"path": "no/slash"}}}, "source.ask.a.path"),
        ({"ask": {"a": {"path": "/x?y"}}}, "source.ask.a.path"), ({"ask": {"a": {"path": "/.."}}}, "source.ask.a.path"),
        ({"ask": {"a": {"path": "/{b.c}"}}}, "source.ask.a.path"),
        ({"ask": {"a": {"query": {"x": "{b.c}"}}}}, "source.ask.a.query.x"),
        ({"ask": {"a": {"query": {"x": "{a.c}"}}}}, "source.ask.a.query.x"),
        ({"ask": {"a": {"query": {"x": "{city}"}}}}, "source.ask.a.query.x"),
        ({"ask": {"a": {"query": {"appid": "x"}}}}, "source.secret.query"),
        ({"secret": {"header": "a b", "env": "OPENWEATHER_API_KEY"}}, "source.secret.header"),
        ({"secret": {"query": "appid", "env": "NOT_SET"}}, ""),
    ],
)  # fmt: skip
def test_a_source_that_can_not_be_asked_is_refused_with_its_key(changed: dict[str, Any], where: str) -> None:
    declared = weather_source(**{"url": "https://a.example"} | changed)
    with pytest.raises(UsageError) as refused:
        poll(declared, Clock(), environ=ENVIRONMENT)
    if where:
        assert refused.value.where == where


def test_what_one_request_brought_before_another_failed_is_not_lost() -> None:
    """The first answers, the second fails; then the first says that it has not changed, but nobody has read it."""
    status = {"data": {"stations": [{"station_id": "1", "last_reported": NOW // 1000}]}}
    host = ApiHost({"/status": json.dumps(status).encode(), "/information": b'{"data": {"stations": []}}'})
    host.fails("/information", Fault(status=500))
    clock = Clock()
    with api(host) as url:
        ask = {name: {"path": f"/{name}", "records": "data.stations"} for name in ("status", "information")}
        declared = source(url, id="station_id", at="last_reported", ask=ask, join={"information": "station_id"})
        service = poll(declared, clock, 1)
        batches = run(service, clock)
    assert host.statuses("/status") == [200, 304]
    assert names(batches) == [["1"]]
    assert service.remark == "status without information: 1"


@pytest.mark.parametrize("stops_at", [0, 1, 2, 3])
def test_a_poll_resumes_behind_any_batch(stops_at: int) -> None:
    answers = [body(*[station(str(n), bikes=poll_ * (n % 3 == poll_)) for n in range(9)]) for poll_ in range(5)]

    def host() -> ApiHost:
        return ApiHost({PLACE: lambda _query: answers[(clock.ms - NOW) // MINUTE_MS]}, tags=False)

    clock = Clock()
    with api(host()) as url:
        whole = run(poll(source(url), clock, 5), clock)
    clock = Clock()
    with api(host()) as url:
        before = run(poll(source(url), clock, stops_at + 1), clock)
        cursor = json.loads(json.dumps(before[-1].cursor))
        after = run(poll(source(url), clock, 4 - stops_at), clock, cursor=cursor) if stops_at < 4 else []
    assert records(before + after) == records(whole)
    assert (before + after)[-1].cursor == whole[-1].cursor


def test_it_stops_at_once_while_it_waits_for_a_slot() -> None:
    host, stop = ApiHost({PLACE: body(station("1"))}), threading.Event()
    clock = Clock()
    with api(host) as url:
        api_ = api_module.Api(source(url), None, clock.now)
        service = poll_module.Poll("feed/test", source(url), api_, clock.now)
        for batch in LiveSource(service, RunOptions[Any](AllItems(), stop, batch_ms=50)).batches({}, 10):
            if batch.items:
                threading.Timer(0.3, stop.set).start()
    assert len(host.seen) == 1


def test_a_poll_that_gave_nothing_new_for_long_is_asked_again_at_once_after_a_failure() -> None:
    host, clock = ApiHost({PLACE: body(station("1"))}), Clock()
    host.fails(PLACE, Fault(), Fault(status=500), Fault(status=500), *[Fault()] * 3, Fault(status=500))
    with api(host) as url:
        run(poll(source(url), clock, 6), clock)
    assert clock.waits == [5.0]  # the second of two in a row; a poll that succeeds ends the row, if with 304
