"""Now as tables for a terminal: the current hours with their first tags and their rising ones. All text is escaped."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from config.quantity import quantity
from serving.answers.now.tag_trend import HourTrend, TagTrend
from serving.render.tables import MARKS, block
from serving.render.text import caption, local_hour


def now_tables(trends: Sequence[HourTrend], tz: ZoneInfo) -> Group:
    """A table of the first tags, and one of the rising ones, for each hour."""
    return Group(*(table for trend in trends for table in _tables(trend, tz)))


def _tables(trend: HourTrend, tz: ZoneInfo) -> list[Table]:
    hour = local_hour(trend.view.hour, tz)
    facts = [caption(trend.view)]
    if trend.projection:
        told = f"≈ is a projection for the whole hour, after {trend.projection.minutes} minutes"
        facts.append(trend.projection.why_not or told)
    if trend.weeks:
        facts.append(f"week: uses by the mean of the same UTC hour of the week, {quantity(trend.weeks, 'week')}")
    tables = [_table(trend, trend.top, hour, "\n".join(facts))]
    if trend.rising:
        against = f"against {quantity(trend.compared, 'hour')} before it, by the score of `trends rising`"
        tables.append(_table(trend, trend.rising, f"rising in {hour}", against))
    return tables


def _table(trend: HourTrend, tags: Sequence[TagTrend], title: str, below: str) -> Table:
    drawn = Table(title=title, title_justify="left", caption=Text(below), caption_justify="left", box=box.SIMPLE)
    drawn.add_column("rank", justify="right", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    drawn.add_column(trend.view.lens.kind, overflow="fold", min_width=12)
    drawn.add_column("uses", justify="right", no_wrap=True)
    has_projection = trend.projection is not None and not trend.projection.why_not
    if has_projection:
        drawn.add_column("≈", justify="right", no_wrap=True)
    drawn.add_column("share", justify="right", no_wrap=True)
    drawn.add_column("24 hours", no_wrap=True, min_width=len(trend.hours))
    if trend.weeks:
        drawn.add_column("week", justify="right", no_wrap=True)
    for tag in tags:
        cells: list[Text | str] = [
            str(tag.rank),
            _move(tag),
            Text(trend.view.lens.label(tag.row.shown)),
            f"{tag.row.count:,}",
        ]
        cells += [f"{tag.projection:,}"] if has_projection else []
        cells += [f"{100 * tag.share:.1f} %", Text(_series(tag), style="blue")]
        cells += [_week(tag, has_projection)] if trend.weeks else []
        drawn.add_row(*cells)
    return drawn


def _move(tag: TagTrend) -> Text:
    sign, style = MARKS[tag.move]
    return Text(f"{sign} {abs(tag.places)}" if tag.places else sign, style=style)


def _series(tag: TagTrend) -> str:
    most = max((count or 0 for count in tag.counts), default=0)
    return "".join("?" if count is None else block(count, most) for count in tag.counts)


def _week(tag: TagTrend, is_projection: bool) -> str:
    if tag.week is None:
        return ""
    return "first" if tag.week.ratio is None else f"{'≈' if is_projection else ''}×{tag.week.ratio:.1f}"
