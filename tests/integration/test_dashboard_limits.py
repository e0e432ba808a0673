"""What the dashboard refuses: pages of other sites, unknown parameters, too many tries, too much at once."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from config.errors import UsageError
from config.settings import Settings
from ingest.hours import Hour
from serving.answers.bounds import Bounds
from serving.dashboard.app import HEAVY_AT_ONCE, HEAVY_WAITING
from serving.dashboard.http import cache, connections, middleware
from serving.dashboard.http.auth import SESSION_S, TooManyTriesError
from serving.dashboard.http.login_attempts import AGAIN_S, MOST, LoginAttempts
from serving.query.query import Query
from serving.views.store import Store
from tests.support.dashboard import LAYERS, Clock, counted, published, running
from tests.support.status import status_from
from tests.support.wait import until

HOUR = Hour.parse("2013-04-15T20")
TOKEN = "correct-horse-battery-staple"


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


def told(site: str, mode: str = "no-cors", dest: str = "image") -> dict[str, str]:
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}


def test_a_page_of_another_site_may_link_here_and_ask_nothing(settings: Settings) -> None:
    with running(settings, names=("trends.example",)) as url:
        asked: list[tuple[str, dict[str, str], int]] = [
            ("/api/top", told("cross-site"), 403),
            ("/api/top", told("same-site", "cors", "empty"), 403),  # another port of this machine
            ("/api/top", told("cross-site", "navigate", "document"), 403),
            ("/metrics", told("cross-site", "navigate", "document"), 403),
            ("/live", told("cross-site", "navigate", "document"), 403),
            ("/tag", told("cross-site", "navigate", "iframe"), 403),
            ("/static/dashboard.js", told("cross-site", "no-cors", "script"), 403),
            ("/tag", told("cross-site", "navigate", "document"), 200),
            ("/tag", told("none", "navigate", "document"), 200),
            ("/api/top?hour=now", told("same-origin", "cors", "empty"), 404),
            ("/tag", {"Origin": "https://evil.example"}, 403),
            ("/tag", {"Origin": "null"}, 403),
            ("/tag", {"Origin": "http://[nonsense"}, 403),
            ("/tag", {"Origin": url}, 200),
            ("/tag", {"Origin": "https://trends.example"}, 200),  # a proxy that asks by an address
            ("/tag", {}, 200),
        ]
        for path, headers, status in asked:
            assert httpx.get(url + path, headers=headers, timeout=60).status_code == status, (path, headers)
        posted = httpx.post(f"{url}/login", data={"token": TOKEN}, headers=told("cross-site", "navigate", "document"))
        assert posted.status_code == 403


def test_a_parameter_that_occurs_twice_or_counts_for_nothing_is_refused(settings: Settings) -> None:
    with running(settings) as url:
        twice = httpx.get(f"{url}/api/top?n=1&n=2")
        assert (twice.status_code, twice.json()["error"]["what"]) == (400, "occurs more than once")
        assert httpx.get(f"{url}/day", params={"date": "2013-04-15", "tz": "UTC"}, timeout=60).status_code == 404
        assert httpx.get(f"{url}/day", params={"date": "2013-04-15", "clock": 20}, timeout=60).status_code == 400


def test_wrong_tokens_are_limited_by_address_and_time_and_a_cookie_is_not_concerned() -> None:
    at = 0.0
    tries = LoginAttempts(lambda: at)
    for _ in range(MOST):
        assert tries.wait_s("192.0.2.1") == 0
        tries.count("192.0.2.1")
    assert 0 < tries.wait_s("192.0.2.1") <= AGAIN_S
    assert tries.wait_s("192.0.2.2") == 0
    at = AGAIN_S
    assert tries.wait_s("192.0.2.1") == 0
    for n in range(MOST):
        tries.count(f"2001:db8::{n}")
    assert tries.wait_s("2001:db8::ffff") > 0
    assert tries.wait_s("2001:db8:1::1") == 0


def test_who_tries_too_often_waits_and_whoever_is_signed_in_goes_on(settings: Settings) -> None:
    with running(settings, token=SecretStr(TOKEN)) as url, httpx.Client(base_url=url) as browser:
        assert browser.post("/login", data={"token": TOKEN}).status_code == 303
        wrong = {"Authorization": "Bearer wrong"}
        statuses = [httpx.get(f"{url}/api/openapi.json", headers=wrong).status_code for _ in range(MOST + 1)]
        assert statuses == [401] * MOST + [429]
        for answer in (
            httpx.get(f"{url}/api/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}),
            httpx.post(f"{url}/login", data={"token": TOKEN}),
        ):
            assert (answer.status_code, 0 < int(answer.headers["retry-after"]) <= AGAIN_S + 1) == (429, True)
        assert browser.get("/tag").status_code == 200
        elsewhere = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.7"}
        assert httpx.get(f"{url}/api/openapi.json", headers=elsewhere).status_code == 200


def test_a_cookie_ends_and_goes_over_tls_alone_where_there_is_tls(settings: Settings) -> None:
    clock = Clock()
    clock.at = HOUR.start_ms
    with running(settings, clock=clock, token=SecretStr(TOKEN)) as url, httpx.Client(base_url=url) as browser:
        cookie = browser.post("/login", data={"token": TOKEN}).headers["set-cookie"]
        assert f"Max-Age={SESSION_S};" in cookie
        assert "Secure" not in cookie
        secure = httpx.post(f"{url}/login", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in secure.headers["set-cookie"]
        clock.at += SESSION_S * 1000 - 1
        assert browser.get("/tag").status_code == 200
        clock.at += 1
        assert browser.get("/tag").status_code == 303
        held = browser.cookies["trends"]
        later = f"{int(held.split('.')[0]) + 1}.{held.split('.')[1]}"
        assert httpx.get(f"{url}/tag", headers={"Cookie": f"trends={later}"}).status_code == 303


def _done(asked: list[Future[httpx.Response]]) -> int:
    return sum(each.done() for each in asked)


class Blocked:
    """An answer of another layer that does not come until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0

    def __call__(self, *_: Any) -> Any:
        self.asked += 1
        assert self.go.wait(60)
        return status_from({})


def test_a_status_that_does_not_come_is_waited_for_by_few_and_other_pages_answer(settings: Settings) -> None:
    blocked = Blocked()
    with running(settings, LAYERS._replace(status=blocked)) as url, ThreadPoolExecutor(40) as threads:
        try:
            asked = [threads.submit(httpx.get, f"{url}/api/status", timeout=60) for _ in range(40)]
            until(lambda: _done(asked) == 40 - 1 - cache.WAITING, lambda: _done(asked), 60)
            assert httpx.get(f"{url}/tag", timeout=60).status_code == 200
        finally:
            blocked.go.set()
        answers = [each.result() for each in asked]
    assert blocked.asked == 1
    assert {each.headers["retry-after"] for each in answers if each.status_code == 503} == {"3"}


def test_explanations_come_in_turn(settings: Settings) -> None:
    blocked = Blocked()
    with running(settings, LAYERS._replace(explain=blocked)) as url, ThreadPoolExecutor(20) as threads:
        try:
            asked = [threads.submit(httpx.get, f"{url}/api/explain", timeout=60) for _ in range(20)]
            until(lambda: _done(asked) == 20 - HEAVY_AT_ONCE, lambda: _done(asked), 60)
        finally:
            blocked.go.set()
        statuses = [each.result().status_code for each in asked]
    assert blocked.asked == HEAVY_AT_ONCE
    assert HEAVY_WAITING > 0
    assert sorted(statuses) == [200] * HEAVY_AT_ONCE + [503] * (20 - HEAVY_AT_ONCE)


def test_one_request_or_stream_too_many_is_refused_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "AT_ONCE", {"requests": 2, "streams": 1, "files": 1})
    blocked = Blocked()
    with (
        httpx.Client(timeout=60) as client,
        running(settings, LAYERS._replace(status=blocked)) as url,
        ThreadPoolExecutor(2) as threads,
    ):
        stream = client.send(client.build_request("GET", f"{url}/live"), stream=True)
        events = stream.iter_text()  # held: its end would end the stream
        assert next(events)
        asked = [threads.submit(httpx.get, f"{url}/api/status", timeout=60) for _ in range(2)]
        until(lambda: blocked.asked == 1, lambda: blocked.asked, 60)
        until(lambda: httpx.get(f"{url}/tag", timeout=60).status_code == 503, lambda: "a third is answered", 60)
        for path in ("/live", "/api/live", "/api/top"):
            refused = httpx.get(url + path, timeout=60)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "3"), path
        assert httpx.get(f"{url}/static/icon.svg").status_code == 200
        blocked.go.set()
        assert [each.result().status_code for each in asked] == [200, 200]
        assert httpx.get(f"{url}/tag", timeout=60).status_code == 200


def test_a_reader_that_takes_nothing_is_cut_off(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_S", 0.3)
    published(store, {"x" * 10_000 + str(n): 1 for n in range(500)}, HOUR)
    with running(settings) as url, socket.socket() as reader:
        place = urlsplit(url)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(30)
        reader.connect((place.hostname, place.port))
        reader.sendall(f"GET /api/top?hour={HOUR}&n=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = reader.recv(1_000)
        until(lambda: _is_cut_off(reader), lambda: "the connection stands", 30)
    assert int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]) > 9_000_000


def _is_cut_off(connection: socket.socket) -> bool:
    """Whether the other side has reset it: writing to it fails."""
    try:
        connection.sendall(b"x")
    except OSError:
        return True
    return False


def test_a_request_reads_and_holds_no_more_than_it_may(settings: Settings, store: Store) -> None:
    published(store, {f"a{n}": 1 for n in range(20)}, HOUR)
    published(store, {f"b{n}": 1 for n in range(20)}, HOUR.plus(1))
    counted(store, HOUR.plus(2), **{f"c{n}": 1 for n in range(20)})
    asked: dict[str, Callable[[Query], Any]] = {
        "range": lambda query: query.range(HOUR, HOUR.plus(3), 10),
        "day": lambda query: query.day(HOUR, HOUR.plus(3), 10),
        "rising": lambda query: query.rising(HOUR.plus(2), 2, 10, 0),
    }
    for name, ask in asked.items():
        assert ask(Query(store, bounds=Bounds(rows=60, tags=60))), name
        with pytest.raises(UsageError, match="needs more than 39"):
            ask(Query(store, bounds=Bounds(rows=60, tags=39)))
        if name != "day":
            with pytest.raises(UsageError, match="needs more than 19 rows"):
                ask(Query(store, bounds=Bounds(rows=19)))
    with pytest.raises(UsageError, match="more than 2 hours"):
        Query(store, bounds=Bounds(hours=2)).history("a1", HOUR, HOUR.plus(3))
    with pytest.raises(UsageError, match="needs more than 39 rows"):
        Query(store, bounds=Bounds(rows=39)).history("a1", HOUR, HOUR.plus(3))


def test_too_many_tries_says_how_long_to_wait() -> None:
    assert "Try again in 3 s" in str(TooManyTriesError(2.1))
