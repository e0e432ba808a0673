"""Guard: what surrounds every answer. Refuses strange hosts and who has no token; says what a browser may do with us.

It stands outside of all routes, so no page can forget it. An error that nobody foresaw ends here: its details go to a
file, the reader is told where.
"""

import logging
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.dashboard.board import Board

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


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, board: Board) -> None:
        self.app = app
        self.board = board

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

        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, marked)
            return
        try:
            await self.app(scope, receive, marked)
        except Exception as error:  # noqa: BLE001 - nobody sees a traceback: it goes to a file
            told = f"an error that should not happen: {type(error).__name__}. {self.board.defect(error)}"
            _log.error("%s: %s", scope["path"], told)
            if not begun:
                await PlainTextResponse(f"trends: {told}\n", 500)(scope, receive, marked)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        access = self.board.access
        if not access.is_ours(headers.get("host", "")):
            told = "trends: not the name of this server. Use its address, or add the name to the setting serve.names\n"
            return PlainTextResponse(told, 421)
        if access.lets_in(headers) or scope["path"].startswith(_FOR_ALL):
            return None
        if scope["path"].startswith(_FOR_PROGRAMS):
            problem = {
                "what": "a token is needed",
                "where": "",
                "next_step": "Send Authorization: Bearer <serve.token>",
            }
            return JSONResponse({"error": problem}, 401, {"WWW-Authenticate": "Bearer"})
        wanted = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
        return RedirectResponse(f"/login?to={quote(wanted, safe='')}", 303)
