"""Heat: a day's tags by hour, each use counted."""

from zoneinfo import ZoneInfo

import altair

from serving.answers.day import Day
from serving.render.charts.bump import facts
from serving.render.charts.frame import (
    FONT,
    INK,
    Picture,
    by_hour,
    chart,
    framed,
    holes,
    its_font,
    step,
    trust,
    written,
)

_NUMBERS_FROM = 26
"""Pixels of an hour from which on its numbers have room."""


def heat(day: Day, tz: ZoneInfo) -> Picture:
    """How often each of the tags with most uses was used in each hour; what is 0 or not known is left white.

    Colours are ColorBrewer's YlGnBu, lightness alone tells them apart; by the logarithm, since uses are so uneven.
    """
    most = max((count for each in day.series for count in each.counts if count), default=1)
    cells = [
        {"at": at, "tag": number, "count": count, "text": _short(count), "dark": count > most**0.6}
        for number, each in enumerate(day.series)
        for at, count in enumerate(each.counts)
        if count
    ]
    names = [{"tag": number, **written(each.row.shown, day.whole.lens)} for number, each in enumerate(day.series)]
    x = by_hour(day.hours, tz)
    y = altair.Y("tag:O", axis=None, scale=altair.Scale(domain=list(range(len(names)))))
    scale = altair.Scale(scheme="yellowgreenblue", type="log", domain=[1, max(2, most)])
    legend = altair.Legend(title="uses", orient="right", gradientLength=180, format=",d", tickCount=4)
    base = chart(cells).encode(x, y)
    boxes = base.mark_rect(stroke="white", strokeWidth=1).encode(altair.Color("count:Q", scale=scale, legend=legend))
    label = chart(names).encode(y, altair.Text("name:N"), x=altair.value(0))
    layers = [boxes, label.mark_text(align="right", dx=-9, fontSize=13, color=INK, font=its_font())]
    if step(day.hours) >= _NUMBERS_FROM:
        ink = altair.condition("datum.dark", altair.value("white"), altair.value(INK))
        layers.append(base.mark_text(fontSize=10).encode(altair.Text("text:N"), color=ink))
    drawn = altair.layer(*holes(day.hours, day.whole.missing, x), *layers)
    title = {"name": f"Uses of each {day.whole.lens.kind}, hour by hour", "font": FONT}
    return framed(drawn, title, trust(facts(day, tz), day.rules), day.hours, 26 * len(names))


def _short(count: int) -> str:
    return f"{count}" if count < 1_000 else f"{count / 1_000:.1f}k" if count < 10_000 else f"{count // 1_000}k"
