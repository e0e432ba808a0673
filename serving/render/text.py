"""Text: an answer as a table for a terminal. All text is escaped."""

from typing import Any
from zoneinfo import ZoneInfo

from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import Hour, Millis, moment_of
from serving.answers.merge import Range, View, places
from serving.answers.scores import Surprise
from serving.answers.surprise import FORMULA


def local_hour(hour: Hour, tz: ZoneInfo) -> str:
    """An hour as people say it: `2017-01-06 07:00–08:00 UTC`."""
    start, end = hour.start.astimezone(tz), hour.plus(1).start.astimezone(tz)
    return f"{start:%Y-%m-%d %H:%M}–{end:%H:%M} {start:%Z}"


def local_moment(moment: Millis, tz: ZoneInfo) -> str:
    """A moment as people say it: `2017-01-06 07:30:15 UTC`."""
    return f"{moment_of(moment).astimezone(tz):%Y-%m-%d %H:%M:%S %Z}"


def table(answer: View | Range, title: str, width: int = 80) -> Any:
    """The ranked rows as a rich table, and under it the caption.

    A narrow table drops the bar first, then folds tags; it never cuts a count.
    """
    from rich import box  # noqa: PLC0415 - JSON needs none of it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    below = caption(answer)
    rules = answer.surprise.rules if answer.surprise else answer.rules if isinstance(answer, Range) else None
    if rules and rules.sentence:
        below += f"\n{rules.sentence}"
    drawn = Table(title=title, title_justify="left", caption=Text(below), caption_justify="left", box=box.SIMPLE)
    digits = max((len(f"{row.count:,}") for row in answer.rows), default=0)
    has_bar = width >= (_WITH_BAR + digits if not answer.surprise else _WITH_BAR_AND_SCORE)
    drawn.add_column("rank", justify="right", no_wrap=True, min_width=4)
    drawn.add_column(answer.lens.kind, overflow="fold", min_width=16 if has_bar else None)
    drawn.add_column("uses", justify="right", no_wrap=True, min_width=max(4, digits))
    if has_bar:
        drawn.add_column("", min_width=12)
    scores = answer.surprise.scores if answer.surprise else ()
    if scores:
        drawn.add_column("expected", justify="right", no_wrap=True)
        drawn.add_column("score", justify="right", no_wrap=True)
    most = max((row.count for row in answer.rows), default=0)
    for at, (rank, row) in enumerate(zip(places(answer), answer.rows, strict=True)):
        shown = Text(answer.lens.label(row.shown))
        cells: list[Any] = [str(rank), shown, f"{row.count:,}"]
        if has_bar:
            cells.append(Text(bar(row.count, most)))
        if scores:
            if scores[at].others:
                shown.append(f" ({answer.lens.label(scores[at].saying)})", style="dim")
            cells += [f"{scores[at].expected:,.1f}", f"{scores[at].score:,.1f}"]
        drawn.add_row(*cells)
    return drawn


_WITH_BAR = 44
"""Cells of a table with a bar, beside the digits of its counts."""
_WITH_BAR_AND_SCORE = 100


def bar(count: int, most: int, width: int = 12) -> str:
    """A bar as long as the count's share of the most, in eighths of a character."""
    eighths = max(1, count * width * 8 // most) if count else 0
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def caption(answer: View | Range) -> str:
    """The caption of an answer: layer, state, ties, totals, holes, error."""
    layers = "both layers" if answer.origin == "mixed" else f"{answer.origin} layer"
    facts = [f"{layers}, {answer.state}"]
    if answer.lens.source is not None:
        facts[0] += f", posts of {printable(answer.lens.source)} alone"
    noun = "tag" if answer.lens.kind == "hashtag" else answer.lens.kind
    if answer.tied_beyond:
        tie = "ties" if answer.tied_beyond == 1 else "tie"
        facts.append(f"{quantity(answer.tied_beyond, f'more {noun}')} {tie} with the last row")
    totals = quantity(answer.uses, "use")
    if answer.tags is not None:
        totals += f" of {quantity(answer.tags, noun)}"
    if answer.posts is not None:
        totals += f" in {quantity(answer.posts, 'post')}"
    facts.append(totals)
    if isinstance(answer, Range):
        facts.extend(_range_facts(answer))
    if answer.surprise:
        facts.extend(_surprise_facts(answer.surprise))
    return "\n".join(facts)


def _surprise_facts(surprise: Surprise) -> list[str]:
    days = f"{surprise.since} to {surprise.until}"
    if not surprise.is_known:
        return [f"by count: no data in {days}, so nothing to compare with"]
    hours = quantity(surprise.hours_before, "hour")
    return [f"by surprise against {hours} with data in {days}", f"score: {FORMULA}"]


def _range_facts(answer: Range) -> list[str]:
    facts = [f"{quantity(len(answer.views), 'hour')} with data"]
    if answer.missing:
        named = ", ".join(str(hour) for hour in answer.missing[:3]) + (" …" if len(answer.missing) > 3 else "")
        facts.append(f"{quantity(len(answer.missing), 'hour')} without data: {named}")
    if answer.max_error:
        facts.append(f"a sum may lack up to {quantity(answer.max_error, 'use')}: hours keep their first tags only")
    return facts
