"""Pictures of a day: drawn without a network, with every tag as text and nothing more."""

import struct
from dataclasses import replace
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
import resvg_py

from config.errors import TrendsError
from ingest.hours import Hour
from serving.answers.day import Day, grid
from serving.answers.history import history
from serving.render.charts import drawing
from serving.render.charts.bump import COLOURS, SHAPES, bump
from serving.render.charts.curve import curve
from serving.render.charts.drawing import png, svg
from serving.render.charts.frame import by_hour, written
from serving.render.charts.heat import heat
from serving.render.html_report import day_page
from serving.views.documents import HASHTAGS
from tests.support.rendering import BASE, HOSTILE, svg_texts, view

UTC = ZoneInfo("UTC")
SVG = "http://www.w3.org/2000/svg"
TAGS = ["<script>alert(1)</script>", "]]>&\"'", "datum.name", "日本", "أخبار", "भारत", "x" * 10_000, "👍🏽"]


def day(hours: int = 24, tags: list[str] = TAGS) -> Day:
    """Every tag in most hours, in an order that turns; two hours have nothing."""
    views = [
        view(BASE.plus(at), *((tag, 30 - (number + at) % len(tags)) for number, tag in enumerate(tags)))
        for at in range(hours)
        if at not in (3, 4)
    ]
    ranked = [replace(each, rows=tuple(sorted(each.rows, key=lambda row: -row.count))) for each in views]
    return grid(ranked, BASE, BASE.plus(hours), 10)


@pytest.mark.parametrize("of", ["bump", "heat"])
def test_every_tag_and_every_hole_is_in_the_picture(of: str) -> None:
    told = svg_texts(bump(day(), 10, UTC) if of == "bump" else heat(day(), UTC))
    for tag in TAGS[:6]:
        assert written(tag, HASHTAGS)["name"] in told
    assert any(text.startswith("#xxx") and text.endswith("…") for text in told)
    assert told.count("no data") == 2
    assert {"22", "00"} <= set(told)


def test_a_curve_has_its_tag_its_best_hour_and_its_holes() -> None:
    views = [view(BASE, ("日本", 8)), view(BASE.plus(2), ("日本", 41))]
    told = svg_texts(curve(history("日本", views, BASE, BASE.plus(3)), UTC))
    assert "#日本, hour by hour" in told
    assert "41" in told
    assert "no data" in told


@pytest.mark.parametrize("tag", HOSTILE)
def test_a_tag_is_written_short_and_without_what_turns_the_text(tag: str) -> None:
    name = written(tag, HASHTAGS)["name"]
    assert len(name) <= 24
    assert not set(name) & set("\x1b\n\x00\u202e")


def test_hours_are_named_as_local_clocks_show_them() -> None:
    hours = [BASE, BASE.plus(1), BASE.plus(2)]
    told = str(by_hour(hours, ZoneInfo("Europe/Paris")).to_dict())
    assert "[['23', '06 Jan'], ['00', '07 Jan'], ['01', '']][datum.value]" in told


def test_a_png_is_sharp_and_has_ink() -> None:
    drawn = png(bump(day(), 10, UTC))
    width, height = struct.unpack(">II", drawn[16:24])
    assert drawn.startswith(b"\x89PNG")
    assert 1_600 < width < 3_000
    assert 900 < height < 1_800
    assert len(drawn) > 30_000


def test_vowels_of_devanagari_have_room_of_their_own() -> None:
    def ink(text: str) -> bytes:
        drawn = f'<text y="30" font-size="20" font-family="Noto Sans Devanagari">{text}</text>'
        return bytes(resvg_py.svg_to_bytes(svg_string=f'<svg xmlns="{SVG}" width="200" height="40">{drawn}</svg>'))

    if ink("र") == ink(""):
        pytest.skip("no font for Devanagari is installed: fonts-noto-core has one")
    assert ink("भारत") != ink("भरत")


def test_without_a_font_a_png_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_has_fonts", lambda: False)
    with pytest.raises(TrendsError, match="no font"):
        png(bump(day(), 10, UTC))


def test_a_fortnight_fits_and_names_every_sixth_hour() -> None:
    long = day(24 * 14, TAGS[:2])
    root = ElementTree.fromstring(svg(heat(long, UTC)))
    assert float(root.attrib["width"]) < 3_200
    told = set(svg_texts(heat(long, UTC)))
    assert {"00", "06", "12", "18"} <= told
    assert not {"01", "05", "07", "23"} & told


def test_colours_and_shapes_are_as_many_and_differ() -> None:
    assert len(set(COLOURS)) == len(set(SHAPES)) == len(COLOURS)


def test_a_page_needs_nothing_else_and_escapes_all() -> None:
    page = day_page(day(), 10, UTC)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page
    assert page.count("data:image/svg+xml;base64,") == 2
    assert page.count("no data") == 2
    assert "default-src 'none'" in page


def test_one_tag_used_once_can_be_drawn() -> None:
    once = grid([view(Hour(5), ("a", 1))], Hour(5), Hour(6), 10)
    assert "#a" in svg_texts(heat(once, UTC))
    assert "#a" in svg_texts(bump(once, 10, UTC))
