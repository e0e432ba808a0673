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
    LogLines,
    LogName,
    RequestTime,
    RequestTimeDep,
    RisingParams,
    TopParams,
)
from serving.dashboard.sse import events
from serving.query.questions import Questions
from serving.query.suggestions import Suggest
from serving.render.json_answers import day_json, history_json, hours_json, rising_json, top_json
from serving.render.json_shapes import (
    DayAnswer,
    HistoryAnswer,
    HourAnswer,
    HoursAnswer,
    LogAnswer,
    RangeAnswer,
    Refusal,
    RisingAnswer,
    Status,
)
from serving.render.now.now_json import NowAnswer, now_json
from serving.status.stack_logs import log_end

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "Invalid request: the reason and the next step."},
    404: {"model": Refusal, "description": "No data."},
    503: {"model": Refusal, "description": "MongoDB does not answer, or too many requests run: see Retry-After."},
}
router = APIRouter(prefix="/api", tags=["questions"], responses=REFUSALS, dependencies=[Depends(reject_unknown_params)])


def _questions(context: Context, time: RequestTime, params: LensParams, suggest: Suggest) -> Questions:
    """The questions of a request, whose hints name its path."""
    return Questions(replace(params.of(context.query), suggest=suggest), time.resolver)


@router.get("/top")
def top(
    context: ContextDep, time: RequestTimeDep, params: Annotated[TopParams, Query()]
) -> HoursAnswer | HourAnswer | RangeAnswer:
    """Which hashtags were used most? Without a time: now. As `trends top --json`."""
    query = replace(params.of(context.query), origin=params.origin, suggest=hints.hour("/api/top"))
    answer = Questions(query, time.resolver).top(params.n, params.hour, params.since, params.until, params.last)
    return top_json(answer, query.rules(answer if isinstance(answer, tuple) else ()))


@router.get("/now")
def now(context: ContextDep, params: Annotated[LensParams, Query()]) -> NowAnswer:
    """The first tags of now and the rising ones, each with its move, series, share and projection. As `trends now`."""
    current = context.now(params.lens).get()
    current.views()  # raises the reason why there are none
    return now_json(current.trends, current.rules)


@router.get("/day")
def day(context: ContextDep, time: RequestTimeDep, params: Annotated[DayParams, Query()]) -> DayAnswer:
    """Each hour of a day by itself, and its tags as series. As `trends day --json`."""
    questions = _questions(context, time, params, hints.day("/api/day"))
    return day_json(questions.day(params.n, params.date, None if params.date else params.last))


@router.get("/rising")
def rising(context: ContextDep, time: RequestTimeDep, params: Annotated[RisingParams, Query()]) -> RisingAnswer:
    """The tags whose share grew most against the hours before. As `trends rising --json`."""
    questions = _questions(context, time, params, hints.hour("/api/rising"))
    return rising_json(questions.rising(params.n, params.hour, params.against, params.least))


@router.get("/tag")
def tag(context: ContextDep, time: RequestTimeDep, params: Annotated[HistoryParams, Query()]) -> HistoryAnswer:
    """One hashtag hour by hour, with its spellings. As `trends tag --json`."""
    questions = _questions(context, time, params, hints.tag("/api/tag", params.name))
    return history_json(questions.history(typed(params.name), params.since, params.until, params.last))


@router.get("/explain")
def explain(context: ContextDep, time: RequestTimeDep, params: Annotated[ExplainParams, Query()]) -> dict[str, Any]:
    """Where an hour's answer came from. As `trends explain --json`."""
    return context.explain(time.resolver.hour(params.hour)).to_json()


@router.get("/status", response_model=Status)
def status(context: ContextDep) -> dict[str, Any]:
    """Servers, lag, watermark, hours by state and runs of the batch layer. As `trends status --json`."""
    return context.status.get().to_json()


@router.get("/logs")
def logs(context: ContextDep, name: LogName = "", n: LogLines = 200) -> LogAnswer:
    """The last lines of a log of the stack on the server's machine, without secrets. As `trends logs`."""
    known = context.logs()
    return {"logs": list(known), "name": name, "lines": log_end(known, name, n) if name else []}


@router.get("/live", response_class=EventSourceResponse)
async def live(context: ContextDep, params: Annotated[LensParams, Query()]) -> AsyncIterator[ServerSentEvent]:
    """`answer`, as `/api/top` without a time, when it changes; `trouble` if there is none; `beat` each second."""
    now = context.now(params.lens)
    async for event in events(context, lambda: hours_json(now.get().views(), now.get().rules)):
        yield event
