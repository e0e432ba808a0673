"""API: the queries of the command line over HTTP, with the same JSON. `/api/openapi.json` describes it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from ingest.rule.hashtags import typed
from serving.dashboard import hints
from serving.dashboard.context import Context, ContextDep
from serving.dashboard.http.unknown_params import reject_unknown_params
from serving.dashboard.params import (
    DayParams,
    ExplainParams,
    HistoryParams,
    LensParams,
    RequestTimeDep,
    RisingParams,
    TopParams,
)
from serving.dashboard.sse import events
from serving.query.query import Query as Views
from serving.query.suggestions import Suggest
from serving.query.time_expressions import hours_in
from serving.query.time_ranges import reject_combination
from serving.render.json_answers import day_json, history_json, hour_json, hours_json, range_json, rising_json
from serving.render.json_shapes import (
    DayAnswer,
    HistoryAnswer,
    HourAnswer,
    HoursAnswer,
    RangeAnswer,
    Refusal,
    RisingAnswer,
    Status,
)

_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "Invalid request: the reason and the next step."},
    404: {"model": Refusal, "description": "No data."},
    503: {"model": Refusal, "description": "MongoDB does not answer, or too many requests run: see Retry-After."},
}
router = APIRouter(
    prefix="/api", tags=["questions"], responses=_REFUSALS, dependencies=[Depends(reject_unknown_params)]
)


def _query(context: Context, params: LensParams, suggest: Suggest) -> Views:
    """A query whose hints name the path of the request."""
    return replace(params.of(context.query), suggest=suggest)


@router.get("/top")
def top(
    context: ContextDep, time: RequestTimeDep, params: Annotated[TopParams, Query()]
) -> HoursAnswer | HourAnswer | RangeAnswer:
    """Which hashtags were used most? Without a time: now. As `trends top --json`."""
    query = replace(params.of(context.query), origin=params.origin, suggest=hints.hour("/api/top"))
    since, until, last = params.since, params.until, params.last
    if params.hour is not None:
        reject_combination(params.hour, since, until, last)
        return hour_json(query.hour(time.resolver.hour(params.hour), params.n))
    if since is not None or until is not None or last is not None:
        return range_json(query.range(*time.resolver.range(since, until, last), params.n))
    views = query.now(context.current(), params.n)
    return hours_json(views, query.rules(views))


@router.get("/day")
def day(context: ContextDep, time: RequestTimeDep, params: Annotated[DayParams, Query()]) -> DayAnswer:
    """Each hour of a day by itself, and its tags as series. As `trends day --json`."""
    since, until = time.resolver.day(params.date) if params.date else time.resolver.range(None, None, params.last)
    return day_json(_query(context, params, hints.day("/api/day")).day(since, until, params.n))


@router.get("/rising")
def rising(context: ContextDep, time: RequestTimeDep, params: Annotated[RisingParams, Query()]) -> RisingAnswer:
    """The tags whose share grew most against the hours before. As `trends rising --json`."""
    query = _query(context, params, hints.hour("/api/rising"))
    hour = time.resolver.hour(params.hour) if params.hour is not None else query.latest(context.current())
    return rising_json(query.rising(hour, hours_in(params.against), params.n, params.least))


@router.get("/tag")
def tag(context: ContextDep, time: RequestTimeDep, params: Annotated[HistoryParams, Query()]) -> HistoryAnswer:
    """One hashtag hour by hour, with its spellings. As `trends tag --json`."""
    since, until = time.resolver.range(params.since, params.until, params.last, default="7d")
    query = _query(context, params, hints.tag("/api/tag", params.name))
    return history_json(query.history(typed(params.name), since, until))


@router.get("/explain")
def explain(context: ContextDep, time: RequestTimeDep, params: Annotated[ExplainParams, Query()]) -> dict[str, Any]:
    """Where an hour's answer came from. As `trends explain --json`."""
    return context.explain(time.resolver.hour(params.hour)).to_json()


@router.get("/status", response_model=Status)
def status(context: ContextDep) -> dict[str, Any]:
    """Servers, lag, watermark, hours by state and runs of the batch layer. As `trends status --json`."""
    return context.status.get().to_json()


@router.get("/live", response_class=EventSourceResponse)
async def live(context: ContextDep, params: Annotated[LensParams, Query()]) -> AsyncIterator[ServerSentEvent]:
    """`answer`, as `/api/top` without a time, when it changes; `trouble` if there is none; `beat` each second."""
    now = context.now(params.lens)
    async for event in events(context, lambda: hours_json(now.get().views(), now.get().rules)):
        yield event
