"""Desk: the pages around the answers: what runs, how to ask by program, and signing in."""

import asyncio
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.errors import UsageError
from ingest.hours import iso
from serving.dashboard.context import OnBoard
from serving.dashboard.http.auth import COOKIE, SESSION_S
from serving.dashboard.http.middleware import address_of
from serving.dashboard.http.unknown_params import only_known
from serving.dashboard.pages.templating import page
from serving.dashboard.params import Chosen, choice, hour_at, looking
from serving.render.explanation import sentences

_ALL = [Depends(only_known), Depends(choice), Depends(looking)]
"""Every page refuses a time zone and a lens that there is not, since its links keep them."""
router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=_ALL)
_LONGEST_FORM = 4_096
_FORM_S = 10.0
"""How long a form may take to come."""


@router.get("/status")
def status(request: Request, board: OnBoard, part: bool = False) -> Response:
    """Servers, layers, watermark, lag, hours by state, last runs; with `part` what of it changes."""
    template = "status_part.html" if part else "status.html"
    return page(request, template, {"told": board.status.get(), "at": iso(board.clock())})


@router.get("/explain/{text}")
def explain(request: Request, board: OnBoard, chosen: Chosen, text: str, part: bool = False) -> Response:
    """Where an hour's answer came from; with `part` for the panel on the hour's page."""
    hour = hour_at(chosen, text)
    facts = board.explain(hour)
    template = "explain_part.html" if part else "explain.html"
    return page(request, template, {"hour": hour, "facts": facts, "sentences": sentences(facts)})


@router.get("/api")
def api(request: Request) -> Response:
    """The API's description for people: what `/api/openapi.json` says."""
    return page(request, "api.html", {"description": request.app.openapi()})


@router.get("/login")
def ask_token(request: Request, to: str = "/") -> Response:
    """Where a browser shows the token."""
    return page(request, "login.html", {"to": to, "wrong": False})


@router.post("/login")
async def take_token(request: Request, board: OnBoard) -> Response:
    """Take the token from the form, never from a URL, and leave a cookie in its place."""
    body = await _body(request)
    form = parse_qs(body.decode(errors="replace"))
    to = form.get("to", ["/"])[0]
    if not board.access.show(form.get("token", [""])[0], address_of(request.scope)):
        return page(request, "login.html", {"to": to, "wrong": True}, 401)
    answer = RedirectResponse(to if _is_ours(to) else "/", 303)
    answer.set_cookie(
        COOKIE,
        board.access.session(),
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure="https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").strip().lower()),
    )
    return answer


async def _body(request: Request) -> bytes:
    """What a form sends. Raises `UsageError` where it is too long, or takes too long."""
    body = b""
    try:
        async with asyncio.timeout(_FORM_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LONGEST_FORM:
                    raise UsageError("a token is not that long", next_step="Type the value of serve.token")
    except TimeoutError:
        raise UsageError("the form took too long to come", next_step="Send it again") from None
    return body


def _is_ours(path: str) -> bool:
    """Whether it leads nowhere else: a path, and not what a browser reads as another host."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
