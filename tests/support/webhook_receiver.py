"""A receiver of webhooks on a real socket, which answers as a script says and keeps all that it got."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple


class Got(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Act(NamedTuple):
    """The answer to one request."""

    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    cut: bool = False
    """Hang up in the middle of the status line."""
    held: threading.Event | None = None
    """Answer once somebody sets it."""
    drips: bool = False
    """Answer a byte at a time, until the sender hangs up."""


class Receiver:
    """Answers by the script, and with its last act from then on."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self.acts = list(acts)
        self.got: list[Got] = []
        self.url = ""

    def take(self, got: Got) -> Act:
        """Keep a request; how to answer."""
        self.got.append(got)
        return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]


@contextmanager
def receiving(*acts: Act, identity: Path | None = None) -> Iterator[Receiver]:
    """A receiver while it listens; `identity`: key and certificate of one that speaks TLS."""
    receiver = Receiver(acts or [Act()])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            act = receiver.take(Got(self.path, headers, body))
            if act.held:
                act.held.wait(60)
            if act.cut:
                self.wfile.write(b"HTTP/1.1 2")
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if act.drips:
                with suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
                    for _ in range(600):
                        self.wfile.write(b"x")
                        time.sleep(0.05)
                return
            self.send_response(act.status)
            for name, value in act.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if identity:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.url = f"{'https' if identity else 'http'}://127.0.0.1:{server.server_port}/hook/SECRETPATH"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
