"""Edges: how the API and the pages word an error. One names parameters of a URL, the other the fields of a form.

An error says what is wrong and which parameters are at fault (`UsageError.parameters`). Commands that look at servers
become what the dashboard has in their place; those that only the command line can do stay.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from config.errors import NoDataError, TrendsError, UnavailableError, UsageError
from serving.dashboard.http.auth import TooManyTriesError

STATUSES: dict[type[TrendsError], int] = {
    UsageError: 400,
    NoDataError: 404,
    TooManyTriesError: 429,
    UnavailableError: 503,
}
API_PATHS = ("/api/", "/hours.atom")
"""How the paths of routes for programs begin."""
FIELDS = {
    "against": "Against",
    "at": "Around the hour",
    "clock": "Hour",
    "date": "Day",
    "hour": "Hour",
    "kind": "Kind",
    "last": "Last",
    "least": "Least score",
    "n": "Rows",
    "name": "Hashtag",
    "since": "From",
    "source": "Source",
    "span": "Span",
    "tag": "Hashtag",
    "to": "Page",
    "token": "Token",
    "tz": "Time zone",
    "until": "To",
}
"""The labels of the fields, by the names of their parameters."""
_LOOKS = re.compile(r"`trends (status|logs (\w+))`")


@dataclass(frozen=True)
class Edge:
    """The words of one edge."""

    parameter: Callable[[str], str]
    status: str
    """What shows the servers, in place of `trends status`."""
    log: str
    """What shows the log of a server, in place of `trends logs`."""
    describes: str
    """What describes the routes."""

    def problem(self, error: Exception) -> dict[str, Any]:
        """`what`, `where` and `next_step` of an error."""
        if isinstance(error, UsageError):
            texts = (error.what, error.where, error.next_step)
            what, where, step = (self._looks(error.worded(self.parameter, text)) for text in texts)
            named = "" if what != error.what or step != error.next_step else " / ".join(self.names(error))
            return {"what": what, "where": where or named, "next_step": step}
        if isinstance(error, TrendsError):
            return {"what": error.what, "where": error.where, "next_step": self._looks(error.next_step)}
        if isinstance(error, RequestValidationError):
            where = " / ".join(self.names(error))
            return {"what": error.errors()[0]["msg"], "where": where, "next_step": f"See {self.describes}"}
        if isinstance(error, HTTPException):
            what = "no such page" if error.status_code == 404 else "method not allowed"
            return {"what": what, "where": "", "next_step": f"See {self.describes}"}
        return {"what": "internal error", "where": "", "next_step": "See the log of the server"}

    def line(self, error: Exception) -> str:
        """An error as a line of text: `where: what. next step`, without the empty parts."""
        problem = self.problem(error)
        head = ": ".join(filter(None, (problem["where"], problem["what"])))
        return ". ".join(filter(None, (head, problem["next_step"])))

    def names(self, error: Exception) -> list[str]:
        """The parameters at fault, without the marks of a text."""
        return [self.parameter(name).strip("`“”") for name in parameters_of(error)]

    def _looks(self, text: str) -> str:
        return _LOOKS.sub(lambda match: self.log.format(match[2]) if match[2] else self.status, text)


API = Edge(lambda name: f"`{name}`", "`GET /api/status`", "`GET /api/logs?name={}`", "/api")
PAGE = Edge(lambda name: f"“{FIELDS.get(name, name)}”", "the page Status", "the log of {} there", "the page API")


def parameters_of(error: Exception) -> tuple[str, ...]:
    """The parameters at fault."""
    if isinstance(error, UsageError):
        return error.parameters
    if isinstance(error, RequestValidationError):
        place = error.errors()[0]["loc"]  # query, the name, and in a list its index
        return (str(place[min(1, len(place) - 1)]),)
    return ()


def status_of(error: Exception) -> int:
    """The status of the response."""
    if isinstance(error, TrendsError):
        return next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)
    if isinstance(error, HTTPException):
        return error.status_code
    return 400 if isinstance(error, RequestValidationError) else 500
