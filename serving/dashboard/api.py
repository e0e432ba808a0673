"""API: the queries of the command line over HTTP, with the same JSON. `/api/openapi.json` describes it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from ingest.hours import Hour
from ingest.rule.hashtags import typed
from serving.answers.comparison import distinct_tags
from serving.answers.day import MOST_SIDE_BY_SIDE
from serving.answers.merge import Range
from serving.dashboard import hints
from serving.dashboard.context import Context, ContextDep
from serving.dashboard.http.downloads import csv_file, file_name, png_file
from serving.dashboard.http.edges import API
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
from serving.query.questions import Questions, Top
from serving.query.suggestions import Suggest
from serving.render.charts.picture import bump_picture, heat_picture, tag_picture
from serving.render.json_answers import day_json, hours_json, rising_json, tag_json, top_json
from serving.render.json_shapes import (
    ComparisonAnswer,
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
from serving.render.rows import day_rows, rising_rows, tag_rows, top_rows
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


@router.get("/top", response_model=HoursAnswer | HourAnswer | RangeAnswer)
def top(context: ContextDep, time: RequestTimeDep, params: Annotated[TopParams, Query()]) -> Any:
    """Which hashtags were used most? Without a time: now. As `trends top --json`."""
    query = replace(params.of(context.query), origin=params.origin, suggest=hints.hour("/api/top"))
    query = replace(query, by=params.by or query.by)
    answer = Questions(query, time.resolver).top(params.n, params.hour, params.since, params.until, params.last)
    if params.format == "csv":
        views = answer if isinstance(answer, tuple) else (answer,)
        return csv_file(top_rows(*views), time.tz, file_name("top", *_hours_of(answer)))
    return top_json(answer, query.rules(answer if isinstance(answer, tuple) else ()))


@router.get("/now")
def now(context: ContextDep, params: Annotated[LensParams, Query()]) -> NowAnswer:
    """The first tags of now and the rising ones, each with its move, series, share and projection. As `trends now`."""
    current = context.now(params.lens).get()
    current.views()  # raises the reason why there are none
    return now_json(current.trends, current.rules)


@router.get("/day", response_model=DayAnswer)
def day(context: ContextDep, time: RequestTimeDep, params: Annotated[DayParams, Query()]) -> Any:
    """Each hour of a day or a range by itself, and its tags as series. As `trends day --json`."""
    questions = _questions(context, time, params, hints.day("/api/day"))
    answer = questions.day(params.n, params.date, params.last, params.since, params.until)
    name = file_name(f"day-{params.chart}", *_hours(answer.whole.since, answer.whole.until))
    if params.format == "png":
        draw = heat_picture if params.chart == "heat" else bump_picture
        return png_file(draw(answer, time.tz, questions.current), questions.query.bounds, name)
    return csv_file(day_rows(answer), time.tz, name) if params.format == "csv" else day_json(answer)


@router.get("/rising", response_model=RisingAnswer)
def rising(context: ContextDep, time: RequestTimeDep, params: Annotated[RisingParams, Query()]) -> Any:
    """The tags whose share grew most against the hours before. As `trends rising --json`."""
    questions = _questions(context, time, params, hints.hour("/api/rising"))
    answer = questions.rising(params.n, params.hour, params.against, params.least)
    if params.format == "csv":
        return csv_file(rising_rows(answer), time.tz, file_name("rising", str(answer.hour)))
    return rising_json(answer)


@router.get("/tag", response_model=HistoryAnswer | ComparisonAnswer)
def tag(context: ContextDep, time: RequestTimeDep, params: Annotated[HistoryParams, Query()]) -> Any:
    """One hashtag hour by hour, with its spellings, or two to five of them. As `trends tag --json`."""
    names = distinct_tags([typed(name) for name in params.name])
    questions = _questions(context, time, params, hints.tag("/api/tag", names))
    most = MOST_SIDE_BY_SIDE if params.format == "png" else None
    answer = questions.tags(names, params.since, params.until, params.last, most=most)
    name = file_name("tag", *names, *_hours(answer.since, answer.until))
    if params.format == "png":
        return png_file(tag_picture(answer, time.tz, questions.current), questions.query.bounds, name)
    return csv_file(tag_rows(answer), time.tz, name) if params.format == "csv" else tag_json(answer)


def _hours(since: Hour, until: Hour) -> tuple[str, str]:
    return str(since), str(until)


def _hours_of(answer: Top) -> Sequence[str]:
    """The hours of an answer as parts of a name: one, the bounds of a range, or those of now, the older one first."""
    if isinstance(answer, Range):
        return _hours(answer.since, answer.until)
    return sorted(str(view.hour) for view in (answer if isinstance(answer, tuple) else (answer,)))


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
    """`answer`, as `/api/top?by=count`, when it changes; `trouble` if there is none; `beat` each second."""
    now = context.now(params.lens)
    async for event in events(context, lambda: hours_json(now.get().views(), now.get().rules), API):
        yield event
