"""HTTP of the dashboard, route by route: HEAD, unknown parameters, and the probes. The routes are the application's."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from config.settings import Settings
from ingest.hours import Hour
from serving.views.store import Store
from tests.support.dashboard import Clock, get_routes, published, running, without_mongo

HOUR = Hour.parse("2013-04-15T20")
ROUTES = get_routes()
PARAMS: dict[str, dict[str, str]] = {
    "/tag": {"name": "paris", "at": str(HOUR)},
    "/api/tag": {"name": "paris", "since": str(HOUR), "until": str(HOUR.plus(1))},
    "/posts": {"tag": "paris", "hour": str(HOUR)},
    "/api/posts": {"tag": "paris", "hour": str(HOUR)},
    "/api/top": {"hour": str(HOUR)},
    "/api/day": {"date": "2013-04-15"},
    "/api/rising": {"hour": str(HOUR)},
    "/api/explain": {"hour": str(HOUR)},
    "/api/export": {"since": str(HOUR), "until": str(HOUR.plus(1))},
}
"""What a route needs for an answer with data."""
STREAMS = {"/live", "/api/live"}
SAME = ("content-type", "cache-control", "content-security-policy", "location", "content-disposition", "retry-after")


@pytest.fixture(scope="module")
def url(stack: Settings) -> Iterator[str]:
    own = stack.model_copy(update={"mongo": stack.mongo.model_copy(update={"database": "trends_http"})})
    clock = Clock()
    clock.at = HOUR.start_ms + 1
    with Store(own.mongo) as store:
        published(store, {"paris": 5}, HOUR)
        with running(own, clock=clock) as address:
            yield address
        store.client.drop_database(own.mongo.database)


def path_of(route: str) -> str:
    return route.replace("{text}", str(HOUR))


@pytest.mark.parametrize("route", [*ROUTES, "/static/dashboard.css", "/nonsense", "/api/nonsense"])
def test_head_answers_as_get_does_and_has_no_body(url: str, route: str) -> None:
    path, params = path_of(route), PARAMS.get(route)
    with httpx.Client(base_url=url, timeout=60) as client:
        with client.stream("GET", path, params=params) as got:
            expected = {name: got.headers.get(name) for name in SAME}
            if route not in STREAMS:
                got.read()
        head = client.head(path, params=params)  # on the connection of GET, where that could be read to its end
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert {name: head.headers.get(name) for name in SAME} == expected
        assert ("content-length" in head.headers) == ("content-length" in got.headers)
        assert client.get("/healthz").text == "ok\n", "the connection serves on"


def test_head_of_a_form_alone_is_refused_as_get_is(url: str) -> None:
    wrong = httpx.request("DELETE", f"{url}/login")
    assert wrong.status_code == 405
    assert set(wrong.headers["allow"].split(", ")) >= {"GET"}


@pytest.mark.parametrize("route", sorted(ROUTES.keys() - {"/api/openapi.json", "/static/palette.css"}))
def test_every_route_refuses_a_parameter_that_it_does_not_know(url: str, route: str) -> None:
    answer = httpx.get(url + path_of(route), params={**PARAMS.get(route, {}), "lats": "24h"}, timeout=60)
    assert (answer.status_code, "unknown query parameter" in answer.text) == (400, True)
    is_page = answer.headers["content-type"].startswith("text/html")
    assert is_page == ROUTES[route]


def probe(url: str, path: str, **headers: str) -> tuple[int, str]:
    answer = httpx.get(url + path, headers=headers, timeout=60)
    return answer.status_code, answer.text


def test_probes_need_no_token_and_tell_a_dead_mongodb_from_a_dead_process(settings: Settings) -> None:
    token: dict[str, Any] = {"token": SecretStr("correct-horse-battery-staple")}
    with running(settings, **token) as url:
        assert probe(url, "/healthz") == probe(url, "/readyz") == (200, "ok\n")
        assert probe(url, "/healthz", Host="evil.example")[0] == 421
        assert probe(url, "/healthz/")[0] == probe(url, "/readyz2")[0] == 303, "anything else asks for the token"
    with running(without_mongo(settings), **token) as url:
        assert probe(url, "/healthz") == (200, "ok\n")
        assert probe(url, "/readyz") == (503, "not ready: MongoDB does not answer\n")


def test_a_mongodb_that_takes_connections_and_says_nothing_is_not_ready_within_seconds(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        uri = SecretStr(f"mongodb://127.0.0.1:{frozen.getsockname()[1]}/?directConnection=true")
        mongo = settings.mongo.model_copy(update={"uri": uri})
        with running(settings.model_copy(update={"mongo": mongo})) as url:
            answer = httpx.get(f"{url}/readyz", timeout=5)
            assert (answer.status_code, answer.text) == (503, "not ready: MongoDB does not answer\n")
            assert httpx.get(f"{url}/healthz", timeout=5).status_code == 200
            frozen.settimeout(5)
            frozen.accept()[0].close()  # it was asked
