"""Charts: where marks lie, which colours they have, and pictures with every tag as text and nothing more."""

import struct
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
import resvg_py
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.errors import TrendsError
from ingest.hours import Hour
from serving.answers.day import Day, grid
from serving.answers.history import history
from serving.render.charts import png as pixels
from serving.render.charts.bump import bump
from serving.render.charts.curve import curve
from serving.render.charts.heat import LEVELS, heat
from serving.render.charts.hour_axis import hour_axis
from serving.render.charts.html_report import html_report
from serving.render.charts.labels import label_of, width_of
from serving.render.charts.palette import DARK, LIGHT, SHAPES, Palette, stylesheet
from serving.render.charts.picture import bump_picture, curve_picture, heat_picture
from serving.render.charts.png import png
from serving.views.documents import HASHTAGS
from tests.support.colour_vision import VISIONS, contrast, distance, luminance
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
    told = svg_texts(bump_picture(day(), UTC) if of == "bump" else heat_picture(day(), UTC))
    for tag in TAGS[:6]:
        assert label_of(tag, HASHTAGS).text in told
    assert any(text.startswith("#xxx") and text.endswith("…") for text in told)
    assert told.count("no data") == 1  # the two hours are one hole
    assert {"22", "00"} <= set(told)


def test_a_curve_has_its_tag_its_best_hour_and_its_holes() -> None:
    views = [view(BASE, ("日本", 8)), view(BASE.plus(2), ("日本", 41))]
    told = svg_texts(curve_picture(history("日本", views, BASE, BASE.plus(3)), UTC))
    assert "#日本, hour by hour" in told
    assert "41" in told
    assert "no data" in told


@pytest.mark.parametrize("tag", HOSTILE)
def test_a_tag_is_written_short_and_without_what_turns_the_text(tag: str) -> None:
    name = label_of(tag, HASHTAGS).text
    assert len(name) <= 24
    assert not set(name) & set("\x1b\n\x00\u202e")


def test_hours_are_named_as_local_clocks_show_them() -> None:
    hours = [BASE.plus(at) for at in range(4)]
    ticks = hour_axis(hours, [], ZoneInfo("Europe/Paris"), 0).ticks
    assert [(tick.clock, tick.day) for tick in ticks] == [("23", ""), ("00", "07 Jan"), ("01", ""), ("02", "")]
    assert [tick.clock for tick in hour_axis(hours, [], ZoneInfo("Asia/Kolkata"), 0).ticks][:2] == ["03:30", "04:30"]


def test_hours_in_a_row_without_data_are_one_hole() -> None:
    hours = [BASE.plus(at) for at in range(6)]
    axis = hour_axis(hours, [hours[1], hours[2], hours[5]], UTC, 10)
    assert [(hole.x, hole.width) for hole in axis.holes] == [(50, 80), (210, 40)]


def test_a_png_is_sharp_and_has_ink() -> None:
    drawn = png(bump_picture(day(), UTC))
    width, height = struct.unpack(">II", drawn[16:24])
    assert drawn.startswith(b"\x89PNG")
    assert 1_600 < width < 3_000
    assert 800 < height < 1_800
    assert len(drawn) > 30_000


def test_vowels_of_devanagari_have_room_of_their_own() -> None:
    def ink(text: str) -> bytes:
        drawn = f'<text y="30" font-size="20" font-family="Noto Sans Devanagari">{text}</text>'
        return bytes(resvg_py.svg_to_bytes(svg_string=f'<svg xmlns="{SVG}" width="200" height="40">{drawn}</svg>'))

    if ink("र") == ink(""):
        pytest.skip("no font for Devanagari is installed: fonts-noto-core has one")
    assert ink("भारत") != ink("भरत")


def test_without_a_font_a_png_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_has_fonts", lambda: False)
    with pytest.raises(TrendsError, match="no font"):
        png(bump_picture(day(), UTC))


def test_a_fortnight_fits_and_names_every_sixth_hour() -> None:
    long = day(24 * 14, TAGS[:2])
    root = ElementTree.fromstring(heat_picture(long, UTC))
    assert float(root.attrib["width"]) < 3_200
    told = set(svg_texts(heat_picture(long, UTC)))
    assert {"00", "06", "12", "18"} <= told
    assert not {"01", "05", "07", "23"} & told


def test_no_two_lines_have_the_same_shape_and_six_have_a_colour() -> None:
    assert len(set(SHAPES)) == len(SHAPES) >= 10
    assert len(LIGHT.lines) == len(DARK.lines) == 6


@pytest.mark.parametrize(("palette", "ground"), [(LIGHT, "#ffffff"), (DARK, "#1b1f24")], ids=["light", "dark"])
def test_lines_stand_out_and_differ_for_the_colour_blind(palette: Palette, ground: str) -> None:
    colours = (*palette.lines, palette.rest)
    assert min(contrast(colour, ground) for colour in colours) >= 3
    for vision in VISIONS:
        assert min(distance(*pair, vision) for pair in combinations(colours, 2)) > 20, vision


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_shades_grow_in_lightness_and_their_numbers_can_be_read(palette: Palette) -> None:
    light = [luminance(shade) for shade in palette.shades]
    assert light == sorted(light, reverse=palette is LIGHT)
    for shade, number in zip(palette.shades, palette.numbers, strict=True):
        assert contrast(shade, number) >= 4.5, shade


def test_a_stylesheet_has_every_colour_of_both_schemes() -> None:
    sheet = stylesheet()
    for palette in (LIGHT, DARK):
        for colour in (
            *palette.lines,
            *palette.shades,
            *palette.numbers,
            palette.bar,
            palette.hole,
            palette.grid,
            palette.rest,
        ):
            assert f": {colour};" in sheet


def test_a_line_has_its_name_at_the_ends_that_it_shares_with_the_chart() -> None:
    views = [
        view(BASE, ("first", 9), ("all", 3)),
        view(BASE.plus(1), ("all", 9)),
        view(BASE.plus(2), ("all", 9), ("last", 1)),
    ]
    drawn = bump(grid(views, BASE, BASE.plus(3), 10), UTC)
    names = {line.row.tag: [(name.anchor, name.y) for name in line.names] for line in drawn.lines}
    assert [anchor for anchor, _ in names["all"]] == ["end", "start"]
    assert [anchor for anchor, _ in names["first"]] == ["end"]
    assert [anchor for anchor, _ in names["last"]] == ["start"]


NAMED = st.sampled_from([*TAGS, "paris", "m" * 40, "東京" * 12, "خبر" * 9, "🎉" * 20])


@settings(deadline=None)
@given(st.lists(st.lists(NAMED, min_size=1, max_size=10, unique=True), min_size=2, max_size=26))
def test_names_stay_in_the_picture_and_those_at_its_edges_cover_nothing(hours: list[list[str]]) -> None:
    views = [
        view(BASE.plus(at), *((tag, 99 - place) for place, tag in enumerate(tags))) for at, tags in enumerate(hours)
    ]
    drawn = bump(grid(views, BASE, BASE.plus(len(hours)), 10), UTC)
    names = [name for line in drawn.lines for name in line.names]
    first, *_, last = drawn.axis.ticks
    edges = [name for name in names if name.x < first.x or name.x > last.x]
    assert all(line.names for line in drawn.lines)
    for name in names:
        assert name.left >= 20, "the numbers of the places stand before"
        assert name.left + name.width <= drawn.width
    assert not [pair for pair in combinations(edges, 2) if pair[0].covers(pair[1])]
    assert not [(name, mark) for name in edges for line in drawn.lines for mark in line.marks if name.hides(mark)]


def test_a_line_follows_its_places() -> None:
    views = [view(BASE, ("a", 2), ("b", 1)), view(BASE.plus(1), ("b", 2), ("a", 1)), view(BASE.plus(3), ("a", 1))]
    drawn = bump(grid(views, BASE, BASE.plus(4), 10), UTC)
    first, x = drawn.lines[0], [tick.x for tick in drawn.axis.ticks]
    middle = (x[0] + x[1]) / 2
    assert first.paths == (f"M{x[0]:g},26C{middle:g},26 {middle:g},62 {x[1]:g},62", f"M{x[3]:g},26")
    assert [(mark.rank, mark.count) for mark in first.marks] == [(1, 2), (2, 1), (1, 1)]


def test_the_hour_in_progress_is_marked() -> None:
    current = BASE.plus(23)
    for picture in (bump_picture(day(), UTC, current), heat_picture(day(), UTC, current)):
        assert "so far" in svg_texts(picture)
        assert picture.count('class="progress"') == 1
    assert "so far" not in svg_texts(bump_picture(day(), UTC))


@example([1])
@example([2, 1])
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=24).filter(any))
def test_the_legend_of_a_heat_map_says_which_counts_have_a_shade(counts: list[int]) -> None:
    views = [view(BASE.plus(at), *([("a", count)] if count else [])) for at, count in enumerate(counts)]
    drawn = heat(grid(views, BASE, BASE.plus(len(counts)), 10), UTC)
    bounds = {box.level: [int(end.replace(",", "")) for end in box.text.split("–")] for box in drawn.legend}
    assert LEVELS in bounds
    for cell in drawn.rows[0].cells:
        if cell.count:
            low, *_, high = [*bounds[cell.level or 0]] * 2
            assert low <= cell.count <= high
        else:
            assert (cell.count, cell.level) == (0, 0)


@given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=24))
def test_bars_are_as_high_as_their_counts_on_an_axis_of_round_numbers(counts: list[int]) -> None:
    views = [view(BASE.plus(at), ("a", count)) for at, count in enumerate(counts)]
    drawn = curve(history("a", views, BASE, BASE.plus(len(counts))), UTC)
    (zero_y, zero), *_, (top_y, top) = drawn.ticks
    assert (zero, zero_y, top_y) == (0, drawn.bottom, drawn.top)
    assert max(counts) <= top <= 2 * max(counts)
    assert len(drawn.ticks) <= 6
    for bar in drawn.bars:
        assert bar.height == pytest.approx((zero_y - top_y) * (bar.point.count or 0) / top)


@pytest.mark.parametrize("text", ["#news", "#WWWMMM", "#музыка", "#日本東京", "#한국어", "#iiii", "#أخبار", "#भारत"])
def test_a_text_is_not_wider_than_estimated(text: str) -> None:
    font = label_of(text, HASHTAGS).font
    place = f'x="{width_of(text, 40):g}" y="45" text-anchor="end" font-size="40" font-family="{font}"'

    def left_of_it(shown: str) -> bytes:
        """The pixels before a text that ends where the estimate says."""
        picture = f'<svg xmlns="{SVG}" width="99" height="60" viewBox="-99 0 99 60"><text {place}>{shown}</text></svg>'
        return bytes(resvg_py.svg_to_bytes(svg_string=picture))

    assert left_of_it(text) == left_of_it("")
    assert left_of_it(text * 2) != left_of_it("")


def test_a_page_needs_nothing_else_and_escapes_all() -> None:
    page = html_report(day(), UTC)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page
    assert page.count("data:image/svg+xml;base64,") == 2
    assert page.count("no data") == 2
    assert "default-src 'none'" in page


def test_one_tag_used_once_can_be_drawn() -> None:
    once = grid([view(Hour(5), ("a", 1))], Hour(5), Hour(6), 10)
    assert "#a" in svg_texts(heat_picture(once, UTC))
    assert "#a" in svg_texts(bump_picture(once, UTC))
