"""Curve: one tag's uses, hour by hour."""

from zoneinfo import ZoneInfo

import altair

from config.quantity import quantity
from serving.answers.history import History
from serving.render.charts.frame import INK, Picture, between, by_hour, chart, framed, holes, step, trust, written

_COLOUR = "#0072B2"


def curve(answer: History, tz: ZoneInfo) -> Picture:
    """A bar for each hour; the hour with most uses has its number. What is not known is no bar."""
    hours = [point.hour for point in answer.points]
    bars = [
        {"at": at, "count": point.count, "text": f"{point.count:,}" if point == answer.best else ""}
        for at, point in enumerate(answer.points)
        if point.count is not None
    ]
    x = by_hour(hours, tz)
    axis = altair.Axis(
        grid=True, gridColor="#E6E6E6", domain=False, ticks=False, title="uses", format=",d", tickMinStep=1
    )
    base = chart(bars).encode(x, altair.Y("count:Q", axis=axis))
    band = altair.RelativeBandSize(0.8 if step(hours) > 8 else 1)
    drawn = altair.layer(
        *holes(hours, answer.missing, x),
        base.mark_bar(color=_COLOUR, width=band),
        base.mark_text(dy=-8, fontSize=12, color=INK).encode(altair.Text("text:N")),
    )
    told = f"{between(answer.since, answer.until, tz)} · {quantity(answer.uses, 'use')}"
    if answer.max_error:
        told += f", and up to {answer.max_error:,} more in hours that keep only their first tags"
    title = written(answer.spellings[0][0], answer.lens)
    return framed(drawn, title | {"name": f"{title['name']}, hour by hour"}, trust(told, answer.rules), hours, 280)
