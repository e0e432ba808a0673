"""Server: where the dashboard listens, and how it stops: open streams end, and after some seconds everything else."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from config.errors import UnavailableError, UsageError
from config.settings import ServeSettings
from config.settings.network.addresses import is_loopback
from serving.dashboard.http.auth import SHORTEST
from serving.dashboard.http.connections import BACKLOG, BoundedProtocol, log_shortage, most_connections

_LONGEST_REQUEST = 256 * 1024
"""Bytes of a request line with its headers: a tag of 10 kB takes three times as many in a URL."""
_END_S = 5
"""Seconds that running responses get when the server stops."""


def check_settings(settings: ServeSettings) -> None:
    """Raise `UsageError` if other machines can connect and the server has no token, or a short one."""
    token = settings.token.get_secret_value() if settings.token else ""
    if token and len(token) < SHORTEST:
        raise UsageError(
            f"shorter than {SHORTEST} characters",
            where="serve.token",
            next_step='Make one: python -c "import secrets; print(secrets.token_urlsafe())"',
        )
    if not token and not is_loopback(settings.host):
        raise UsageError(
            f"other machines can connect to {settings.host}, and no token protects the dashboard",
            where="serve.host",
            next_step="Set serve.token (TRENDS_SERVE__TOKEN), or listen on 127.0.0.1",
        )


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that listens there; port 0 takes a free port. Raises `UnavailableError`, `UsageError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"no address: {error.strerror}", where=f"serve.host {host}") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()  # connections wait until the server is ready
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"{error.strerror}", where=f"{host}:{port}", next_step="Choose another with --port, or 0 for a free one"
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """The address for a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Stops by an event, and leaves signals to the command."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(log_shortage)
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()


def serve(app: ASGIApp, listener: socket.socket, stop: threading.Event, settings: ServeSettings) -> None:
    """Serve until something sets `stop`. Open streams then end within a second, everything else after `_END_S`."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        h11_max_incomplete_event_size=_LONGEST_REQUEST,
        http=BoundedProtocol,
        backlog=BACKLOG,
        limit_concurrency=most_connections(),
        timeout_graceful_shutdown=_END_S,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )
    _Server(config, stop).run([listener])
