"""App: the dashboard as one ASGI application, put together from its board."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import Hour, Millis
from serving.answers.bounds import Bounds
from serving.answers.explanation import Explanation
from serving.dashboard import api, metrics_endpoint
from serving.dashboard.context import Board
from serving.dashboard.current_hour import now
from serving.dashboard.http import error_handlers
from serving.dashboard.http.auth import Access
from serving.dashboard.http.cache import Held
from serving.dashboard.http.concurrency import Turns
from serving.dashboard.http.middleware import Guard
from serving.dashboard.pages import answer_pages, system_pages
from serving.query.lenses import stored_sources
from serving.query.query import Query
from serving.render.charts.palette import stylesheet
from serving.status.model import Status
from serving.views.client import Store
from serving.views.documents import Lens

MOST_WAIT_S = 3.0
"""A reader waits no longer for MongoDB, whatever `mongo.timeout_s` allows a job."""
_NOW_S, _STATUS_S, _SOURCES_S = 0.5, 5.0, 30.0
"""How old the hour in progress, the status, and the list of sources may be when they are shown."""
MOST_HOURS = 24 * 92
"""Longest range of one request: a quarter of a year. Some 4 s of CPU at 1,000 tags an hour."""
MOST_ROWS = 2_500_000
"""Most rows that one request reads."""
MOST_TAGS = 500_000
"""Most tags, or rows, that one request holds at once: some 200 MB."""
HEAVY_AT_ONCE, HEAVY_WAITING, HEAVY_WAIT_S = 2, 4, 3.0
"""Requests about a long time, or about where an answer came from: how many at once, how many wait, and how long."""
STREAM_THREADS = 8
_LENSES = 64
"""Lenses whose hour in progress is held: a URL may name any source."""


class Asking(NamedTuple):
    """What only the other layers can tell."""

    status: Callable[[Settings], Status]
    explain: Callable[[Settings, Hour], Explanation]
    defect: Callable[[Exception], str]
    """Keeps the details of an error that should not happen, and says where."""
    rule: Callable[[Lens], str] | None = None
    """The version of the rule by which an hour is computed now."""


@contextmanager
def dashboard(
    settings: Settings,
    clock: Callable[[], Millis],
    asking: Asking,
    stop: threading.Event,
) -> Iterator[ASGIApp]:
    """The application for some settings, while its connections are open. MongoDB need not be up."""
    mongo = settings.mongo.model_copy(update={"timeout_s": min(settings.mongo.timeout_s, MOST_WAIT_S)})
    settings = settings.model_copy(update={"mongo": mongo})
    heavy = Turns("questions about a long time", HEAVY_AT_ONCE, HEAVY_WAITING, HEAVY_WAIT_S)

    def explain(hour: Hour) -> Explanation:
        with heavy.turn():
            return asking.explain(settings, hour)

    with Store(mongo) as store:
        bounds = Bounds(MOST_HOURS, MOST_ROWS, MOST_TAGS, heavy.turn)
        query = Query(store, rule_now=asking.rule, bounds=bounds)
        yield application(
            Board(
                query=query,
                clock=clock,
                now=lru_cache(_LENSES)(
                    lambda lens: Held(lambda: now(replace(query, lens=lens), Hour.of(clock())), _NOW_S)
                ),
                sources=Held(lambda: stored_sources(store), _SOURCES_S),
                status=Held(lambda: asking.status(settings), _STATUS_S),
                explain=explain,
                access=Access(settings.serve.token, frozenset(name.lower() for name in settings.serve.names), clock),
                streaming=CapacityLimiter(STREAM_THREADS),
                stop=stop,
                defect=asking.defect,
            )
        )


def palette() -> Response:
    """The colours of the charts, as CSS variables."""
    return Response(stylesheet(), media_type="text/css")


def application(board: Board) -> ASGIApp:
    """Routes, refusals and static files, and the guard around all of it."""
    app = FastAPI(
        title="trends",
        version=version("trends"),
        summary="Which hashtags were used most in a given hour?",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.board = board
    app.include_router(api.router)
    app.include_router(answer_pages.router)
    app.include_router(system_pages.router)
    app.include_router(metrics_endpoint.router)
    app.add_api_route("/static/palette.css", palette, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    for kind in (TrendsError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, error_handlers.refusal)
    return Guard(app, board)
