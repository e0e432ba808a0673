"""Range form: from the fields of the range control to the page of that range, whose URL says it in few words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.errors import UsageError
from serving.dashboard.context import ContextDep
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.range_control import RangeControl, RangeLink, TimeField, clocks_at, offset_of, preset_links
from serving.dashboard.pages.templating import page
from serving.dashboard.params import RangeParams, RequestTime, RequestTimeDep, ViewsDep
from serving.query.calendar_days import date_at
from serving.query.time_expressions import ClockChangeError, parse

router = APIRouter(
    default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(reject_unknown_params)]
)


class RangeFields(RangeParams):
    """The fields of the control, and the tags of its page."""

    name: list[str] = Field(default_factory=list)
    since_clock: str = ""
    """The offset by which to read a time that the clocks show twice or skip."""
    until_clock: str = ""


@router.get("/range")
def choose(
    request: Request,
    context: ContextDep,
    query: ViewsDep,
    time: RequestTimeDep,
    fields: Annotated[RangeFields, Query()],
) -> Response:
    """Lead to the page of a range; show the form again, with the reason, if the fields name none."""
    links = Links(time.tz, query.lens, context.root_path)
    try:
        exact = fields.model_copy(
            update={
                "since": _exact(fields.since, fields.since_clock, time),
                "until": _exact(fields.until, fields.until_clock, time),
            }
        )
        return RedirectResponse(links.range(exact.of(time, "24h"), fields.name), 303)
    except UsageError as problem:
        control = _again(fields, problem, time, preset_links(None, context.current(), links, fields.name))
        return page(request, "range.html", {"control": control, "problem": problem}, 400)


def _exact(text: str | None, clock: str, time: RequestTime) -> str | None:
    """A time with the offset of the chosen clock, where it needs one. Raises `ClockChangeError` without a choice."""
    if not text:
        return None
    try:
        parse(text, time.resolver.now, time.tz)
    except ClockChangeError as change:
        chosen = [each for each in change.meanings if offset_of(each) == clock]
        if not chosen:
            raise
        return chosen[0].isoformat()
    return text


def _again(fields: RangeFields, problem: UsageError, time: RequestTime, presets: Sequence[RangeLink]) -> RangeControl:
    """The control with what somebody typed."""
    today = date_at(time.resolver.now, time.tz)
    return RangeControl(
        presets=presets,
        before=None,
        after=None,
        names=fields.name,
        since=_typed(fields.since, fields.since_clock, time),
        until=_typed(fields.until, fields.until_clock, time),
        date=fields.date or f"{today}",
        words=(("last", "24h"),),
        problem=problem,
    )


def _typed(text: str | None, clock: str, time: RequestTime) -> TimeField:
    """A field with what somebody typed, and the clocks to choose from where that needs one."""
    try:
        local = datetime.fromisoformat(text or "")
    except ValueError:
        return TimeField(text or "")
    if local.tzinfo is not None:
        local = local.astimezone(time.tz)
    clocks = clocks_at(local.replace(tzinfo=None, fold=0), time.tz)
    return TimeField(f"{local:%Y-%m-%dT%H:%M}", clocks, clock if clocks else "")
