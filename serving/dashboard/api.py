"""API: the questions of the command line over HTTP, answered with the same JSON. `/api/openapi.json` describes it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from ingest.rule.hashtags import typed
from serving.dashboard import hints
from serving.dashboard.context import Board, OnBoard
from serving.dashboard.http.unknown_params import only_known
from serving.dashboard.params import Chosen, DayAsked, ExplainAsked, HistoryAsked, LensAsked, RisingAsked, TopAsked
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
    400: {"model": Refusal, "description": "Not understood: what is wrong and what to write."},
    404: {"model": Refusal, "description": "Understood, and there is no data for it."},
    503: {"model": Refusal, "description": "MongoDB does not answer, or too much is asked at once: see Retry-After."},
}
router = APIRouter(prefix="/api", tags=["questions"], responses=_REFUSALS, dependencies=[Depends(only_known)])


def _asking(board: Board, asked: LensAsked, suggest: Suggest) -> Views:
    """A query whose hints name the path that was asked."""
    return replace(asked.of(board.query), suggest=suggest)


@router.get("/top")
def top(board: OnBoard, chosen: Chosen, asked: Annotated[TopAsked, Query()]) -> HoursAnswer | HourAnswer | RangeAnswer:
    """Which hashtags were used most? Without a time: now. As `trends top --json`."""
    query = replace(asked.of(board.query), origin=asked.origin, suggest=hints.hour("/api/top"))
    since, until, last = asked.since, asked.until, asked.last
    if asked.hour is not None:
        reject_combination(asked.hour, since, until, last)
        return hour_json(query.hour(chosen.asked.hour(asked.hour), asked.n))
    if since is not None or until is not None or last is not None:
        return range_json(query.range(*chosen.asked.range(since, until, last), asked.n))
    views = query.now(board.current(), asked.n)
    return hours_json(views, query.rules(views))


@router.get("/day")
def day(board: OnBoard, chosen: Chosen, asked: Annotated[DayAsked, Query()]) -> DayAnswer:
    """Each hour of a day by itself, and its tags as series. As `trends day --json`."""
    since, until = chosen.asked.day(asked.date) if asked.date else chosen.asked.range(None, None, asked.last)
    return day_json(_asking(board, asked, hints.day("/api/day")).day(since, until, asked.n))


@router.get("/rising")
def rising(board: OnBoard, chosen: Chosen, asked: Annotated[RisingAsked, Query()]) -> RisingAnswer:
    """The tags whose share grew most against the hours before. As `trends rising --json`."""
    query = _asking(board, asked, hints.hour("/api/rising"))
    hour = chosen.asked.hour(asked.hour) if asked.hour is not None else query.latest(board.current())
    return rising_json(query.rising(hour, hours_in(asked.against), asked.n, asked.least))


@router.get("/tag")
def tag(board: OnBoard, chosen: Chosen, asked: Annotated[HistoryAsked, Query()]) -> HistoryAnswer:
    """One hashtag hour by hour, with its spellings. As `trends tag --json`."""
    since, until = chosen.asked.range(asked.since, asked.until, asked.last, default="7d")
    query = _asking(board, asked, hints.tag("/api/tag", asked.name))
    return history_json(query.history(typed(asked.name), since, until))


@router.get("/explain")
def explain(board: OnBoard, chosen: Chosen, asked: Annotated[ExplainAsked, Query()]) -> dict[str, Any]:
    """Where an hour's answer came from. As `trends explain --json`."""
    return board.explain(chosen.asked.hour(asked.hour)).to_json()


@router.get("/status", response_model=Status)
def status(board: OnBoard) -> dict[str, Any]:
    """What runs, what is behind, what is complete, what was computed. As `trends status --json`."""
    return board.status.get().to_json()


@router.get("/live", response_class=EventSourceResponse)
async def live(board: OnBoard, asked: Annotated[LensAsked, Query()]) -> AsyncIterator[ServerSentEvent]:
    """`answer`, as `/api/top` without a time, when it changes; `trouble` where there is none; `beat` each second."""
    now = board.now(asked.lens)
    async for event in events(board, lambda: hours_json(now.get().views(), now.get().rules)):
        yield event
