"""The dashboard in a real browser, over recorded posts of April 2013: what people see, and what they can do."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from config.settings import Settings
from ingest.hours import Hour
from ingest.kafka.topics import core_topics, create_topics
from serving.views.store import Store
from tests.support.browser import watched
from tests.support.dashboard import LAYERS, Clock, boston, counted, counted_phrases, published, running

DAY = "/day?date=2013-04-15&tz=America/New_York"
NOW, BUSY = Hour.parse("2013-04-16T13"), Hour.parse("2013-04-16T00")
HOSTILE, EMPTY = Hour.parse("2013-04-10T07"), Hour.parse("2013-04-11T07")
LONG = "x" * 10_000
SCRIPT = "<script>alert(1)</script>"
PHONE = {"width": 360, "height": 740}
expect.set_options(timeout=60_000)


class Place(NamedTuple):
    """A dashboard that runs, and what is behind it."""

    url: str
    store: Store


@pytest.fixture(scope="module")
def place(own: Settings, test_data: Path, browser: Browser) -> Iterator[Place]:
    """It is 2013-04-16 13:30; the hour in progress has speed rows, all before it batch documents. Nothing lags.

    The same hour a week before has one tag, which no recorded post has.
    """
    clock = Clock()
    clock.at = NOW.start_ms + 1_800_000
    create_topics(own.kafka, core_topics(own.kafka))
    with Store(own.mongo) as store, running(own, LAYERS._replace(behind=lambda _: 0), clock) as url:
        store.prepare()
        hours = boston(test_data, store, until=NOW, kinds=("bigram",))
        counted(store, NOW, **hours[NOW.plus(-1)])
        published(store, {"prayforboston": 2}, NOW.plus(-168))
        published(store, {SCRIPT: 5, LONG: 4, "\u202egnp.exe": 3, "می‌خواهم": 2, "a&b=c#d": 1}, HOSTILE)
        yield Place(url, store)
        store.client.drop_database(own.mongo.database)


def test_a_use_is_shown_as_soon_as_it_is_counted_and_the_keyboard_stays_where_it_was(
    browser: Browser, place: Place
) -> None:
    with watched(browser, place.url) as page:
        page.goto("/")
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live")
        page.locator("#live a", has_text="#prayforboston").first.focus()
        counted(place.store, NOW, brandnew=900)
        expect(page.locator("#live tbody tr").first).to_contain_text("#brandnew")
        expect(page.locator("#live tbody tr").first).to_have_class("changed")
        assert "#prayforboston" in page.evaluate("document.activeElement.textContent").lower()
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#pulse-text")).to_have_text("Paused")
        counted(place.store, NOW, brandnew=1)
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#live tbody tr").first).to_contain_text("901")


def test_a_tag_of_now_has_its_move_share_series_week_and_projection(browser: Browser, place: Place) -> None:
    with watched(browser, place.url) as page:
        page.goto("/")
        this_hour = page.locator(f"section[aria-labelledby='hour-{NOW}']")
        expect(this_hour.get_by_text("is a projection for the whole hour, after 30 minutes")).to_be_visible()
        expect(this_hour.get_by_role("columnheader")).to_have_text(
            ["Rank", "Against the hour before", "Hashtag", "Uses", "Share", "24 hours", "Week"]
        )
        row = this_hour.locator("tr", has_text="#prayforboston").first
        expect(row.locator("td.move")).to_contain_text(re.compile("same place as in the hour before|rose|fell"))
        expect(row.locator("td.share")).to_have_text(re.compile(r"^\d+\.\d %$"))
        expect(row.locator("td.uses small")).to_have_text(re.compile(r"^≈ \d+ by projection$"))
        expect(row.locator("td.week")).to_have_text(re.compile(r"^≈×\d.* by projection the mean of this .*, 1 week$"))
        expect(row.get_by_role("img")).to_have_accessible_name(re.compile("^24 hours: most uses "))
        assert (row.locator(".spark .past").get_attribute("d") or "").count("M") >= 5
        expect(row.locator(".spark .ahead")).to_have_count(1)
        before = page.get_by_role("region", name="The hour before")
        expect(before.locator("tbody tr")).to_have_count(10)
        expect(before.locator("thead")).not_to_contain_text("Week")
        formula = page.locator("details.guide").get_by_text("n + (1 − p) × (n + b) / (1 + p)")
        expect(formula).to_be_hidden()
        page.get_by_text("How to read the tables").click()
        expect(formula).to_be_visible()
        counted(place.store, NOW, prayforboston=1)
        expect(page.locator("tr.changed")).not_to_have_count(0)
        expect(formula).to_be_visible()


def test_a_rising_tag_comes_beside_the_first_ones_and_moves_nothing_above_it(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, viewport={"width": 1440, "height": 900}) as page:
        page.goto("/")
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live")
        rising = page.locator(f"section[aria-labelledby='rising-{NOW}']")
        heads = page.locator(f"section[aria-labelledby='hour-{NOW}'] th[scope=col]")
        was = [heads.nth(at).bounding_box() for at in range(heads.count())]
        counted(place.store, NOW, comesfromnowhere=500)
        row = rising.locator("tr", has_text="#comesfromnowhere")
        expect(row).to_contain_text("new, not used in the hour before")
        expect(row).to_contain_text("<0.1 expected")
        assert [heads.nth(at).bounding_box() for at in range(heads.count())] == was
        row.get_by_role("link").focus()
        counted(place.store, NOW, comesfromnowhere=1)
        expect(row).to_contain_text("501")
        focused = "document.activeElement.closest('section').getAttribute('aria-labelledby')"
        assert page.evaluate(focused) == f"rising-{NOW}", "not the same tag in another table"
        expect(row.get_by_role("link")).to_have_attribute("href", f"/tag?name=comesfromnowhere&at={NOW}")


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_no_cell_of_now_is_clipped(browser: Browser, place: Place, width: int) -> None:
    with watched(browser, place.url, viewport={"width": width, "height": 900}) as page:
        page.goto("/")
        page.get_by_text("How to read the tables").click()
        clipped = """[...document.querySelectorAll(".trend :is(th, td), .guide :is(dt, dd)")]
            .filter((cell) => cell.getClientRects().length && !cell.classList.contains("move"))
            .filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)"""
        assert page.evaluate(clipped) == []
        shown = page.locator(".trend tbody tr", has_text="#prayforboston").first
        expect(shown).to_contain_text("≈×")
        visible = [each.strip() for each in shown.locator("td, th, small").filter(visible=True).all_inner_texts()]
        for sign in ("%", "≈×", "≈ "):
            assert any(sign in each for each in visible), (width, sign, visible)


def test_what_is_shown_is_said_to_be_old_once_the_server_is_gone(browser: Browser, own: Settings, place: Place) -> None:
    with ExitStack() as server:
        url = server.enter_context(running(own))
        with watched(browser, url, expected="net::ERR_") as page:
            page.goto("/")
            expect(page.locator("#pulse")).to_have_attribute("data-state", "live")
            server.close()
            expect(page.locator("#pulse")).to_have_attribute("data-state", "stale")
            expect(page.locator("#pulse-text")).to_contain_text("this page is old")


def test_an_hour_without_data_says_so_and_leads_to_one_with_data(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, expected="status of 404") as page:
        page.goto(f"/hour/{EMPTY}")
        expect(page.get_by_role("main")).to_contain_text("No data for this hour")
        page.get_by_role("link", name="2013-04-16 13:00").click()
        expect(page.locator("table.top")).to_be_visible()
        page.goto(f"/hour/{NOW.plus(1)}")
        expect(page.get_by_role("main")).to_contain_text("is in the future")


def test_a_tag_of_ten_thousand_characters_is_whole_on_its_own_page_alone(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, viewport=PHONE) as page:
        page.goto(f"/hour/{HOSTILE}")
        page.get_by_role("link", name="#xxx").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("#" + LONG)
        expect(page.locator("section.posts")).to_contain_text("No posts of #xxx")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        expect(page.locator(".figures")).to_contain_text("4")


def test_markup_in_a_tag_is_text(browser: Browser, place: Place) -> None:
    with watched(browser, place.url) as page:
        for path in (f"/hour/{HOSTILE}", "/day?date=2013-04-10"):
            page.goto(path)
            expect(page.get_by_role("main")).to_contain_text(SCRIPT)
            expect(page.get_by_role("main")).to_contain_text("\\u202egnp.exe")
            assert page.locator("main script").count() == 0
        page.get_by_role("link", name="#" + SCRIPT, exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("#" + SCRIPT)
        page.goto(f"/hour/{HOSTILE}")
        page.get_by_role("link", name="#a&b=c#d").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("#a&b=c#d")


def test_an_hour_of_the_day_leads_to_its_first_fifty_and_a_line_stands_out(browser: Browser, place: Place) -> None:
    with watched(browser, place.url) as page:
        page.goto(DAY)
        line, other = page.locator(".bump .line.l0"), page.locator(".bump .line.l1")
        page.locator(".bump .name").first.locator("text").last.hover()
        page.wait_for_function("(each) => Number(getComputedStyle(each).opacity) < 0.5", arg=other.element_handle())
        expect(line).to_have_css("opacity", "1")
        page.locator(".heat thead a").nth(20).click()
        expect(page).to_have_url(re.compile(r"/hour/2013-04-16T00\?tz=America%2FNew_York$"))
        expect(page.locator("table.top tbody tr")).to_have_count(min(50, _tags(place, BUSY)))
        expect(page.get_by_role("heading", level=1)).to_have_text("2013-04-15 20:00–21:00 EDT")


def test_a_grey_line_is_followed_by_the_keyboard_and_no_more_than_six_have_a_colour(
    browser: Browser, place: Place
) -> None:
    with watched(browser, place.url) as page:
        page.goto(DAY)
        colour = "(each) => getComputedStyle(each).color"
        colours = [each.evaluate(colour) for each in page.locator(".bump .line").all()]
        assert len(set(colours)) == 7
        grey = page.locator(".bump .line.l8")
        page.locator(".bump a.name.l8").first.focus()
        other = page.locator(".bump .line.l0").element_handle()
        page.wait_for_function("(each) => Number(getComputedStyle(each).opacity) < 0.5", arg=other)
        expect(grey).to_have_css("opacity", "1")
        assert grey.evaluate(colour) not in colours
        clipped = """(svg) => { const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll("text")].filter((each) => { const own = each.getBoundingClientRect();
                return own.left < box.left || own.right > box.right; }).map((each) => each.textContent); }"""
        assert page.locator("svg.bump").evaluate(clipped) == []


def test_a_card_is_saved_as_csv_json_and_png(browser: Browser, place: Place) -> None:
    with watched(browser, place.url) as page:
        page.goto(DAY)
        names = {}
        for form in ("CSV", "JSON", "PNG"):
            with page.expect_download() as saved:
                page.locator("section[aria-labelledby=bump] .files").get_by_role("link", name=form).click()
            names[form] = saved.value.suggested_filename
            first = saved.value.path().read_bytes()[:5]
            assert first.startswith({"CSV": b"hour,", "JSON": b"{", "PNG": b"\x89PNG"}[form])
        assert names == {form: f"trends-day-bump-2013-04-15T04-2013-04-16T04.{form.lower()}" for form in names}


def test_tags_are_compared_in_one_chart(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, viewport=PHONE) as page:
        page.goto("/tag?name=prayforboston&date=2013-04-15&tz=America/New_York")
        page.get_by_label("Compare with").fill("#BostonMarathon")
        page.get_by_role("button", name="Show").first.click()
        expect(page).to_have_url(re.compile(r"/tag\?name=prayforboston&name=%23BostonMarathon&date=2013-04-15&tz="))
        expect(page.locator(".bump .line")).to_have_count(2)
        for name in ("#prayforboston", "#bostonmarathon"):
            expect(page.locator(".bump .name").get_by_text(name)).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_role("link", name="2013-04-16").click()
        expect(page).to_have_url(re.compile(r"name=prayforboston&name=bostonmarathon&date=2013-04-16"))


def _tags(place: Place, hour: Hour) -> int:
    with place.store.snapshot() as snapshot:
        return snapshot.batch([hour])[str(hour)]["tags"]


def test_a_date_an_hour_and_a_time_zone_are_chosen_and_kept(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, timezone_id="Asia/Tokyo") as page:
        page.goto("/")
        assert page.locator("select.zones option").first.get_attribute("value") == "Asia/Tokyo"
        page.locator(".range summary").click()
        page.get_by_label("Time zone").select_option("America/New_York")
        page.get_by_role("button", name="Set the zone").click()
        expect(page).to_have_url(re.compile(r"/\?tz=America%2FNew_York$"))
        page.locator(".range summary").click()
        page.get_by_label("From", exact=True).fill("2013-04-15T20:00")
        page.get_by_label("To", exact=True).fill("2013-04-15T21:00")
        page.get_by_role("button", name="Show the hours").click()
        expect(page).to_have_url(re.compile(r"/hour/2013-04-16T00\?tz=America%2FNew_York$"))
        page.get_by_role("link", name="The whole day").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Monday, 15 April 2013")
        page.get_by_role("searchbox").fill("#PrayForBoston")
        page.get_by_role("button", name="Look up").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("#prayforboston")
        expect(page.locator(".curve a title").first).to_contain_text("EDT")
        bar = page.locator(".curve .uses").first.bounding_box()
        assert bar is not None
        assert bar["width"] < 40


@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
def test_a_range_leads_to_the_ones_beside_it_and_its_url_is_read_as_a_command(
    browser: Browser, place: Place, script: bool
) -> None:
    with watched(browser, place.url, java_script_enabled=script) as page:
        page.goto(DAY)
        steps = page.get_by_role("navigation", name="Time range")
        steps.get_by_role("link", name="2013-04-14").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sunday, 14 April 2013")
        steps.get_by_role("link", name="2013-04-15").click()
        page.locator(".range summary").click()
        page.get_by_label("From", exact=True).fill("2013-04-15T12:00")
        page.get_by_label("To", exact=True).fill("2013-04-15T18:00")
        page.get_by_role("button", name="Show the hours").click()
        words = r"/day\?since=2013-04-15T12&until=2013-04-15T18&tz=America%2FNew_York$"
        expect(page).to_have_url(re.compile(words))
        expect(page.locator(".hours > li")).to_have_count(6)
        steps.get_by_role("link", name="6 hours after").click()
        expect(page).to_have_url(re.compile(r"/day\?since=2013-04-15T18&until=2013-04-16&tz="))
        steps.get_by_role("link", name="24 h").click()
        expect(page).to_have_url(re.compile(r"/day\?last=24h&tz="))
        expect(steps.locator("[aria-current]")).to_have_text("24 h")
        expect(steps.locator("[rel=next]")).to_have_count(0)
        expect(page.locator(".hours > li")).to_have_count(25)


def test_a_time_that_clocks_show_twice_is_chosen_in_a_field(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, expected="status of 4") as page:
        page.goto("/day?date=2012-11-04&tz=America/New_York")
        page.locator(".range summary").click()
        page.get_by_label("From", exact=True).fill("2012-11-04T01:00")
        page.get_by_role("button", name="Show the hours").click()
        expect(page.get_by_role("alert")).to_contain_text("choose the clock")
        page.get_by_label("by the clock").select_option("01:00 EST")
        page.get_by_role("button", name="Show the hours").click()
        expect(page).to_have_url(re.compile(r"/day\?since=2012-11-04T01%3A00-05%3A00&until=2012-11-05&tz="))
        page.locator(".range summary").click()
        expect(page.get_by_label("by the clock")).to_have_value("-05:00")


def test_another_kind_is_chosen_and_kept_from_page_to_page(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, viewport=PHONE) as page:
        page.goto(DAY)
        chosen = page.get_by_role("navigation", name="Kind and source")
        expect(chosen.locator("[aria-current]")).to_have_text("Hashtags")
        _tab_to(page, "Bigrams")
        page.keyboard.press("Enter")
        expect(chosen.locator("[aria-current]")).to_have_text("Bigrams")
        first = page.locator(".heat tbody th").first
        expect(first).to_contain_text("boston marathon")
        expect(first).not_to_contain_text("#")
        page.locator(".heat thead a").nth(20).click()
        expect(page).to_have_url(re.compile(r"/hour/2013-04-16T00\?tz=America%2FNew_York&kind=bigram$"))
        page.get_by_role("searchbox", name="Bigram").fill("Boston Marathon")
        page.get_by_role("button", name="Look up").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("boston marathon")
        page.get_by_role("link", name="Now", exact=True).click()
        expect(page.locator("#live")).to_contain_text("counts no bigrams unless ingest.kinds sends them")
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live")
        counted_phrases(place.store, NOW, "bigram", {"brand new": 7})
        expect(page.locator("#live tbody tr").first).to_contain_text("brand new")
        chosen.get_by_role("link", name="Hashtags").click()
        expect(page).to_have_url(re.compile(r"/\?tz=America%2FNew_York$"))
        expect(page.locator("#live tbody tr").first).to_contain_text("#")


def test_everything_is_reached_by_the_keyboard_and_focus_is_seen(browser: Browser, place: Place) -> None:
    with watched(browser, place.url) as page:
        page.goto(f"/hour/{BUSY}")
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        _tab_to(page, "Where this answer came from")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.locator(".explain .facts")).to_contain_text(f"The batch layer answers {BUSY}, final")
        _tab_to(page, "Status", backwards=True)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/status$"))
        expect(page.get_by_role("region", name="Servers and services")).to_contain_text("running")


def _tab_to(page: Page, text: str, *, backwards: bool = False) -> None:
    for _ in range(200):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if page.evaluate("document.activeElement.textContent").strip() == text:
            return
    pytest.fail(f"{text!r} is not reached by the keyboard")


def test_without_script_every_answer_is_there(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, java_script_enabled=False) as page:
        page.goto("/")
        expect(page.locator("table.trend").first).to_contain_text("#prayforboston")
        expect(page.locator("#pulse")).to_contain_text("Not live")
        page.goto(f"/hour/{BUSY}")
        page.locator(".explain summary").click()
        page.get_by_role("link", name="Open as a page").click()
        expect(page.locator(".facts")).to_contain_text(re.compile(r"The batch layer answers \S+, final"))


def test_nothing_moves_where_less_motion_is_asked_for(browser: Browser, place: Place) -> None:
    with watched(browser, place.url, reduced_motion="reduce") as page:
        page.goto("/")
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live")
        expect(page.locator(".dot")).to_have_css("animation-name", "none")
