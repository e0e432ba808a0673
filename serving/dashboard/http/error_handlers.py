"""Error handlers: an error as a response, JSON for the API, a line for probes, and for people a page with its form."""

from typing import NamedTuple

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from serving.dashboard.http.auth import TooManyTriesError
from serving.dashboard.http.edges import API, API_PATHS, FIELDS, PAGE, parameters_of, status_of
from serving.dashboard.http.unknown_params import names_of
from serving.dashboard.pages.templating import page

TITLES = {400: "Invalid request", 404: "Not found", 429: "Too many attempts", 503: "Service unavailable"}
_TEXTS = frozenset({"/live", "/metrics", "/healthz", "/readyz"})
"""Paths for programs other than those of the API: an error there is a line of text."""
_HIDDEN = frozenset({"kind", "source", "part", "to"})
"""Parameters that no form shows unless they are wrong."""
RETRY_AFTER = "3"
"""Seconds after which a client may try again."""


class Field(NamedTuple):
    """A field of the form on an error's page, as the reader filled it."""

    name: str
    label: str
    value: str
    is_wrong: bool
    is_hidden: bool


def error_response(request: Request, error: Exception) -> Response:
    """The response to a request that ended in an error."""
    status, headers, path = status_of(error), headers_of(error), request.url.path
    if path.startswith(API_PATHS):
        return JSONResponse({"error": API.problem(error)}, status, headers)
    if path in _TEXTS:
        return PlainTextResponse(f"trends: {PAGE.line(error)}\n", status, headers)
    values = {"title": TITLES.get(status, "Error"), "problem": PAGE.problem(error), "fields": _fields(request, error)}
    answer = page(request, "error.html", values, status)
    answer.headers.update(headers)
    return answer


def headers_of(error: Exception) -> dict[str, str]:
    """The headers that an error brings."""
    if isinstance(error, HTTPException):
        return dict(error.headers or {})
    if isinstance(error, TooManyTriesError):
        return {"Retry-After": str(error.wait_s)}
    return {"Retry-After": RETRY_AFTER} if status_of(error) == 503 else {}


def _fields(request: Request, error: Exception) -> list[Field]:
    """The request as a form, if a parameter of it is wrong: each field as it came, and those that are missing."""
    wrong = set(parameters_of(error)) & names_of(request).keys()
    if not wrong or request.method != "GET":
        return []
    sent = [(name, value) for name, value in request.query_params.multi_items() if name in names_of(request)]
    missing = [(name, "") for name in sorted(wrong - {name for name, _ in sent})]
    return [
        Field(name, FIELDS.get(name, name), value, name in wrong, name in _HIDDEN - wrong)
        for name, value in [*sent, *missing]
    ]
