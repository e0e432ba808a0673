"""Pages whose answers are at hand, without a server: parts of posts, ranges that are too long, words of errors."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest
from anyio import CapacityLimiter
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import HTMLResponse

from config.errors import NoDataError, UnavailableError
from config.settings import Settings
from ingest.hours import Hour
from serving.answers.tag_posts import SampledHour, TagPosts, add_samples
from serving.dashboard.app import dashboard
from serving.dashboard.current_hour import CurrentHours
from serving.dashboard.http.cache import TimedCache
from serving.dashboard.http.downloads import file_name
from serving.dashboard.http.edges import API, PAGE, Edge
from serving.dashboard.pages import answer_pages, templating
from serving.dashboard.sse import events
from serving.posts.behind_tag import PostQuestion
from serving.query.query import Query
from serving.views.documents import HASHTAGS, Lens
from serving.views.samples import RelatedTag, TagSample
from tests.support.dashboard import LAYERS, Clock, without_mongo

HOUR = Hour.parse("2017-01-06T07")
NO_ANSWER = UnavailableError(
    "does not answer", where="MongoDB", next_step="See `trends status` and `trends logs mongo`"
)


def sampled(hour: Hour, shown: str) -> SampledHour:
    related = (RelatedTag("rain & sun", shown, 2, 10),)
    return SampledHour(hour, "batch", "final", True, TagSample("paris", 3, (), related, (("Paris", 3),)))


def posts_of(*hours: SampledHour) -> Any:
    def posts(_: Query, question: PostQuestion) -> TagPosts:
        tag, since, until, _n = question
        if not hours:
            raise NoDataError("samples come with the batch layer")
        return TagPosts(add_samples(tag, HASHTAGS, since, until, hours), (), (), 0, shows_text=True)

    return posts


class Browser:
    """Asks the application itself, without a connection."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://localhost") as client:
                return await client.get(path, headers=headers)

        return anyio.run(ask)


@contextmanager
def client(token: str | None = None, **changes: Any) -> Iterator[Browser]:
    clock = Clock()
    clock.at = HOUR.plus(1).start_ms
    settings = without_mongo(Settings())
    serve = settings.serve.model_copy(update={"token": SecretStr(token) if token else None})
    with dashboard(settings.model_copy(update={"serve": serve}), clock, LAYERS, threading.Event()) as outermost:
        app: Any = outermost
        while not isinstance(app, FastAPI):
            app = app.app
        app.state.context = replace(app.state.context, sources=TimedCache(list, 60), **changes)
        yield Browser(outermost)


def test_a_part_without_posts_is_an_answer_and_a_page_without_them_is_not_found() -> None:
    with client(posts=posts_of()) as browser:
        for path, status in (
            ("/posts?tag=paris&part=1", 200),
            ("/posts?tag=paris", 404),
            ("/api/posts?tag=paris", 404),
        ):
            answer = browser.get(path)
            assert (answer.status_code, "amples come with the batch layer" in answer.text) == (status, True), path


@pytest.mark.parametrize("part", ["", "&part=1"])
@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (f"hour={HOUR}:00Z", f"at={HOUR}"),
        ("hour=now-1h", f"at={HOUR}"),
        (f"since={HOUR}&until={HOUR.plus(2)}", "since=2017-01-06T07:00:00Z&until=2017-01-06T09:00:00Z"),
    ],
)
def test_a_related_tag_leads_to_its_page_in_the_same_hours(hours: str, words: str, part: str) -> None:
    with client(posts=posts_of(sampled(HOUR, "Rain"))) as browser:
        found = re.search('href="([^"]*name=rain[^"]*)"', browser.get(f"/posts?tag=paris&{hours}{part}").text)
        assert found
        address = unescape(found[1])
        assert address.replace("%3A", ":") == f"/tag?name=rain+%26+sun&{words}"
        assert browser.get(address).status_code == 503, "MongoDB does not answer; the address is right"


def test_the_part_of_a_tags_page_has_spellings_only_if_all_its_hours_have_samples() -> None:
    live = SampledHour(HOUR.plus(1), "speed", "live", has_samples=False)
    for hours, has_spellings in (([], True), ([live], False)):
        with client(posts=posts_of(sampled(HOUR, "Rain"), *hours)) as browser:
            assert ("data-spellings" in browser.get("/posts?tag=paris&part=1").text) == has_spellings
            page = browser.get("/posts?tag=paris").text
            assert ("Spellings" in page, "data-spellings" in page) == (True, False)


def test_a_related_tag_has_the_spelling_that_most_of_its_posts_have_whatever_the_order_of_the_hours() -> None:
    each = [sampled(HOUR, "rain"), sampled(HOUR.plus(1), "Rain"), sampled(HOUR.plus(2), "Rain")]
    for hours in (each, each[::-1]):
        (related,) = add_samples("paris", HASHTAGS, HOUR, HOUR.plus(3), hours).related
        assert (related.shown, related.both) == ("Rain", 6)


@pytest.mark.parametrize(
    "path",
    [
        "/day?since=2016-11-01&until=2016-12-01",
        "/day?last=15d",
        "/tag?name=paris&last=93d",
        "/tag?name=a&name=b&last=93d",
    ],
)
def test_a_range_that_is_too_long_has_its_reason_on_the_page_with_the_control(path: str) -> None:
    with client() as browser:
        answer = browser.get(path)
    assert answer.status_code == 400
    assert re.search(r'role="alert" id="problem"><p>[^<]* is more than (336|2,208) hours\. Ask for less', answer.text)
    assert 'action="/range"' in answer.text
    assert "<details open>" in answer.text


def test_a_line_of_text_has_the_next_step_of_its_error() -> None:
    with client() as browser:
        for path in ("/live?kind=bigram&source=x", "/metrics?kind=bigram"):
            answer = browser.get(path)
            assert (answer.status_code, answer.text.count("\n")) == (400, 1)
            assert re.search(r"\. (Leave out “Source” or “Kind”|Use none)\n", answer.text)


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        (PAGE, "See the page Status and the log of mongo there"),
        (API, "See `GET /api/status` and `GET /api/logs?name=mongo`"),
    ],
)
def test_a_stream_words_its_trouble_as_its_edge_does(edge: Edge, words: str) -> None:
    def answer() -> Any:
        raise NO_ANSWER

    async def first() -> tuple[str | None, Any]:
        around: Any = SimpleNamespace(stop=threading.Event(), streaming=CapacityLimiter(1), clock=lambda: 0)
        async for event in events(around, answer, edge):
            return event.event, event.data
        raise AssertionError("no event")

    assert anyio.run(first) == ("trouble", f"MongoDB: does not answer. {words}")


def test_a_script_of_a_page_gets_no_form_for_the_token_in_place_of_its_part() -> None:
    with client("a-token-of-20-letters") as browser:
        for headers, status in (({"Sec-Fetch-Dest": "empty"}, 401), ({"Sec-Fetch-Dest": "document"}, 303), ({}, 303)):
            for path in ("/status?part=1", "/posts?tag=x&part=1", "/live"):
                answer = browser.get(path, {"Sec-Fetch-Site": "same-origin"} | headers)
                assert (answer.status_code, "location" in answer.headers) == (status, status == 303), path


def test_streams_of_one_time_zone_share_what_they_show(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, drawn = threading.Event(), []
    hours = CurrentHours((HOUR.plus(1), HOUR), (), (), {}, None, NoDataError("none"))

    def now(_: Lens) -> Any:
        stop.set()  # the stream ends after its first answer
        return TimedCache(lambda: hours, 60)

    def page(*args: Any) -> HTMLResponse:
        drawn.append(args[1])
        return templating.page(*args)

    monkeypatch.setattr(answer_pages, "page", page)
    with client(now=now, stop=stop) as browser:
        answers = []
        for tz in ("UTC", "Asia/Kathmandu", "UTC"):
            stop.clear()
            answers.append(browser.get(f"/live?tz={tz}").text.partition("event: beat")[0])
    assert drawn == ["now/part.html"] * 2
    assert answers[0] == answers[2] != ""
    assert "No uses in this hour" in answers[0]


def test_the_name_of_a_file_has_its_hours_and_fits_in_a_file_system_whatever_the_tags_are() -> None:
    tags = ["国" * 500, "x" * 20_000, "\ud800../..", "a\r\nb", "é" * 100]
    name = file_name("tag", *tags, "2017-01-06T07", "2017-01-07T07")
    assert name.startswith("trends-tag-国国")
    assert name.endswith("-2017-01-06T07-2017-01-07T07")
    assert len(f"{name}.json".encode()) <= 255
    assert set('/\r\n"') & set(name) == set()
