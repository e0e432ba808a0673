"""Servers on loopback that replay what live services send, and fail as they do: over real sockets."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

HANG_S = 60.0


@dataclass(frozen=True)
class Act:
    """What a server does on one connection; without one, it sends everything and keeps the connection open."""

    status: int = 200
    """0: it never answers."""
    skips: int = 0
    """Records that are over when the connection is made."""
    sends: int | None = None
    """Records that it sends before the connection ends; None: all, and it stays open."""
    every_s: float = 0.0
    """Pause before each record."""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "no"
    cut: bytes = b""
    """Sent last, before the connection ends: a part of a record."""
    alive_every_s: float = 0.0
    """How often it says that it lives, once everything is sent."""


class Acting:
    """Acts, one a connection, and what each connection asked for."""

    def __init__(self, *acts: Act) -> None:
        self._acts = list(acts)
        self.asked: list[dict[str, str]] = []
        self.ends = threading.Event()

    def next(self, path: str) -> Act:
        query = parse_qs(urlsplit(path).query)
        self.asked.append({name: values[0] for name, values in query.items()})
        return self._acts.pop(0) if self._acts else Act()


class JetstreamHost(Acting):
    """A host that keeps events, and sends those from a cursor on. Without a cursor, it sends all."""

    url = ""
    pack: Callable[[bytes], bytes] | None = None
    """How it packs events, where it does. It refuses who asks for that and for permessage-deflate too."""

    def __init__(self, events: list[bytes], *acts: Act, keeps_since_us: int = 0, later_us: int = 0) -> None:
        super().__init__(*acts)
        self._events = [(_moment(event, later_us), event.strip()) for event in events]
        self._later_us = later_us
        self._keeps_since_us = keeps_since_us
        self._now: dict[ServerConnection, Act] = {}

    def answers(self, connection: ServerConnection, request: Request) -> Response | None:
        act = self.next(request.path)
        self._now[connection] = act
        if self._packs() and "permessage-deflate" in request.headers.get("Sec-WebSocket-Extensions", ""):
            return connection.respond(HTTPStatus.BAD_REQUEST, "one of both")
        return None if act.status == 200 else connection.respond(HTTPStatus(act.status), act.body)

    def talks(self, connection: ServerConnection) -> None:
        act = self._now[connection]
        since = max(int(self.asked[-1].get("cursor", 0)), self._keeps_since_us)
        kept = [event for at, event in self._events if at == 0 or at >= since]
        try:
            for event in kept[: act.sends]:
                self.ends.wait(act.every_s)
                told = self._stamped(event)
                connection.send(self.pack(told) if self.pack and self._packs() else told, text=not self._packs())
            if act.sends is None:
                self.ends.wait(HANG_S)
            else:
                connection.socket.close()  # as a host that is gone: without a word
        except websockets.ConnectionClosed:
            return

    def _packs(self) -> bool:
        return self.pack is not None and self.asked[-1].get("compress") == "true"

    def _stamped(self, event: bytes) -> bytes:
        """As a host says it whose clock is ahead."""
        if not self._later_us or not event.startswith(b'{"did"'):
            return event
        told: dict[str, Any] = json.loads(event)
        return json.dumps(told | {"time_us": told["time_us"] + self._later_us}).encode()


def _moment(event: bytes, later_us: int) -> int:
    try:
        return int(json.loads(event)["time_us"]) + later_us
    except (ValueError, RecursionError):
        return 0  # no event: it is always sent


@contextmanager
def jetstream(*hosts: JetstreamHost) -> Iterator[list[str]]:
    """Their addresses, while they run."""
    servers = [serve(host.talks, "127.0.0.1", 0, process_request=host.answers) for host in hosts]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for host, server, thread in zip(hosts, servers, threads, strict=True):
        host.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread.start()
    try:
        yield [host.url for host in hosts]
    finally:
        for host, server, thread in zip(hosts, servers, threads, strict=True):
            host.ends.set()
            server.shutdown()
            thread.join()


TOKEN = "s3cret-t0ken"


class HttpService(Acting):
    """A stream over HTTP that sends all of its records on each connection, to who has the token; and X's rules."""

    url = ""

    def __init__(self, records: list[bytes], *acts: Act, alive: bytes = b"\r\n") -> None:
        super().__init__(*acts)
        self.records = records
        self.alive = alive
        self.paths: list[str] = []
        self.rules: list[dict[str, str]] = []
        self.refuses_rules = ""
        self.streams_at = ""
        """Another address that has the streams, to which it redirects."""
        self.timeline: list[bytes] | None = None
        """Statuses of its timelines, where it has some."""
        self.most = 40
        """Statuses in a page."""
        self.pages = Acting()
        """What it does when it is asked for a page, and what each of them was asked for."""

    def page(self, path: str) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers of what it answers, as Mastodon does: what follows an id, the newest first."""
        act = self.pages.next(path)
        if not act.status:
            self.ends.wait(HANG_S)
        if act.status != 200 or self.timeline is None:
            return (404 if act.status == 200 else act.status), act.body, act.headers
        asked = self.pages.asked[-1]
        behind = sorted((status_id(each), each) for each in self.timeline if status_id(each) > int(asked["min_id"]))
        found = [each.decode() for _, each in behind[: min(self.most, int(asked["limit"]))]]
        return 200, f"[{','.join(reversed(found))}]", act.headers

    def changed(self, change: dict[str, Any]) -> dict[str, Any]:
        """What X answers to a change of rules."""
        if self.refuses_rules:
            return {"errors": [{"title": "UnprocessableEntity", "details": [self.refuses_rules]}]}
        for rule in change.get("add", []):
            self.rules.append({"id": f"{len(self.paths)}-{rule['value']}", **rule})
        gone = change.get("delete", {}).get("ids", [])
        self.rules = [rule for rule in self.rules if rule["id"] not in gone]
        return {"meta": {"summary": {}}}


def status_id(status: bytes) -> int:
    return int(json.loads(status)["id"])


class _Server(ThreadingHTTPServer):
    def __init__(self, service: HttpService) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        change = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(201, json.dumps(self.server.service.changed(change)))

    def do_GET(self) -> None:
        service = self.server.service
        service.paths.append(urlsplit(self.path).path)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, json.dumps({"title": "Unauthorized", "heard": self.headers["Authorization"]}))
        elif self.path.endswith("/rules"):
            self._answer(200, json.dumps({"data": service.rules} if service.rules else {}))
        elif self.path == "/api/v1/streaming":
            self._answer(301 if service.streams_at else 404, "", {"Location": service.streams_at + self.path})
        elif "/timelines/" in self.path:
            with suppress(OSError):
                self._answer(*service.page(self.path))
        elif not (act := service.next(self.path)).status:
            service.ends.wait(HANG_S)
        elif act.status != 200:
            self._answer(act.status, act.body, act.headers)
        else:
            with suppress(OSError):
                self._stream(service, act)
            self.close_connection = True

    def _answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body.encode())), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def _stream(self, service: HttpService, act: Act) -> None:
        if "Date" not in act.headers:
            self.send_response(200)
        else:
            self.send_response_only(200)
            self.send_header("Date", act.headers["Date"])
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Content-Type", act.headers.get("Content-Type", "text/event-stream"))
        self.end_headers()
        for record in service.records[act.skips :][: act.sends]:
            service.ends.wait(act.every_s)
            self._chunk(record)
        if act.cut:
            self._chunk(act.cut)
        if act.sends is None:
            while not service.ends.wait(act.alive_every_s or HANG_S):
                self._chunk(service.alive)

    def _chunk(self, part: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.flush()


@contextmanager
def http(service: HttpService) -> Iterator[str]:
    """Its address, while it runs."""
    with _Server(service) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield service.url
        finally:
            service.ends.set()
            server.shutdown()
            thread.join()
