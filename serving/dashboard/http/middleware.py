"""Guard: what surrounds every answer. It refuses what may not ask, and says what a browser may do with us.

Refused are strange hosts, pages of other sites, whoever has no token, and one request too many. It stands
outside of all routes, so no page can forget it. An error that nobody foresaw ends here: its details go to a file, the
reader is told where.
"""

import logging
from collections import Counter
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.dashboard.context import Board
from serving.dashboard.http.auth import TooManyTriesError
from serving.dashboard.http.error_handlers import RETRY_AFTER

_log = logging.getLogger(__name__)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""No script and no style but our own files: what a tag holds can be neither, even where it were not escaped."""
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FOR_PROGRAMS = ("/api/", "/metrics")
"""Paths that a program asks, which fills in no form."""
_FOR_ALL = ("/login", "/static/")
"""Paths that need no token."""

_STREAMS = frozenset({"/live", "/api/live"})
AT_ONCE = {"requests": 32, "streams": 64, "files": 64}
"""How many requests of a kind are answered at once."""


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, board: Board) -> None:
        self.app = app
        self.board = board
        self._now: Counter[str] = Counter()
        """Requests of each kind that are being answered; only the event loop looks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def marked(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(_ALWAYS)
                MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refused(scope) or self._one_too_many(scope)
        if refused is not None:
            await refused(scope, receive, marked)
            return
        kind = _kind(scope["path"])
        self._now[kind] += 1
        try:
            await self.app(scope, receive, marked)
        except Exception as error:  # noqa: BLE001 - nobody sees a traceback: it goes to a file
            told = f"internal error: {type(error).__name__}. {self.board.defect(error)}"
            _log.error("%s: %s", scope["path"], told)
            if not begun:
                await PlainTextResponse(f"trends: {told}\n", 500)(scope, receive, marked)
        finally:
            self._now[kind] -= 1

    def _one_too_many(self, scope: Scope) -> Response | None:
        kind = _kind(scope["path"])
        if self._now[kind] < AT_ONCE[kind]:
            return None
        return _refusal(scope, 503, f"{AT_ONCE[kind]} {kind} are answered at once", "Ask again in some seconds")

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        access = self.board.access
        if not access.is_ours(headers.get("host", "")):
            told = "trends: not the name of this server. Use its address, or add the name to the setting serve.names\n"
            return PlainTextResponse(told, 421)
        if access.is_cross_site(headers, may_be_linked=_may_be_linked(scope)):
            return _refusal(scope, 403, "a page of another site asks this", "Open it from here, or by a program")
        try:
            if scope["path"].startswith(_FOR_ALL) or access.lets_in(headers, address_of(scope)):
                return None
        except TooManyTriesError as error:
            return _refusal(scope, 429, error.what, error.next_step, str(error.wait_s))
        if scope["path"].startswith(_FOR_PROGRAMS):
            answer = _refusal(scope, 401, "a token is needed", "Send Authorization: Bearer <serve.token>")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        wanted = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        return RedirectResponse(f"/login?to={quote(wanted, safe='')}", 303)


def address_of(scope: Scope) -> str:
    """The address of whoever asks; a proxy on this machine may name it (`X-Forwarded-For`)."""
    client = scope.get("client")
    return client[0] if client else ""


def _kind(path: str) -> str:
    return "streams" if path in _STREAMS else "files" if path.startswith("/static/") else "requests"


def _may_be_linked(scope: Scope) -> bool:
    """Whether it is for a page: a link from another site may open one, but sends no form, and asks no API."""
    is_page = not scope["path"].startswith(_FOR_PROGRAMS) and _kind(scope["path"]) == "requests"
    return is_page and scope["method"] == "GET"


def _refusal(scope: Scope, status: int, what: str, next_step: str, retry_after: str = RETRY_AFTER) -> Response:
    headers = {"Retry-After": retry_after} if status in (429, 503) else None
    if scope["path"].startswith(_FOR_PROGRAMS):
        return JSONResponse({"error": {"what": what, "where": "", "next_step": next_step}}, status, headers)
    return PlainTextResponse(f"trends: {what}. {next_step}\n", status, headers)
