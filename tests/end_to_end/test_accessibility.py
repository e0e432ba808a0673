"""axe-core on every page, in light and dark, on a desk and on a phone: with and without data, MongoDB or an error.

The pages are the application's routes: one that has no example in `EXAMPLES` fails.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize
from pydantic import SecretStr

from config.settings import Settings
from ingest.hours import Hour
from ingest.kafka.topics import core_topics, create_topics
from serving.views.store import Store
from tests.support.axe import COLOURS, violations
from tests.support.browser import watched
from tests.support.dashboard import LAYERS, Clock, boston, counted, get_routes, published, running, without_mongo
from tests.support.hostile_status import hostile_status

NOW, BUSY = Hour.parse("2013-04-16T13"), Hour.parse("2013-04-16T00")
ODD = Hour.parse("2013-04-10T07")
EXAMPLES = {
    "/": ["/", "/?kind=bigram"],
    "/day": ["/day", "/day?date=2013-04-15&tz=America/New_York", "/day?date=2013-04-15&kind=bigram"],
    "/range": ["/range?since=2012-11-04T01:00&until=2012-11-05&tz=America/New_York"],
    "/hour/{text}": [f"/hour/{BUSY}", f"/hour/{NOW}", f"/hour/{ODD}"],
    "/tag": [
        "/tag",
        f"/tag?name=prayforboston&name=boston&at={BUSY}",
        f"/tag?name=prayforboston&at={BUSY}",
        "/tag?name=x",
        "/tag?kind=trigram",
    ],
    "/posts": [f"/posts?tag=prayforboston&hour={BUSY}"],
    "/status": ["/status"],
    "/logs": ["/logs", "/logs?name=kafka"],
    "/explain/{text}": [f"/explain/{BUSY}"],
    "/api": ["/api"],
    "/login": ["/login"],
}
"""Each page, by its route, as a reader may open it."""
ERRORS = ["/nonsense", "/day?date=soon", "/tag?name=x&span=soon"]
SIZES: tuple[ViewportSize, ViewportSize] = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CLIPPED = """() => [...document.querySelectorAll("main *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 1 && !each.closest("thead, .hidden"))
  .filter((each) => getComputedStyle(each).display !== "inline")
  .map((each) => `${each.tagName} ${each.textContent.trim().slice(0, 40)}`)"""
"""Elements that are narrower than what they hold."""
TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def servers(own: Settings, test_data: Path) -> Iterator[dict[str, str]]:
    """A dashboard for each state: its address."""
    clock = Clock()
    clock.at = NOW.start_ms + 1_800_000
    create_topics(own.kafka, core_topics(own.kafka))
    nothing = own.model_copy(update={"mongo": own.mongo.model_copy(update={"database": f"{own.mongo.database}_empty"})})
    with Store(own.mongo) as store, ExitStack() as running_ones:
        store.prepare()
        hours = boston(test_data, store, until=NOW, kinds=("bigram",))
        counted(store, NOW, **hours[NOW.plus(-1)])
        published(store, {"<script>alert(1)</script>": 5, "x" * 10_000: 4, "\u202egnp.exe": 3, "a&b": 1}, ODD)
        start = running_ones.enter_context
        yield {
            "data": start(running(own, clock=clock)),
            "hostile": start(running(own, LAYERS._replace(status=lambda _: hostile_status()))),
            "no data": start(running(nothing)),
            "login": start(running(own, clock=clock, token=SecretStr(TOKEN))),
            "no MongoDB": start(running(without_mongo(own))),
        }
        store.client.drop_database(own.mongo.database)


def test_every_page_of_the_application_has_an_example() -> None:
    assert {path for path, is_page in get_routes().items() if is_page} == EXAMPLES.keys()


@pytest.mark.parametrize("route", EXAMPLES)
def test_a_page_with_data_breaks_no_rule(browser: Browser, servers: dict[str, str], route: str) -> None:
    with watched(browser, servers["data"], expected="status of") as page:
        for path in EXAMPLES[route]:
            page.goto(path)
            assert_usable(page)


@pytest.mark.parametrize("state", ["error", "no data", "no MongoDB"])
def test_a_page_without_its_data_breaks_no_rule(browser: Browser, servers: dict[str, str], state: str) -> None:
    paths = ERRORS if state == "error" else [paths[0] for paths in EXAMPLES.values()]
    with watched(browser, servers["data" if state == "error" else state], expected="status of") as page:
        for path in paths:
            page.goto(path)
            assert_usable(page)


def test_a_status_of_long_words_and_twenty_feeds_is_whole_at_every_width(
    browser: Browser, servers: dict[str, str]
) -> None:
    with watched(browser, servers["hostile"]) as page:
        page.goto("/status")
        assert_usable(page)
        for size in SIZES:
            page.set_viewport_size(size)
            assert page.evaluate(CLIPPED) == [], size


def test_a_login_that_fails_breaks_no_rule(browser: Browser, servers: dict[str, str]) -> None:
    with watched(browser, servers["login"], expected="status of 401") as page:
        page.goto("/status")
        assert_usable(page)
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        assert_usable(page)


def assert_usable(page: Page) -> None:
    """No rule is broken and nothing is wider than the window, on a desk and on a phone, in light and dark.

    Rules that do not look at colours run once for each size.
    """
    found = []
    for size, own in zip(SIZES, ("light", "dark"), strict=True):
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}: {each}" for each in violations(page, *(() if scheme == own else COLOURS))]
        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            found.append("the page is wider than the window")
        assert not found, f"{page.url}, {size['width']} px\n" + "\n".join(found)
    assert page.locator("h1").count() == 1, page.url
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids)), page.url
