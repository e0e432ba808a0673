"""App: the dashboard as one ASGI application, built from its context."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from config.distribution import version
from config.errors import TrendsError
from config.settings import Settings
from ingest.hours import Hour, Millis
from serving.answers.bounds import Bounds
from serving.answers.explanation import Explanation
from serving.answers.tag_posts import TagPosts
from serving.dashboard import api, export_api, metrics_endpoint, posts_api
from serving.dashboard.context import Context
from serving.dashboard.current_hour import CurrentHoursReader
from serving.dashboard.http import error_handlers, probes
from serving.dashboard.http.auth import Authenticator
from serving.dashboard.http.cache import BackgroundValue, TimedCache
from serving.dashboard.http.concurrency import ConcurrencyLimit
from serving.dashboard.http.head import HeadMiddleware
from serving.dashboard.http.middleware import SecurityMiddleware
from serving.dashboard.http.root_path import RootPathMiddleware
from serving.dashboard.pages import answer_pages, atom_page, post_pages, range_form, system_pages
from serving.posts.behind_tag import SERVED_LIMITS, PostQuestion, posts_behind
from serving.query.baselines import Baselines
from serving.query.lenses import stored_sources
from serving.query.query import Query
from serving.render.charts.palette import stylesheet
from serving.status.certificates import certificate_ends
from serving.status.lag_history import LagHistory
from serving.status.model import Status
from serving.status.stack_logs import stack_logs
from serving.views.documents import Lens
from serving.views.store import Store

_log = logging.getLogger(__name__)
MOST_WAIT_S = 3.0
"""Seconds that a request waits for MongoDB at most, even if `mongo.timeout_s` allows a job more."""
_NOW_S, _STATUS_S, _SOURCES_S, _LAG_S, _BASELINE_S = 0.5, 5.0, 30.0, 10.0, 60.0
"""Seconds for which caches keep the hour in progress, the status, the sources, the lag, and the days before."""
MOST_HOURS = 24 * 92
"""Longest range of one request: a quarter of a year. Some 4 s of CPU at 1,000 tags an hour."""
MOST_ROWS = 2_500_000
"""Most rows that one request reads."""
MOST_TAGS = 500_000
"""Most tags, or rows, that one request holds at once: some 200 MB."""
HEAVY_AT_ONCE, HEAVY_WAITING, HEAVY_WAIT_S = 2, 4, 3.0
"""Requests for a long range or an explanation: how many run at once, how many wait, and how long."""
STREAM_THREADS = 8
SAMPLE_S = 60.0
"""Seconds between two samples of the lag."""
_JOIN_S = 2.0
"""Seconds to wait at the end for a sample that runs; the process ends without it."""
_LENSES = 64
"""Lenses whose hour in progress has a cache: a URL may name any source."""


class LayerQueries(NamedTuple):
    """Functions that reach the other layers, for the status, explanations and crash reports."""

    status: Callable[[Settings], Status]
    explain: Callable[[Settings, Hour], Explanation]
    record_crash: Callable[[Exception], str]
    """Writes the details of an unexpected error to a file, and says where."""
    rule: Callable[[Lens], str] | None = None
    """The version of the rule by which the batch layer computes an hour now."""
    behind: Callable[[Settings], int | None] = lambda _: None
    """How many uses the speed layer has not counted yet; None if unknown."""


@contextmanager
def dashboard(
    settings: Settings,
    clock: Callable[[], Millis],
    layers: LayerQueries,
    stop: threading.Event,
) -> Iterator[ASGIApp]:
    """Open the application and its connections. MongoDB need not be up."""
    mongo = settings.mongo.model_copy(update={"timeout_s": min(settings.mongo.timeout_s, MOST_WAIT_S)})
    settings = settings.model_copy(update={"mongo": mongo})
    heavy = ConcurrencyLimit("requests for a long range", HEAVY_AT_ONCE, HEAVY_WAITING, HEAVY_WAIT_S)

    def explain(hour: Hour) -> Explanation:
        with heavy.slot():
            return layers.explain(settings, hour)

    def posts(query: Query, question: PostQuestion) -> TagPosts:
        with heavy.slot():  # its query takes no further one
            in_turn = replace(query, bounds=replace(query.bounds, turn=nullcontext))
            return posts_behind(settings, in_turn, question, SERVED_LIMITS)

    lags = LagHistory()

    def status() -> Status:
        found = layers.status(settings)
        lags.add(found, clock())
        return found

    cached_status = TimedCache(status, _STATUS_S)
    with Store(mongo) as store, _samples(cached_status):
        lag = BackgroundValue(lambda: layers.behind(settings), _LAG_S)
        bounds = Bounds(MOST_HOURS, MOST_ROWS, MOST_TAGS, heavy.slot)
        query = Query(store, rule_now=layers.rule, bounds=bounds, baselines=Baselines(_BASELINE_S))
        yield application(
            Context(
                query=query,
                clock=clock,
                now=lru_cache(_LENSES)(
                    lambda lens: TimedCache(CurrentHoursReader(replace(query, lens=lens), clock, lag.get).read, _NOW_S)
                ),
                sources=TimedCache(lambda: stored_sources(store), _SOURCES_S),
                status=cached_status,
                lags=lags,
                logs=lambda: stack_logs(settings),
                ready=TimedCache(lambda: store.ping(probes.READY_S), probes.READY_AGE_S),
                explain=explain,
                posts=posts,
                certificates=lambda: certificate_ends(settings),
                authenticator=Authenticator(
                    settings.serve.token, frozenset(name.lower() for name in settings.serve.names), clock
                ),
                streaming=CapacityLimiter(STREAM_THREADS),
                stop=stop,
                record_crash=layers.record_crash,
                authority=next((name.lower() for name in settings.serve.names), "localhost"),
                root_path=settings.serve.root_path,
            )
        )


@contextmanager
def _samples(status: TimedCache[Status]) -> Iterator[None]:
    """Collect the status once in `SAMPLE_S` too, for the lag over time, whether somebody looks or not."""
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(SAMPLE_S):
            try:
                status.get()
            except Exception:  # noqa: BLE001 - a request for the status meets the same error, and reports it
                _log.debug("no sample of the lag", exc_info=True)

    thread = threading.Thread(target=sample, name="lag samples", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(_JOIN_S)


def palette() -> Response:
    """The colours of the charts, as CSS variables."""
    return Response(stylesheet(), media_type="text/css")


def application(context: Context) -> ASGIApp:
    """Routes, error handlers and static files, inside the security middleware."""
    app = FastAPI(
        title="trends",
        version=version(),
        summary="Which hashtags were used most in a given hour?",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=not context.root_path,  # its redirects know nothing of the path before ours
        servers=[{"url": context.root_path}] if context.root_path else None,
    )
    app.state.context = context
    app.include_router(api.router)
    app.include_router(export_api.router)
    app.include_router(posts_api.router)
    app.include_router(answer_pages.router)
    app.include_router(range_form.router)
    app.include_router(post_pages.router)
    app.include_router(atom_page.router)
    app.include_router(system_pages.router)
    app.include_router(metrics_endpoint.router)
    app.include_router(probes.router)
    app.add_api_route("/static/palette.css", palette, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    for kind in (TrendsError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, error_handlers.error_response)
    secured = HeadMiddleware(SecurityMiddleware(app, context))
    return RootPathMiddleware(secured, context.root_path) if context.root_path else secured
