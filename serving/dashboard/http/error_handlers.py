"""Refusals: an error as an answer, JSON for the API and a page for a browser. Always what, where and what next."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from config.errors import NoDataError, TrendsError, UnavailableError, UsageError
from serving.dashboard.http.auth import TooManyTriesError
from serving.dashboard.pages.templating import page

STATUSES: dict[type[TrendsError], int] = {
    UsageError: 400,
    NoDataError: 404,
    TooManyTriesError: 429,
    UnavailableError: 503,
}
TITLES = {400: "Not understood", 404: "Nothing there", 429: "Wait a moment", 503: "No answer at the moment"}
RETRY_AFTER = "3"
"""Seconds after which a server that could not answer may be asked again."""


def refusal(request: Request, error: Exception) -> Response:
    """The answer to a request that ended in an error."""
    status, told = _told(error)
    headers = _headers(status, error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": told}, status, headers)
    answer = page(request, "refused.html", {"title": TITLES.get(status, "Not done"), "problem": told}, status)
    answer.headers.update(headers)
    return answer


def _headers(status: int, error: Exception) -> dict[str, str]:
    if isinstance(error, TooManyTriesError):
        return {"Retry-After": str(error.wait_s)}
    return {"Retry-After": RETRY_AFTER} if status == 503 else {}


def _told(error: Exception) -> tuple[int, dict[str, Any]]:
    if isinstance(error, TrendsError):
        status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)
        return status, {"what": error.what, "where": error.where, "next_step": error.next_step}
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return 400, {"what": first["msg"], "where": str(first["loc"][-1]), "next_step": "See /api"}
    if isinstance(error, HTTPException):
        what = "there is no such page" if error.status_code == 404 else "that can't be asked like this"
        return error.status_code, {"what": what, "where": "", "next_step": "See /api"}
    return 500, {"what": "internal error", "where": "", "next_step": "See the log of the server"}
