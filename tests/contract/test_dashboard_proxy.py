"""The dashboard behind a reverse proxy: each link, file, redirect and cookie is right below the proxy's path."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from config.settings import Settings
from serving.dashboard.http.auth import COOKIE
from tests.support.dashboard import running

TOKEN = "a-token-of-20-letters"
ROOT = "/tools/trends"
OWN = re.compile(r'(?:href|src|action|formaction)="([^"#]*)"')


@pytest.fixture
def nothing_behind() -> Settings:
    """Settings without a server: the pages of the login and the errors need none."""
    return Settings.model_validate({"mongo": {"uri": "mongodb://127.0.0.1:1/?replicaSet=rs0", "timeout_s": 0.2}})


@contextmanager
def proxy(upstream: str, *, strips: bool) -> Iterator[str]:
    """The address of a proxy that serves `upstream` below `ROOT` and nothing else, as one with TLS before it does."""

    class Forwarder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if not self.path.startswith(ROOT):
                answer = httpx.Response(418)
            else:
                path = self.path.removeprefix(ROOT) or "/" if strips else self.path
                more = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "Connection": "close"}
                answer = httpx.request(
                    self.command, f"{upstream}{path}", content=body, headers={**dict(self.headers), **more}, timeout=60
                )
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in {"content-length", "transfer-encoding", "connection", "content-encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = forward  # noqa: N815 - the names that the library calls

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forwarder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def behind(settings: Settings, *, strips: bool, **serve: Any) -> Iterator[httpx.Client]:
    with (
        running(settings, root_path=ROOT, token=SecretStr(TOKEN), **serve) as url,
        proxy(url, strips=strips) as front,
        httpx.Client(base_url=front, timeout=60) as browser,
    ):
        yield browser


@pytest.mark.parametrize("strips", [True, False], ids=["the proxy strips the path", "the proxy passes it on"])
def test_links_files_redirects_and_the_cookie_are_below_the_path(nothing_behind: Settings, strips: bool) -> None:
    with behind(nothing_behind, strips=strips) as browser:
        sent = browser.get(f"{ROOT}/explain/2017-01-06T07?tz=UTC")
        assert (sent.status_code, sent.headers["location"].partition("?")[0]) == (303, f"{ROOT}/login")
        login = browser.get(sent.headers["location"])
        links = OWN.findall(login.text)
        assert len(links) > 5
        assert all(link.startswith(f"{ROOT}/") for link in links), links
        files = [link for link in links if "/static/" in link]
        assert {browser.get(link).status_code for link in files} == {200}
        (to,) = re.findall(r'name="to" value="([^"]*)"', login.text)
        done = browser.post(f"{ROOT}/login", data={"token": TOKEN, "to": to.replace("&amp;", "&")})
        assert (done.status_code, done.headers["location"]) == (303, f"{ROOT}/explain/2017-01-06T07?tz=UTC")
        assert f"Path={ROOT};" in done.headers["set-cookie"]
        assert "Secure" in done.headers["set-cookie"]
        cookie = {"Cookie": f"{COOKIE}={_cookie(done)}"}
        described = browser.get(f"{ROOT}/api/openapi.json", headers=cookie).json()
        assert described["servers"] == [{"url": ROOT}]
        away = browser.get(f"{ROOT}/range?since=2017-01-06T07:00&until=2017-01-06T08:00", headers=cookie)
        assert (away.status_code, away.headers["location"]) == (303, f"{ROOT}/hour/2017-01-06T07")
        assert browser.get(f"{ROOT}/api/status/", headers=cookie).status_code == 404


def test_headers_of_a_proxy_that_nobody_named_do_not_count(nothing_behind: Settings) -> None:
    with behind(nothing_behind, strips=True, trusted_proxies=("192.0.2.1",)) as browser:
        done = browser.post(f"{ROOT}/login", data={"token": TOKEN})
        assert done.status_code == 303
        assert "Secure" not in done.headers["set-cookie"]


def _cookie(answer: httpx.Response) -> str:
    """The value of a cookie that the browser keeps for TLS alone."""
    return answer.headers["set-cookie"].partition(f"{COOKIE}=")[2].partition(";")[0].strip('"')
