"""Bump: the ranks of a day's tags, hour by hour."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import altair

from config.quantity import quantity
from config.terminal_text import printable
from serving.answers.day import Day
from serving.answers.rank_tracks import ways
from serving.render.charts.frame import (
    FONT,
    INK,
    Picture,
    Record,
    between,
    by_hour,
    chart,
    framed,
    holes,
    its_font,
    trust,
    written,
)

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A000")
"""Okabe and Ito, "Color Universal Design", 2008; their yellow darker, since it is drawn on white."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
"""So that they can be told apart in print, too."""


def bump(day: Day, n: int, tz: ZoneInfo) -> Picture:
    """The tags with most uses by their places; one is left out while it is not among an hour's first n."""
    number = list(range(len(day.series[: len(COLOURS)])))
    x = by_hour(day.hours, tz)
    places = altair.Axis(values=list(range(1, n + 1)), grid=False, domain=False, ticks=False, title=None, format="d")
    y = altair.Y("place:Q", scale=altair.Scale(domain=[n + 0.5, 0.4], nice=False), axis=places)
    colour = altair.Color("tag:N", scale=altair.Scale(domain=number, range=COLOURS[: len(number)]), legend=None)
    shape = altair.Shape("tag:N", scale=altair.Scale(domain=number, range=SHAPES[: len(number)]), legend=None)
    base = chart(list(_points(day))).encode(x, y)
    last = len(day.lines) - 1
    lines = base.mark_line(strokeWidth=3, interpolate="monotone", opacity=0.85).encode(colour, altair.Detail("run:N"))
    dots = base.mark_point(size=90, filled=True, opacity=1).encode(colour, shape)
    names = base.transform_filter("datum.named").encode(altair.Text("name:N"))
    above = names.transform_filter(f"datum.at < {last}")
    halo = above.mark_text(dy=-16, fontSize=12, font=its_font(), stroke="white", strokeWidth=4, strokeJoin="round")
    label = above.mark_text(dy=-16, fontSize=12, font=its_font(), color=INK)
    beside = names.transform_filter(f"datum.at == {last}")
    end = beside.mark_text(align="left", dx=11, fontSize=14, font=its_font(), color=INK)
    drawn = altair.layer(*holes(day.hours, day.whole.missing, x), lines, dots, halo, label, end)
    title = {"name": f"The most used {day.whole.lens.kind}s by rank, hour by hour", "font": FONT}
    return framed(drawn, title, trust(facts(day, tz), day.rules), day.hours, 46 * n)


def facts(day: Day, tz: ZoneInfo) -> str:
    """What is needed to trust a picture of a day."""
    whole = day.whole
    uses = f"{quantity(whole.uses, 'use')} of {printable(str(whole.lens))}"
    told = f"{between(whole.since, whole.until, tz)} · {uses} · {whole.state}"
    return told + (f" · {quantity(len(whole.missing), 'hour')} without data" if whole.missing else "")


def _points(day: Day) -> Iterator[Record]:
    """A point for each hour in which a followed tag is among the first; those of a run are one line.

    A tag is named at the last hour, or where it is not there, at its best place.
    """
    for way in ways(day, len(COLOURS)):
        spots = way.spots
        is_there = spots[-1].at == len(day.lines) - 1
        named = spots[-1] if is_there else min(spots, key=lambda each: (each.place, -each.at))
        name = written(way.series.row.shown, day.whole.lens)
        for number, run in enumerate(way.runs):
            for spot in run:
                line = {"tag": way.number, "run": f"{way.number}.{number}"}
                yield {"at": spot.at, "place": spot.place, **line, "named": spot is named, **name}
