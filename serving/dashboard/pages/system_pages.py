"""System pages: the status, explanations, the API's description, and the login."""

import asyncio
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.errors import UsageError
from ingest.hours import iso
from serving.dashboard.context import ContextDep
from serving.dashboard.http.auth import COOKIE, SESSION_S, TooManyTriesError
from serving.dashboard.http.edges import status_of
from serving.dashboard.http.error_handlers import headers_of
from serving.dashboard.http.middleware import client_address
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.pages.templating import page
from serving.dashboard.params import LogLines, LogName, RequestTimeDep, hour_at, request_time, request_views
from serving.render.charts.lag_line import HEIGHT, WIDTH, lag_line
from serving.render.explanation import sentences
from serving.status.lag_history import LAGS
from serving.status.stack_logs import log_end

_ALL = [Depends(reject_unknown_params), Depends(request_time), Depends(request_views)]
"""Every page rejects an unknown time zone or lens, since its links would repeat them."""
router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=_ALL)
WRONG_TOKEN = UsageError("wrong token", next_step="Type it again, or paste it whole")
_LONGEST_FORM = 4_096
_FORM_S = 10.0
"""Seconds for a form to arrive."""


@router.get("/status")
def status(request: Request, context: ContextDep, part: bool = False) -> Response:
    """Servers, layers, watermark, lag, hours by state, last runs; with `part`, the changing part."""
    template = "status/part.html" if part else "status/page.html"
    found = context.status.get()
    samples = context.lags.samples()
    lines = {name: lag_line([(each.at, getattr(each, name)) for each in samples]) for name in LAGS}
    values = {
        "status": found,
        "at": iso(context.clock()),
        "lags": lines,
        "logs": context.logs(),
        "size": (WIDTH, HEIGHT),
    }
    return page(request, template, values)


@router.get("/logs")
def logs(request: Request, context: ContextDep, name: LogName = "", n: LogLines = 200) -> Response:
    """The last lines of a log of this machine's stack; without a name the logs that there are."""
    names = list(context.logs())
    lines = log_end(context.logs(), name, n) if name else None
    return page(request, "logs.html", {"log": name, "names": names, "lines": lines, "n": n})


@router.get("/explain/{text}")
def explain(request: Request, context: ContextDep, time: RequestTimeDep, text: str, part: bool = False) -> Response:
    """Where an hour's answer came from; with `part` for the panel on the hour's page."""
    hour = hour_at(time, text)
    facts = context.explain(hour)
    template = "explain/part.html" if part else "explain/page.html"
    return page(request, template, {"hour": hour, "facts": facts, "sentences": sentences(facts)})


@router.get("/api")
def api(request: Request) -> Response:
    """The API's description for people, from `/api/openapi.json`."""
    return page(request, "api.html", {"description": request.app.openapi()})


@router.get("/login")
def login_form(request: Request, to: str = "/") -> Response:
    """The form for the token."""
    return page(request, "login.html", {"to": to, "problem": None})


@router.post("/login")
async def login(request: Request, context: ContextDep) -> Response:
    """Take the token from the form, never from a URL, and set a cookie."""
    to = "/"
    try:
        form = parse_qs((await _body(request)).decode(errors="replace"))
        to = form.get("to", ["/"])[0]
        if not context.authenticator.accepts_token(form.get("token", [""])[0], client_address(request.scope)):
            return page(request, "login.html", {"to": to, "problem": WRONG_TOKEN}, 401)
    except (UsageError, TooManyTriesError) as error:
        answer = page(request, "login.html", {"to": to, "problem": error}, status_of(error))
        answer.headers.update(headers_of(error))
        return answer
    leave = RedirectResponse(context.root_path + (to if _is_local_path(to) else "/"), 303)
    leave.set_cookie(
        COOKIE,
        context.authenticator.new_session(),
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path=context.root_path or "/",
    )
    return leave


async def _body(request: Request) -> bytes:
    """The body of a form. Raises `UsageError` if it is too long, or takes too long."""
    body = b""
    try:
        async with asyncio.timeout(_FORM_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LONGEST_FORM:
                    raise UsageError("the form is too long for a token", next_step="Type the value of serve.token")
    except TimeoutError:
        raise UsageError("the form took too long to arrive", next_step="Send it again") from None
    return body


def _is_local_path(path: str) -> bool:
    """Whether it is a path of this server, and not one that a browser reads as another host."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
