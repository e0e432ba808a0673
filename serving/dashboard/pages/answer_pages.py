"""Answer pages: now, a day, an hour, a tag. Each sends a query of the command line and renders it as HTML."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.errors import NoDataError, UnavailableError, UsageError
from ingest.hours import HOUR_MS, Hour
from ingest.rule.hashtags import typed
from serving.answers.rising import Rising
from serving.dashboard.context import ContextDep
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.templating import page
from serving.dashboard.params import (
    RequestTime,
    RequestTimeDep,
    TagParams,
    ViewsDep,
    hour_at,
    hour_of_day,
    request_time,
)
from serving.dashboard.sse import events
from serving.query import time_expressions
from serving.query.calendar_days import CalendarDay, date_at
from serving.query.query import Query as Views
from serving.render.charts.bump import bump
from serving.render.charts.curve import curve
from serving.render.charts.heat import heat
from serving.views.documents import HASHTAGS

router = APIRouter(
    default_response_class=HTMLResponse,
    include_in_schema=False,
    dependencies=[Depends(reject_unknown_params), Depends(request_time)],
)
TOP_OF_HOUR, TOP_OF_DAY, RISERS = 50, 10, 5
SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
"""Spans of a tag's history, and their labels."""
MOST_HOURS = 24 * 90
Date = Annotated[str, Query(max_length=32)]


@router.get("/")
def now(request: Request, context: ContextDep, query: ViewsDep) -> Response:
    """The hour in progress and the last complete one, live."""
    return page(request, "now/page.html", {"now": context.now(query.lens).get()})


@router.get("/live", response_class=EventSourceResponse)
async def live(request: Request, context: ContextDep, query: ViewsDep) -> AsyncIterator[ServerSentEvent]:
    """The changing part of that page as HTML, whenever it changes."""
    now = context.now(query.lens)

    def html() -> str:
        return bytes(page(request, "now/part.html", {"now": now.get()}).body).decode()

    async for event in events(context, html):
        yield event


@router.get("/day")
def day(request: Request, query: ViewsDep, time: RequestTimeDep, date: Date = "", clock: int = 0) -> Response:  # noqa: ARG001
    """A day of the reader's calendar hour by hour, or the last 24 hours. The form sends its `clock` too."""
    if date:
        that = time_expressions.parse_day(date, time.resolver.now, time.tz)
        since, until = time.resolver.hours_of(that)
        until = max(since.plus(1), until)  # a day in the future shows as one without data
    else:
        that = None
        since, until = time.resolver.range(None, None, "24h")
    values: dict[str, Any] = {
        "calendar_date": that and that.date,
        "steps": _days_beside(that, time),
        "since": since,
        "until": until,
        "notes": time.notes if date else [],
    }
    try:
        answer = query.day(since, until, TOP_OF_DAY)
    except NoDataError as why:
        return page(request, "day/empty.html", values | _no_data(query, why), 404)
    values["whole"] = replace(answer.whole, tied_beyond=0)  # no table on this page ends with that tie
    charts = {"bump": bump(answer, time.tz), "heat": heat(answer, time.tz)}
    return page(request, "day/page.html", values | charts | {"day": answer})


def _days_beside(that: CalendarDay | None, time: RequestTime) -> list[date]:
    """The dates before and after a day in the reader's calendar, which may skip some; none in the future."""
    if that is None:
        return []
    before, after = date_at(that.first - 1, time.tz), date_at(that.after, time.tz)
    return [before, after] if that.after <= time.resolver.now else [before]


@router.get("/hour")
def hour_form(context: ContextDep, query: ViewsDep, time: RequestTimeDep, date: Date, clock: int) -> Response:
    """The page to which the form of date, hour and time zone leads."""
    links = Links(time.tz, query.lens, context.root_path)
    return RedirectResponse(links.hour(hour_of_day(time, date, clock)), 303)


@router.get("/hour/{text}")
def hour(request: Request, context: ContextDep, query: ViewsDep, time: RequestTimeDep, text: str) -> Response:
    """The first 50 tags of an hour, and the rising ones."""
    this = hour_at(time, text)
    views = query.hours([this], TOP_OF_HOUR)
    values: dict[str, Any] = {"hour": this, "current": context.current()}
    if not views:
        return page(request, "hour/empty.html", values | _no_data(query, query.nothing(this)), 404)
    return page(request, "hour/page.html", values | {"view": views[0], "rising": _rising(query, this)})


def _no_data(query: Views, why: NoDataError) -> dict[str, Any]:
    """The values of a page without data: the reason, in the words of the command, and the newest hour with data."""
    return {"why": why if query.lens != HASHTAGS else None, "newest": query.newest()}


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
    """One tag hour by hour: until now, or around an hour."""
    name, current = typed(params.name), context.current()
    hours = max(1, min(time_expressions.span(params.span) // HOUR_MS, MOST_HOURS))
    until = min(current, hour_at(time, params.at).plus(hours // 2)).plus(1) if params.at else current.plus(1)
    since = until.plus(-hours)
    values: dict[str, Any] = {"tag": name, "params": params, "spans": SPANS, "since": since, "until": until}
    if not name:
        return page(request, "tag/none.html", values)
    try:
        answer = query.history(name, since, until)
    except NoDataError as why:
        return page(request, "tag/empty.html", values | _no_data(query, why), 404)
    return page(request, "tag/page.html", values | {"history": answer, "chart": curve(answer, time.tz)})
