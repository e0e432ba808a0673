"""Pages: now, a day, an hour, a tag. Each asks what the command line asks, and says it as HTML."""

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
from serving.dashboard.context import OnBoard
from serving.dashboard.http.unknown_params import only_known
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.templating import page
from serving.dashboard.params import Choice, Chosen, Looking, TagAsked, choice, hour_at, hour_of_day
from serving.dashboard.sse import events
from serving.query import time_expressions
from serving.query.calendar_days import CalendarDay, date_at
from serving.query.query import Query as Views
from serving.render.charts.bump import bump
from serving.render.charts.curve import curve
from serving.render.charts.heat import heat
from serving.views.documents import HASHTAGS

router = APIRouter(
    default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(only_known), Depends(choice)]
)
TOP_OF_HOUR, TOP_OF_DAY, RISERS = 50, 10, 5
SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
"""How long a tag's history is, and how that is said."""
MOST_HOURS = 24 * 90
Date = Annotated[str, Query(max_length=32)]


@router.get("/")
def now(request: Request, board: OnBoard, query: Looking) -> Response:
    """The hour in progress and the last complete one, live."""
    return page(request, "now.html", {"now": board.now(query.lens).get()})


@router.get("/live", response_class=EventSourceResponse)
async def live(request: Request, board: OnBoard, query: Looking) -> AsyncIterator[ServerSentEvent]:
    """What of that page changes, as HTML, whenever it does."""
    now = board.now(query.lens)

    def told() -> str:
        return bytes(page(request, "now_part.html", {"now": now.get()}).body).decode()

    async for event in events(board, told):
        yield event


@router.get("/day")
def day(request: Request, query: Looking, chosen: Chosen, date: Date = "", clock: int = 0) -> Response:  # noqa: ARG001
    """A day of the reader's calendar hour by hour, or the last 24 hours. The form sends its `clock` too."""
    if date:
        that = time_expressions.parse_day(date, chosen.asked.now, chosen.tz)
        since, until = chosen.asked.hours_of(that)
        until = max(since.plus(1), until)  # a day that has not come is shown as one without data
    else:
        that = None
        since, until = chosen.asked.range(None, None, "24h")
    asked: dict[str, Any] = {
        "date_asked": that and that.date,
        "steps": _days_beside(that, chosen),
        "since": since,
        "until": until,
        "notes": chosen.notes if date else [],
    }
    try:
        found = query.day(since, until, TOP_OF_DAY)
    except NoDataError as why:
        return page(request, "day_empty.html", asked | _nothing(query, why), 404)
    asked["whole"] = replace(found.whole, tied_beyond=0)  # a tie after the last tag of the table tells nobody anything
    charts = {"bump": bump(found, chosen.tz), "heat": heat(found, chosen.tz)}
    return page(request, "day.html", asked | charts | {"found": found})


def _days_beside(that: CalendarDay | None, chosen: Choice) -> list[date]:
    """The dates before and after a day in the reader's calendar, which may leave some out; none that is to come."""
    if that is None:
        return []
    before, after = date_at(that.first - 1, chosen.tz), date_at(that.after, chosen.tz)
    return [before, after] if that.after <= chosen.asked.now else [before]


@router.get("/hour")
def choose(query: Looking, chosen: Chosen, date: Date, clock: int) -> Response:
    """What the form of date, hour and time zone leads to."""
    return RedirectResponse(Links(chosen.tz, query.lens).hour(hour_of_day(chosen, date, clock)), 303)


@router.get("/hour/{text}")
def hour(request: Request, board: OnBoard, query: Looking, chosen: Chosen, text: str) -> Response:
    """The first 50 of an hour, and what rose in it."""
    asked = hour_at(chosen, text)
    views = query.hours([asked], TOP_OF_HOUR)
    told: dict[str, Any] = {"hour": asked, "current": board.current()}
    if not views:
        return page(request, "hour_empty.html", told | _nothing(query, query.nothing(asked)), 404)
    return page(request, "hour.html", told | {"view": views[0], "rising": _rising(query, asked)})


def _nothing(query: Views, why: NoDataError) -> dict[str, Any]:
    """What a page without an answer tells: why, in the words of the command, and the newest hour that has one."""
    return {"why": why if query.lens != HASHTAGS else None, "newest": query.newest()}


def _rising(query: Views, asked: Hour) -> Rising | None:
    """What rose against the 24 hours before; None where there is nothing to compare with, or too much."""
    try:
        return query.rising(asked, 24, RISERS)
    except (NoDataError, UsageError, UnavailableError):
        return None


@router.get("/tag")
def tag(
    request: Request, board: OnBoard, query: Looking, chosen: Chosen, asked: Annotated[TagAsked, Query()]
) -> Response:
    """One tag hour by hour: until now, or around an hour."""
    name, current = typed(asked.name), board.current()
    hours = max(1, min(time_expressions.span(asked.span) // HOUR_MS, MOST_HOURS))
    until = min(current, hour_at(chosen, asked.at).plus(hours // 2)).plus(1) if asked.at else current.plus(1)
    since = until.plus(-hours)
    told: dict[str, Any] = {"tag": name, "asked": asked, "spans": SPANS, "since": since, "until": until}
    if not name:
        return page(request, "tag_none.html", told)
    try:
        found = query.history(name, since, until)
    except NoDataError as why:
        return page(request, "tag_empty.html", told | _nothing(query, why), 404)
    return page(request, "tag.html", told | {"found": found, "chart": curve(found, chosen.tz)})
