"""Security middleware: rejects requests that may not come in, and sends the security headers with every response.

It rejects foreign hosts, pages of other sites, requests without a token, and one request too many. It surrounds all
routes, so no page can forget it. It also catches unexpected errors: their details go to a file, and the response
names it.
"""

import logging
from collections import Counter
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.dashboard.context import Context
from serving.dashboard.http import probes
from serving.dashboard.http.auth import TooManyTriesError
from serving.dashboard.http.edges import API_PATHS
from serving.dashboard.http.error_handlers import RETRY_AFTER

_log = logging.getLogger(__name__)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Only scripts and styles from our own files: a tag can be neither, even if a page did not escape it."""
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PROGRAM_PATHS = (*API_PATHS, "/metrics")
"""Paths for programs, which fill in no form."""
_PUBLIC_PATHS = ("/login", "/static/")
"""Paths without a token."""

_STREAMS = frozenset({"/live", "/api/live"})
_EXPORT = "/api/export"
AT_ONCE = {"requests": 32, "streams": 64, "files": 64, "exports": 2, "probes": 8}
"""The limit of concurrent requests of each kind. A probe has its own, so a busy server is not taken for a dead one."""


class SecurityMiddleware:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self.app = app
        self.context = context
        self._active: Counter[str] = Counter()
        """Running requests of each kind; only the event loop reads and writes it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(_HEADERS)
                MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
            await send(message)

        rejection = self._reject(scope) or self._over_capacity(scope)
        if rejection is not None:
            await rejection(scope, receive, send_with_headers)
            return
        kind = _kind(scope["path"])
        self._active[kind] += 1
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - the traceback goes to a file, not to the reader
            message = f"internal error: {type(error).__name__}. {self.context.record_crash(error)}"
            _log.error("%s: %s", scope["path"], message)
            if not started:
                await PlainTextResponse(f"trends: {message}\n", 500)(scope, receive, send_with_headers)
        finally:
            self._active[kind] -= 1

    def _over_capacity(self, scope: Scope) -> Response | None:
        kind = _kind(scope["path"])
        limit = AT_ONCE[kind]
        if self._active[kind] < limit:
            return None
        return _error(scope, 503, f"too many {kind}: the limit is {limit} at once", "Try again in a few seconds")

    def _reject(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        authenticator = self.context.authenticator
        if not authenticator.is_own_host(headers.get("host", "")):
            next_step = "Use the server's address, or add the name to the setting serve.names"
            return PlainTextResponse(f"trends: unknown host name. {next_step}\n", 421)
        if authenticator.is_cross_site(headers, may_be_linked=_is_page(scope)):
            next_step = "Send it from a page of this server, or by a program"
            return _error(scope, 403, "a page of another site sent this request", next_step)
        is_public = scope["path"] in probes.PATHS or scope["path"].startswith(_PUBLIC_PATHS)
        return None if is_public else self._reject_without_token(scope, headers)

    def _reject_without_token(self, scope: Scope, headers: Headers) -> Response | None:
        try:
            if self.context.authenticator.is_authenticated(headers, client_address(scope)):
                return None
        except TooManyTriesError as error:
            return _error(scope, 429, error.what, error.next_step, str(error.wait_s))
        if scope["path"].startswith(_PROGRAM_PATHS):
            answer = _error(scope, 401, "token missing or wrong", "Send Authorization: Bearer <serve.token>")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        if headers.get("sec-fetch-dest") == "empty":  # a script of a page: it would show the form as its part
            return _error(scope, 401, "nobody is signed in", "Load the page again")
        target = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        return RedirectResponse(f"{self.context.root_path}/login?to={quote(target, safe='')}", 303)


def client_address(scope: Scope) -> str:
    """The address of the client; a proxy of `serve.trusted_proxies` may name it (`X-Forwarded-For`)."""
    client = scope.get("client")
    return client[0] if client else ""


def _kind(path: str) -> str:
    if path == _EXPORT:
        return "exports"
    if path in probes.PATHS:
        return "probes"
    return "streams" if path in _STREAMS else "files" if path.startswith("/static/") else "requests"


def _is_page(scope: Scope) -> bool:
    """Whether the request is for a page: another site may link to one, and may not send a form or use the API."""
    is_html = not scope["path"].startswith(_PROGRAM_PATHS) and _kind(scope["path"]) == "requests"
    return is_html and scope["method"] == "GET"


def _error(scope: Scope, status: int, what: str, next_step: str, retry_after: str = RETRY_AFTER) -> Response:
    headers = {"Retry-After": retry_after} if status in (429, 503) else None
    if scope["path"].startswith(_PROGRAM_PATHS):
        return JSONResponse({"error": {"what": what, "where": "", "next_step": next_step}}, status, headers)
    return PlainTextResponse(f"trends: {what}. {next_step}\n", status, headers)
