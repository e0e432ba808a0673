"""Posts behind a tag in a real browser: they load on the tag's page, lead on, and are there without script too."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from serving.views.store import Store
from tests.support.browser import watched
from tests.support.dashboard import Clock, counted, running
from tests.support.sampled_hours import archive_posts, publish_hours

HOUR = Hour.parse("2017-01-06T07")
MARKUP = "<img src=x onerror=alert(1)> #Boston"
TEXTS = ["Pray for #Boston #Strong", MARKUP, "#strong #boston tonight", "#other"]
POSTS = [Post(str(at), "x", HOUR.start_ms + at, HOUR.start_ms, text) for at, text in enumerate(TEXTS)]


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    clock = Clock()
    clock.at = HOUR.plus(3).start_ms
    with Store(settings.mongo) as store, running(settings, clock=clock) as address:
        publish_hours(store, [(*archive_posts(settings, POSTS), POSTS)])
        yield address


def test_a_click_on_a_tag_leads_to_its_posts_and_on_to_a_related_tag(browser: Browser, url: str) -> None:
    with watched(browser, url) as page:
        page.goto(f"/hour/{HOUR}")
        page.get_by_role("link", name="#Boston").first.click()
        posts = page.locator("section.posts")
        expect(posts.locator("blockquote")).to_have_count(3)
        expect(posts).to_contain_text(MARKUP)
        original = posts.get_by_role("link", name="Original").first
        assert (original.get_attribute("href") or "").startswith("https://x.com/i/status/")
        assert "noopener" in (original.get_attribute("rel") or "")
        posts.get_by_role("link", name="#Strong", exact=False).first.click()
        expect(page.locator("h1")).to_contain_text("#strong", ignore_case=True)
        expect(page.locator("section.posts blockquote")).to_have_count(2)
    with watched(browser, url, java_script_enabled=False) as page:
        page.goto(f"/tag?name=boston&at={HOUR}")
        page.get_by_role("link", name="Show sample posts, related hashtags and spellings").click()
        expect(page.locator("blockquote")).to_have_count(3)


def test_the_page_of_a_tag_shows_its_spellings_once_with_exact_uses_where_all_its_hours_have_samples(
    browser: Browser, url: str, settings: Settings
) -> None:
    with watched(browser, url) as page:
        for address, spellings in (
            (f"/tag?name=boston&since={HOUR}:00Z&until={HOUR.plus(1)}:00Z", "Spellings#Boston 2, #boston 1"),
            (f"/tag?name=boston&at={HOUR}", "Spellings#Boston 3"),
        ):
            page.goto(address)
            expect(page.locator("section.posts blockquote")).to_have_count(3)
            expect(page.locator("#spellings")).to_have_text(spellings)
            expect(page.get_by_text("Spellings", exact=True)).to_have_count(1)
        with Store(settings.mongo) as store:
            counted(store, HOUR.plus(3), boston=2)
        page.goto("/tag?name=boston&last=24h")
        expect(page.locator("section.posts blockquote")).to_have_count(3)
        expect(page.get_by_text("Spellings", exact=True)).to_have_count(1)
        expect(page.locator("#spellings")).to_have_text("Spellings#Boston 3, #boston 2")


def test_a_tag_of_a_live_hour_has_a_reason_in_place_of_posts_and_no_error_on_the_console(
    browser: Browser, url: str, settings: Settings
) -> None:
    with Store(settings.mongo) as store:
        counted(store, HOUR.plus(3), boston=2)
    with watched(browser, url) as page:
        page.goto(f"/tag?name=boston&at={HOUR.plus(3)}")
        expect(page.locator("section.posts")).to_contain_text("samples come with the batch layer")
