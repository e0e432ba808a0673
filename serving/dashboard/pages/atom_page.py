"""Atom page: `/hours.atom`, the last finished hours for feed readers. A client that has it already gets 304."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from serving.dashboard.api import REFUSALS
from serving.dashboard.context import ContextDep
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.pages.links import Links
from serving.dashboard.params import LensParams, RequestTimeDep
from serving.render.atom import MEDIA_TYPE, AtomPlace, atom_document

PATH = "/hours.atom"
MOST_HOURS = 48
ROWS = 10
router = APIRouter(tags=["questions"], responses=REFUSALS, dependencies=[Depends(reject_unknown_params)])


@router.get(PATH, response_class=Response)
def hours_atom(
    request: Request,
    context: ContextDep,
    time: RequestTimeDep,
    params: Annotated[LensParams, Query()],
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """The first ten tags of the last 48 finished hours as Atom 1.0, the newest first."""
    views = params.of(context.query).finished(MOST_HOURS, ROWS)
    links = Links(time.tz, params.lens, f"{request.url.scheme}://{request.headers['host']}{context.root_path}")
    place = AtomPlace(links.to(PATH), links.to("/day"), links.hour, context.authority)
    content = atom_document(views, params.lens, time.tz, place)
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


def _matches(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names this tag, by the weak comparison (RFC 9110, 8.8.3.2)."""
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in header.split(","))
