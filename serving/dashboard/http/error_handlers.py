"""Error handlers: an error as a response, JSON for the API and a page for browsers, with what, where and next step."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from config.errors import NoDataError, TrendsError, UnavailableError, UsageError
from serving.dashboard.http.auth import TooManyTriesError
from serving.dashboard.pages.templating import page

STATUSES: dict[type[TrendsError], int] = {
    UsageError: 400,
    NoDataError: 404,
    TooManyTriesError: 429,
    UnavailableError: 503,
}
TITLES = {400: "Invalid request", 404: "Not found", 429: "Too many attempts", 503: "Service unavailable"}
_TEXTS = frozenset({"/live", "/metrics", "/healthz", "/readyz"})
"""Paths for programs other than those of the API: an error there is a line of text."""
RETRY_AFTER = "3"
"""Seconds after which a client may try again."""


def error_response(request: Request, error: Exception) -> Response:
    """The response to a request that ended in an error."""
    status, problem = _describe(error)
    headers = _headers(status, error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": problem}, status, headers)
    if request.url.path in _TEXTS:
        return PlainTextResponse(
            f"trends: {': '.join(filter(None, (problem['where'], problem['what'])))}\n", status, headers
        )
    answer = page(request, "error.html", {"title": TITLES.get(status, "Error"), "problem": problem}, status)
    answer.headers.update(headers)
    return answer


def _headers(status: int, error: Exception) -> dict[str, str]:
    if isinstance(error, HTTPException):
        return dict(error.headers or {})
    if isinstance(error, TooManyTriesError):
        return {"Retry-After": str(error.wait_s)}
    return {"Retry-After": RETRY_AFTER} if status == 503 else {}


def _describe(error: Exception) -> tuple[int, dict[str, Any]]:
    if isinstance(error, TrendsError):
        status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)
        return status, {"what": error.what, "where": error.where, "next_step": error.next_step}
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return 400, {"what": first["msg"], "where": str(first["loc"][-1]), "next_step": "See /api"}
    if isinstance(error, HTTPException):
        what = "no such page" if error.status_code == 404 else "method not allowed"
        return error.status_code, {"what": what, "where": "", "next_step": "See /api"}
    return 500, {"what": "internal error", "where": "", "next_step": "See the log of the server"}
