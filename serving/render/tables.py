"""Tables: a day, the rising tags, a tag's history on a terminal. All text is escaped."""

from collections.abc import Iterator
from itertools import groupby
from zoneinfo import ZoneInfo

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Group
from rich.table import Table
from rich.text import Text

from config.quantity import quantity
from config.terminal_text import printable
from serving.answers.comparison import Comparison
from serving.answers.day import Cell, Day, HourLine, Move
from serving.answers.history import History, Point
from serving.answers.rank_tracks import begins_day
from serving.answers.rising import FORMULA, SURE, Rising
from serving.render.text import bar, local_hour
from serving.views.documents import Lens

MARKS: dict[Move, tuple[str, str]] = {
    "new": ("✚", "bright_cyan"),
    "up": ("▲", "dodger_blue1"),
    "down": ("▼", "dark_orange"),
    "same": ("·", "dim"),
    "unknown": (" ", ""),
}
"""How a tag moved, as a sign and a colour: the sign alone tells it."""
_CELL = 16
"""Cells of a tag of an hour, with sign and count."""
_BAR = 6
_WITH_BAR = 46
"""Cells from which on a day has room for a bar beside hour, count and one tag."""
_LEVELS = "▁▂▃▄▅▆▇█"


def day_table(day: Day, tz: ZoneInfo, width: int) -> Table:
    """Hours down, tags across: as many as fit a width, and the caption says how many."""
    most = max((line.view.uses for line in day.lines if line.view), default=1)
    fits = max(1, (width - 28) // (_CELL + 1))
    wanted = max((len(line.cells) for line in day.lines), default=0)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), caption=_day_caption(day, min(fits, wanted), wanted))
    table.caption_justify = "left"
    digits = max((len(f"{line.view.uses:,}*") for line in day.lines if line.view), default=0)
    table.add_column("hour", no_wrap=True, min_width=12)
    table.add_column("uses", justify="right", no_wrap=True, min_width=max(4, digits))
    has_bar = width >= _WITH_BAR
    cell = _CELL if has_bar else min(_CELL, max(8, width - 14 - max(4, digits)))
    if has_bar:
        table.add_column("", width=_BAR, no_wrap=True)
    for place in range(min(fits, wanted)):
        table.add_column(f"  {place + 1}", width=cell, no_wrap=True)
    for line, new in zip(day.lines, begins_day(day.hours, tz), strict=True):
        local = line.hour.start.astimezone(tz)
        label = f"{local:%d %b %H:%M}" if new else f"       {local:%H:%M}"
        table.add_row(Text(label), *_day_row(line, max(most, 1) if has_bar else 0, fits, cell))
    return table


def _day_row(line: HourLine, most: int, fits: int, wide: int) -> Iterator[Text]:
    """Cells behind the hour; the bar where there are `most` uses to compare with: 0 where there is no room for one."""
    if line.view is None:
        yield from (Text(), *([Text()] if most else []), Text("  no data", style="dim"))
        return
    uncertain = "" if line.view.state == "final" else "*"
    yield Text(f"{line.view.uses:,}{uncertain}")
    if most:
        yield Text(bar(line.view.uses, most, _BAR), style="blue")
    for cell in line.cells[:fits]:
        yield _day_cell(cell, line.view.lens, wide)


def _day_cell(cell: Cell, lens: Lens, wide: int) -> Text:
    sign, style = MARKS[cell.move]
    count = f" {cell.row.count:,}"
    room = wide - 2 - cell_len(count)
    return Text.assemble((sign, style), " ", cut(lens.label(cell.row.shown), room), (count, "dim"))


def _day_caption(day: Day, shown: int, wanted: int) -> Text:
    whole = day.whole
    uses = f"{quantity(whole.uses, 'use')} of {printable(str(whole.lens))}"
    facts = [uses, f"{quantity(len(whole.views), 'hour')} with data"]
    if whole.missing:
        facts.append(f"{len(whole.missing)} without")
    if any(view.state != "final" for view in whole.views):
        facts.append("* not final yet")
    if shown < wanted:
        facts.append(f"the first {shown} of {quantity(wanted, 'tag')}: a wider terminal shows more")
    lines = ["against the hour before: ▲ rose ▼ fell ✚ new", ", ".join(facts), day.rules.sentence]
    return Text("\n".join(line for line in lines if line))


def rising_table(answer: Rising, tz: ZoneInfo) -> Table:
    """The rising tags of an hour, and under them the formula."""
    before = f"against {quantity(len(answer.hours_before), 'hour')} before it, from {local_hour(answer.since, tz)} on"
    caption = (
        f"{answer.origin} layer, {answer.state}, {before}\nscore: {FORMULA}; "
        f"{SURE} or more comes by chance once in 1,000 tags\nexpected: uses, had the tag's share stayed as it was"
    )
    if answer.rules.sentence:
        caption += f"\n{answer.rules.sentence}"
    table = Table(title=local_hour(answer.hour, tz), title_justify="left", box=box.SIMPLE)
    table.caption, table.caption_justify = Text(caption), "left"
    for name in ("score", answer.view.lens.kind, "uses", "expected", "rank", "before"):
        table.add_column(name, justify="left" if name == answer.view.lens.kind else "right")
    for each in answer.risers:
        was = "–" if each.was is None else str(each.was)
        shown = Text(answer.view.lens.label(each.row.shown))
        table.add_row(f"{each.score:,.1f}", shown, f"{each.row.count:,}", f"{each.expected:,.1f}", str(each.rank), was)
    return table


def tag_table(answer: History | Comparison, tz: ZoneInfo) -> Group:
    """One tag hour by hour; several below each other and on one scale."""
    if isinstance(answer, History):
        return history_table(answer, tz)
    return Group(*(part for each in answer.histories for part in (history_table(each, tz, answer.most), Text())))


def history_table(answer: History, tz: ZoneInfo, most: int | None = None) -> Group:
    """A line a day, a sign an hour, of which the highest stands for `most`; then spellings and the best hour."""
    most = most or (answer.best.count if answer.best and answer.best.count else 1)
    lines = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    lines.add_column("day", no_wrap=True)
    lines.add_column("0     6     12    18", no_wrap=True, min_width=24)
    lines.add_column("uses", justify="right")
    for day, points in groupby(answer.points, key=lambda point: point.hour.start.astimezone(tz).date()):
        of_day = list(points)
        ahead = " " * of_day[0].hour.start.astimezone(tz).hour
        signs = Text(ahead + "".join(_level(point, most) for point in of_day), style="blue")
        lines.add_row(f"{day:%a %Y-%m-%d}", signs, f"{sum(point.count or 0 for point in of_day):,}")
    spelled = ", ".join(f"{answer.lens.label(shown)} ({count:,})" for shown, count in answer.spellings[:8])
    facts = [quantity(answer.uses, "use"), *([f"as {spelled}"] if spelled else [])]
    if answer.best:
        facts.append(f"most in {local_hour(answer.best.hour, tz)}: {answer.best.count:,}, rank {answer.best.rank}")
    if answer.max_error:
        facts.append(f"up to {answer.max_error:,} more in hours that keep only their first tags (?)")
    if answer.missing:
        facts.append(f"{quantity(len(answer.missing), 'hour')} without data (blank)")
    if answer.rules.sentence:
        facts.append(answer.rules.sentence)
    return Group(Text(answer.lens.label(answer.shown), style="bold"), lines, Text("\n".join(facts)))


def _level(point: Point, most: int) -> str:
    if point.count is None:
        return "?" if point.origin else " "
    return block(point.count, most)


def block(count: int, most: int) -> str:
    """A count as a block, as high as its share of the most."""
    return _LEVELS[(count * len(_LEVELS) - 1) // most] if count else "·"


def cut(text: str, room: int) -> str:
    """A text in exactly that many cells of a terminal; a character of Chinese takes two."""
    return set_cell_size(text, room) if cell_len(text) <= room else set_cell_size(text, room - 1) + "…"
