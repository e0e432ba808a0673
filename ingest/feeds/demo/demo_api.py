"""The demo API: a server on loopback that answers as the API of a shipped feed does, with generated values.

An answer depends on the seed and the moment alone: whoever asks twice for a moment, gets the same.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from config.errors import UsageError
from ingest.feeds.declaration.model import HttpSource, NamedFeed
from ingest.feeds.demo import velib_answers, weather_answers
from ingest.hours import Millis

MakeAnswer = Callable[[int, Mapping[str, str], Millis], Any]
"""JSON of the seed, the parameters of the request and the moment."""

DEMOS: dict[str, dict[str, MakeAnswer]] = {
    "weather": {
        "/weather": weather_answers.current,
        "/forecast": weather_answers.forecast,
        "/air_pollution": weather_answers.air_pollution,
    },
    "velib": {"/exports/json": velib_answers.export},
    "velib_gbfs": {
        "/station_status.json": velib_answers.station_status,
        "/station_information.json": velib_answers.station_information,
    },
}
"""Feeds with a demo, and what makes the answer at each path."""


@contextmanager
def demo_api(feed: str, seed: int, now: Callable[[], Millis]) -> Iterator[str]:
    """The address of the API of a feed, while it runs. Raises `UsageError` for a feed without a demo."""
    if feed not in DEMOS:
        raise UsageError(f"no demo of the feed {feed[:70]!r}; there is one of {', '.join(DEMOS)}")
    with _Server(DEMOS[feed], seed, now) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def redirect_feed(feed: NamedFeed, url: str, every_s: float | None = None) -> NamedFeed:
    """The feed with the API at another address, without a key, and every so many seconds. Raises `UsageError`."""
    source = feed.declaration.source
    if not isinstance(source, HttpSource):
        raise UsageError("it polls no API", where=f"feed {feed.name}")
    changed = {"url": url, "secret": None} | ({} if every_s is None else {"every": every_s})
    moved = source.model_copy(update=changed)
    return feed._replace(declaration=feed.declaration.model_copy(update={"source": moved}))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answers: Mapping[str, MakeAnswer], seed: int, now: Callable[[], Millis]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.seed = seed
        self.now = now


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing: the demo shows what its feed does."""

    def do_GET(self) -> None:
        """Answer a request, or that nothing has changed, or that nothing is at its path."""
        parts, server = urlsplit(self.path), self.server
        make = server.answers.get(parts.path)
        answer = (
            {"error": "no such path"} if make is None else make(server.seed, dict(parse_qsl(parts.query)), server.now())
        )
        body = msgspec.json.encode(answer)
        tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
        status = 404 if make is None else 304 if self.headers["If-None-Match"] == tag else 200
        sent = b"" if status == 304 else body
        with suppress(OSError):  # the client has gone
            self.send_response(status)
            for name, value in (
                ("Content-Type", "application/json"),
                ("ETag", tag),
                ("Content-Length", str(len(sent))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)
