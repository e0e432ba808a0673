"""An API on loopback that a poll asks: it serves answers, as they are or spoilt, and notes each request."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

HANG_S = 60.0

Serve = Callable[[dict[str, str]], bytes]
"""Makes an answer of the parameters of a request."""


@dataclass(frozen=True)
class Fault:
    """What the API does once in place of an answer, or to it."""

    status: int = 200
    """0: it never answers."""
    body: bytes | None = None
    """In place of the answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Half of the body comes, then the connection ends."""
    wait_s: float = 0.0
    """Pause before it answers."""


class Seen(NamedTuple):
    """One request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int


class ApiHost:
    """Serves answers by path: bytes, or a function of the query. A path may have faults, which come first, in order."""

    def __init__(self, answers: Mapping[str, bytes | Serve], *, tags: bool = True) -> None:
        self.answers = dict(answers)
        self.faults: dict[str, list[Fault]] = {}
        self.seen: list[Seen] = []
        self.ends = threading.Event()
        self.url = ""
        self.tags = tags
        """Whether answers have an ETag, and a request that names it gets 304."""
        self.key: tuple[str, str] | None = None
        """A parameter or header, and the value without which a request gets 401."""

    def statuses(self, path: str = "") -> list[int]:
        return [each.status for each in self.seen if not path or each.path == path]

    def fails(self, path: str, *faults: Fault) -> None:
        self.faults.setdefault(path, []).extend(faults)

    def may(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return self.key is None or self.key[1] in (query.get(self.key[0]), headers.get(self.key[0]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        host, path = self.server.host, urlsplit(self.path).path
        faults = host.faults.get(path)
        fault = faults.pop(0) if faults else Fault()
        with suppress(OSError):
            self._act(host, path, fault)

    def _act(self, host: ApiHost, path: str, fault: Fault) -> None:
        query, headers = dict(parse_qsl(urlsplit(self.path).query)), dict(self.headers.items())
        sends: dict[str, str] = {"Content-Type": "application/json", **fault.headers}
        serve = host.answers.get(path)
        if not host.may(query, headers):
            status, body = 401, b'{"cod":401, "message": "Invalid API key"}'
        elif fault.status != 200 or serve is None:
            status, body = (404 if fault.status == 200 else fault.status), fault.body or b"no"
        else:
            status, body = (
                200,
                fault.body if fault.body is not None else serve if isinstance(serve, bytes) else serve(query),
            )
            if host.tags:
                sends["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if host.tags and headers.get("If-None-Match") == sends["ETag"]:
                status, body = 304, b""
        host.seen.append(Seen(path, query, headers, status))
        host.ends.wait(fault.wait_s if status else HANG_S)
        if status:
            self._answer(status, body, sends, cut=fault.cut)
        self.close_connection |= not status

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str], *, cut: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection |= cut


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: ApiHost) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = host


@contextmanager
def api(host: ApiHost) -> Iterator[str]:
    """Its address, while it runs."""
    with _Server(host) as server:
        host.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield host.url
        finally:
            host.ends.set()
            server.shutdown()
            thread.join()
