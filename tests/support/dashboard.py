"""A dashboard that runs in this process, on a free port, over the views of one test."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from starlette.responses import HTMLResponse

from config.settings import Settings
from ingest.hours import Hour, Millis, wall_clock
from ingest.rule.hashtags import tags_of
from ingest.rule.kinds import Phrase
from ingest.rule.phrases import phrases
from ingest.sources.files.post_files import PostFiles
from serving.cli.crash_log import log_crash
from serving.dashboard.app import LayerQueries, dashboard
from serving.dashboard.http import server
from serving.status.collect import collect_status
from serving.status.provenance import explain_hour
from serving.views.documents import HASHTAGS, PHRASE_USES, USES, BatchView, Lens, Row, rank, use_id
from serving.views.store import Store
from tests.support.sources import read, reading

LAYERS = LayerQueries(collect_status, explain_hour, log_crash)


class Clock:
    """The wall clock, or a moment that a test has chosen."""

    at: Millis | None = None

    def __call__(self) -> Millis:
        return wall_clock() if self.at is None else self.at


@contextmanager
def running(
    settings: Settings, layers: LayerQueries = LAYERS, clock: Clock | None = None, **serve: Any
) -> Iterator[str]:
    """The dashboard's address while it runs; at the end it must stop within seconds, whoever is still connected."""
    settings = settings.model_copy(update={"serve": settings.serve.model_copy(update=serve)})
    stop = threading.Event()
    with (
        server.listen("127.0.0.1", 0) as listening,
        dashboard(settings, clock or Clock(), layers, stop) as app,
    ):
        thread = threading.Thread(target=server.serve, args=(app, listening, stop, settings.serve), name="dashboard")
        thread.start()
        try:
            yield server.url_of(listening)
        finally:
            stop.set()
            thread.join(30)
        assert not thread.is_alive()


def without_mongo(settings: Settings) -> Settings:
    """The same servers, and a MongoDB that does not answer."""
    mongo = {"uri": SecretStr("mongodb://127.0.0.1:1/?replicaSet=rs0"), "timeout_s": 0.2}
    return settings.model_copy(update={"mongo": settings.mongo.model_copy(update=mongo)})


def get_routes() -> dict[str, bool]:
    """The path of each route that takes GET, and whether it is a page for people."""
    with dashboard(without_mongo(Settings()), Clock(), LAYERS, threading.Event()) as outermost:
        app: Any = outermost
        while not isinstance(app, FastAPI):  # a middleware around it
            app = app.app
    routes = [route for route in iter_route_contexts(app.routes) if "GET" in (route.methods or ())]
    return {str(route.path): getattr(route, "response_class", None) is HTMLResponse for route in routes}


def published(store: Store, counts: Mapping[str, int], hour: Hour, token: int = 1, **other: Any) -> None:
    """An hour as the batch layer would publish it: each tag as it is written, all posts with one."""
    rows = tuple(Row(tag, other.get("shown", {}).get(tag, tag), count) for tag, count in rank(counts))
    uses = sum(counts.values())
    complete, dirty = other.get("complete", True), other.get("dirty", False)
    view = BatchView(
        hour, rows, 0, uses, len(rows), uses, "1", f"run-{token}", token, (0, 0, 0), complete, dirty, hour.end_ms
    )
    view = view._replace(lens=other.get("lens", HASHTAGS))
    assert store.publish_all([view]) == (view.lens == HASHTAGS)


def counted(store: Store, hour: Hour, **uses: int) -> None:
    """Uses as the speed layer would add them."""
    for tag, count in uses.items():
        mine = {"hour": str(hour), "tag": tag, "shown": tag, "origin": "speed"}
        _count(store, USES, use_id(str(hour), tag), count, mine)


def counted_phrases(store: Store, hour: Hour, kind: Phrase, uses: Mapping[str, int]) -> None:
    """Uses of phrases, where `ingest.kinds` sends them."""
    for tag, count in uses.items():
        mine = {"hour": str(hour), "tag": tag, "shown": tag, "origin": "speed", "kind": kind}
        _count(store, PHRASE_USES, use_id(str(hour), tag, kind), count, mine)


def _count(store: Store, name: str, key: str, count: int, mine: dict[str, str]) -> None:
    store.collection(name).update_one({"_id": key}, {"$inc": {"count": count}, "$setOnInsert": mine}, upsert=True)


def boston(
    test_data: Path, store: Store, until: Hour | None = None, kinds: tuple[Phrase, ...] = ()
) -> dict[Hour, Counter[str]]:
    """Recorded posts of April 2013, counted here, published hour by hour up to an hour, exclusive. The counts.

    Phrases of some kinds too; the counts are those of hashtags.
    """
    file = test_data / "crisislex_t6" / "2013_Boston_Bombings-ontopic_offtopic.csv"
    posts, _, _ = read(PostFiles([str(file)], reading()))
    until_then = [post for post in posts if until is None or Hour.of(post.created_at) < until]
    hours: defaultdict[Hour, Counter[str]] = defaultdict(Counter)
    further: defaultdict[tuple[Lens, Hour], Counter[str]] = defaultdict(Counter)
    for post in until_then:
        hour = Hour.of(post.created_at)
        hours[hour].update(tags_of(post).keys())
        for kind, found in phrases(post.text, "en", kinds).items():
            further[Lens(kind), hour].update(found.keys())
    for (lens, hour), counts in further.items():
        published(store, counts, hour, lens=lens)
    for hour, counts in hours.items():
        published(store, counts, hour)
    return hours
