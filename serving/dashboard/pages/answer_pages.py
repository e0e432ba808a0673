"""Answer pages: now, a day, an hour, a tag. Each sends a query of the command line and renders it as HTML."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse, Response

from config.errors import NoDataError, UnavailableError, UsageError, of_parameter
from ingest.hours import Hour
from ingest.rule.hashtags import typed
from serving.answers.bounds import TooMuchError
from serving.answers.comparison import distinct_tags
from serving.answers.day import Day, HourLine
from serving.answers.rising import Rising
from serving.dashboard.context import Context, ContextDep
from serving.dashboard.http.edges import PAGE
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.pages.card_files import day_files, hour_files, tag_files
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.range_control import RangeControl, range_control
from serving.dashboard.pages.templating import page
from serving.dashboard.pages.time_range import LAST_HOUR, TimeRange, of_hour, of_last, of_range
from serving.dashboard.params import (
    RangeParams,
    RequestTime,
    RequestTimeDep,
    TagParams,
    ViewsDep,
    hour_at,
    request_time,
)
from serving.dashboard.sse import events
from serving.query import time_expressions
from serving.query.query import Query as Views
from serving.render.charts.bump import bump
from serving.render.charts.curve import curve
from serving.render.charts.heat import NUMBERS_FROM, heat
from serving.render.charts.lines import lines
from serving.render.charts.sparkline import sparkline
from serving.views.documents import HASHTAGS

router = APIRouter(
    default_response_class=HTMLResponse,
    include_in_schema=False,
    dependencies=[Depends(reject_unknown_params), Depends(request_time)],
)
TOP_OF_HOUR, TOP_OF_DAY, RISERS = 50, 10, 5
MOST_HOURS = 24 * 90


@router.get("/")
def now(request: Request, context: ContextDep, query: ViewsDep, time: RequestTimeDep) -> Response:
    """The hour in progress and the last complete one, live."""
    last = of_last(LAST_HOUR["last"], context.current(), time.tz)
    control = range_control(last, context.current(), _links(time, query, context))
    return page(request, "now/page.html", {**_now(context, query), "control": control})


@router.get("/live", response_class=EventSourceResponse)
async def live(
    request: Request, context: ContextDep, query: ViewsDep, time: RequestTimeDep
) -> AsyncIterator[ServerSentEvent]:
    """The changing part of that page as HTML, whenever it changes."""

    def html() -> str:
        values = _now(context, query)
        parts = values["now"].parts
        if time.tz.key not in parts:
            parts[time.tz.key] = bytes(page(request, "now/part.html", values).body).decode()
        return str(parts[time.tz.key])

    async for event in events(context, html, PAGE):
        yield event


def _now(context: Context, query: Views) -> dict[str, Any]:
    return {"now": context.now(query.lens).get(), "sparkline": sparkline}


@router.get("/day")
def day(
    request: Request,
    context: ContextDep,
    query: ViewsDep,
    time: RequestTimeDep,
    params: Annotated[RangeParams, Query()],
) -> Response:
    """A day of the reader's calendar hour by hour, or any other range, by default the last 24 hours."""
    hours = params.of(time, "24h")
    current = context.current()
    since, until = hours.begun(current)
    links = _links(time, query, context)
    values: dict[str, Any] = {
        "hours": hours,
        "calendar_date": hours.date if hours.form == "date" else None,
        "current": current,
        "since": since,
        "until": until,
        "notes": time.notes,
        "control": range_control(hours, current, links),
        "bump_files": day_files(links, hours, current, "bump"),
        "heat_files": day_files(links, hours, current, "heat"),
    }
    try:
        answer = query.day(since, until, TOP_OF_DAY)
    except NoDataError as why:
        return page(request, "day/empty.html", values | _no_data(query, why), 404)
    except TooMuchError as problem:
        return page(request, "day/empty.html", values | _refusal(values["control"], problem), 400)
    values["whole"] = replace(answer.whole, tied_beyond=0)  # no table on this page ends with that tie
    values |= {"bump": bump(answer, time.tz, current), "heat": heat(answer, time.tz, current)}
    return page(
        request,
        "day/page.html",
        values | {"day": answer, "stretches": _newest_first(answer), "cell_room": NUMBERS_FROM},
    )


def _newest_first(answer: Day) -> list[list[HourLine]]:
    """The hours in stretches with data and without."""
    return [list(lines) for _, lines in groupby(reversed(answer.lines), key=lambda line: line.view is None)]


def _links(time: RequestTime, query: Views, context: Context) -> Links:
    return Links(time.tz, query.lens, context.root_path)


@router.get("/hour/{text}")
def hour(request: Request, context: ContextDep, query: ViewsDep, time: RequestTimeDep, text: str) -> Response:
    """The first 50 tags of an hour, and the rising ones."""
    this = hour_at(time, text)
    views = query.hours([this], TOP_OF_HOUR)
    links = _links(time, query, context)
    values: dict[str, Any] = {
        "hour": this,
        "current": context.current(),
        "control": range_control(of_hour(this, time.tz), context.current(), links),
        "top_files": hour_files(links, "top", this, n=TOP_OF_HOUR),
        "rising_files": hour_files(links, "rising", this, n=RISERS),
    }
    if not views:
        return page(request, "hour/empty.html", values | _no_data(query, query.nothing(this)), 404)
    return page(
        request,
        "hour/page.html",
        values | {"view": views[0], "rising": _rising(query, this) if query.by == "count" else None},
    )


def _no_data(query: Views, why: NoDataError) -> dict[str, Any]:
    """The values of a page without data: the reason, in the words of the command, and the newest hour with data."""
    return {"why": why if query.lens != HASHTAGS else None, "newest": query.newest()}


def _refusal(control: RangeControl, problem: TooMuchError) -> dict[str, Any]:
    """The values of a page about too many hours: the reason, and the control with its fields open."""
    return {"refusal": problem, "control": replace(control, problem=problem)}


def _rising(query: Views, this: Hour) -> Rising | None:
    """The rising tags against the 24 hours before; None if those have no data, or too much of it."""
    try:
        return query.rising(this, 24, RISERS)
    except (NoDataError, UsageError, UnavailableError):
        return None


@router.get("/tag")
def tag(
    request: Request, context: ContextDep, query: ViewsDep, time: RequestTimeDep, params: Annotated[TagParams, Query()]
) -> Response:
    """One tag hour by hour, by default of the last 7 days or of those around an hour; two to five tags compared."""
    names = distinct_tags([name for each in params.name if (name := typed(each))])
    hours, current = _hours_of_tag(params, time, context.current()), context.current()
    since, until = hours.begun(current)
    at = None if params.last or params.date or params.since else params.at
    values: dict[str, Any] = {"names": names, "at": at, "since": since, "until": until, "notes": time.notes}
    if not names:
        return page(request, "tag/none.html", values)
    links = _links(time, query, context)
    values |= {"control": range_control(hours, current, links, names), "words": hours.words}
    values["files"] = tag_files(links, hours, current, names)
    try:
        if len(names) > 1:
            compared = query.compare(names, since, until)
            drawn = lines(compared, time.tz, current)
            return page(request, "tag/compare.html", values | {"compared": compared, "chart": drawn})
        answer = query.history(names[0], since, until)
    except NoDataError as why:
        return page(request, "tag/empty.html", values | _no_data(query, why), 404)
    except TooMuchError as problem:
        return page(request, "tag/empty.html", values | _refusal(values["control"], problem), 400)
    drawn_one = curve(answer, time.tz, current)
    return page(request, "tag/page.html", values | {"tag": names[0], "history": answer, "chart": drawn_one})


def _hours_of_tag(params: TagParams, time: RequestTime, current: Hour) -> TimeRange:
    """The range that a tag's page names; with `at` the span around that hour, as far as it has begun."""
    if not params.at or params.last or params.date or params.since:
        return params.of(time, params.span)
    with of_parameter("span"):
        span = max(1, min(time_expressions.hours_in(params.span), MOST_HOURS))
    with of_parameter("at"):
        until = min(current, hour_at(time, params.at).plus(span // 2)).plus(1)
    return of_range(until.plus(-span), until, time.tz)
