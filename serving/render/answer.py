"""Render: an answer as JSON, and as a table for a terminal. What is shown is safe to show, whatever a tag holds."""

import unicodedata
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from config.quantity import quantity
from ingest.hours import Hour, Millis, moment_of
from serving.answers.merge import Range, View, competition
from serving.answers.rule_versions import Rules
from serving.views.documents import Lens

LONGEST_TAG = 40
"""Characters of a tag that a table shows; JSON has all of them."""


def hour_json(view: View) -> dict[str, Any]:
    """One hour: `{"hour","kind","source","origin","state","top":[{"rank","tag","shown","count"}],"tied_beyond",…}`."""
    return {"hour": str(view.hour), **_answer_json(view)}


def hours_json(views: Sequence[View], rules: Rules) -> dict[str, Any]:
    """Hours side by side: `{"hours":[…],"rules","mend"}`, each hour as `hour_json` has it."""
    return {"hours": [hour_json(view) for view in views], "rules": dict(rules.hours), "mend": rules.mend}


def range_json(answer: Range) -> dict[str, Any]:
    """Several hours: the same, with `since`, `until`, `hours`, `missing`, `max_error`, `rules` and `mend`."""
    return {
        "since": str(answer.since),
        "until": str(answer.until),
        **_answer_json(answer),
        "hours": [
            {"hour": str(view.hour), "origin": view.origin, "state": view.state, "rule": view.rule}
            for view in answer.views
        ],
        "missing": [str(hour) for hour in answer.missing],
        "max_error": answer.max_error,
        "rules": dict(answer.rules.hours),
        "mend": answer.rules.mend,
    }


def _answer_json(answer: View | Range) -> dict[str, Any]:
    return {
        "kind": answer.lens.kind,
        "source": answer.lens.source,
        "origin": answer.origin,
        "state": answer.state,
        "top": [
            {"rank": rank, "tag": row.tag, "shown": row.shown, "count": row.count}
            for rank, row in zip(competition(answer.rows), answer.rows, strict=True)
        ],
        "tied_beyond": answer.tied_beyond,
        "uses": answer.uses,
        "tags": answer.tags,
        "posts": answer.posts,
        "rule": answer.rule,
        "computed_at": iso(answer.computed_at) if answer.computed_at is not None else None,
    }


def iso(moment: Millis) -> str:
    """A moment as `2017-01-06T07:00:00Z`."""
    return moment_of(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_hour(hour: Hour, tz: ZoneInfo) -> str:
    """An hour as people say it: `2017-01-06 07:00–08:00 UTC`."""
    start, end = hour.start.astimezone(tz), hour.plus(1).start.astimezone(tz)
    return f"{start:%Y-%m-%d %H:%M}–{end:%H:%M} {start:%Z}"


def printable(text: str, longest: int = LONGEST_TAG) -> str:
    """Text for a terminal: what would move the cursor, or turn the direction of writing, is shown as its code."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(_coded(each) if unicodedata.category(each) in _UNSAFE else each for each in cut)


def named(shown: str, lens: Lens, longest: int = LONGEST_TAG) -> str:
    """What was counted as a terminal or a picture names it: a hashtag with its sign, a phrase as it is."""
    return ("#" if lens.kind == "hashtag" else "") + printable(shown, longest)


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
"""Cf too, yet part of how Persian, Sinhala or an emoji is spelt."""


def _coded(character: str) -> str:
    return character if character in _JOINERS else f"<{ord(character):04X}>"


def table(answer: View | Range, title: str, width: int = 80) -> Any:
    """The ranked rows as a rich table, and under it what is needed to trust them.

    Where a width has no room for all, the bar goes first, then the tag is folded; a count is never cut.
    """
    from rich import box  # noqa: PLC0415 - JSON needs none of it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    below = caption(answer)
    if isinstance(answer, Range) and answer.rules.sentence:
        below += f"\n{answer.rules.sentence}"
    drawn = Table(title=title, title_justify="left", caption=Text(below), caption_justify="left", box=box.SIMPLE)
    digits = max((len(f"{row.count:,}") for row in answer.rows), default=0)
    has_bar = width >= _WITH_BAR + digits
    drawn.add_column("rank", justify="right", no_wrap=True, min_width=4)
    drawn.add_column(answer.lens.kind, overflow="fold", min_width=16 if has_bar else None)
    drawn.add_column("uses", justify="right", no_wrap=True, min_width=max(4, digits))
    if has_bar:
        drawn.add_column("", min_width=12)
    for rank, row in zip(competition(answer.rows), answer.rows, strict=True):
        cells: list[Any] = [str(rank), Text(named(row.shown, answer.lens)), f"{row.count:,}"]
        drawn.add_row(*cells, *([Text(bar(row.count, answer.rows[0].count))] if has_bar else []))
    return drawn


_WITH_BAR = 44
"""Cells of a table with a bar, beside the digits of its counts."""


def bar(count: int, most: int, width: int = 12) -> str:
    """A bar as long as the count's share of the most, in eighths of a character."""
    eighths = max(1, count * width * 8 // most) if count else 0
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def caption(answer: View | Range) -> str:
    """What is needed to trust an answer: layer, state, ties, totals, holes, error."""
    layers = "both layers" if answer.origin == "mixed" else f"{answer.origin} layer"
    facts = [f"{layers}, {answer.state}"]
    if answer.lens.source is not None:
        facts[0] += f", posts of {printable(answer.lens.source)} alone"
    noun = "tag" if answer.lens.kind == "hashtag" else answer.lens.kind
    if answer.tied_beyond:
        have = "has" if answer.tied_beyond == 1 else "have"
        facts.append(f"{quantity(answer.tied_beyond, f'more {noun}')} {have} as many uses as the last row")
    totals = quantity(answer.uses, "use")
    if answer.tags is not None:
        totals += f" of {quantity(answer.tags, noun)}"
    if answer.posts is not None:
        totals += f" in {quantity(answer.posts, 'post')}"
    facts.append(totals)
    if isinstance(answer, Range):
        facts.extend(_range_facts(answer))
    return "\n".join(facts)


def _range_facts(answer: Range) -> list[str]:
    facts = [f"{quantity(len(answer.views), 'hour')} with data"]
    if answer.missing:
        named = ", ".join(str(hour) for hour in answer.missing[:3]) + (" …" if len(answer.missing) > 3 else "")
        facts.append(f"{quantity(len(answer.missing), 'hour')} without data: {named}")
    if answer.max_error:
        facts.append(f"a sum may lack up to {quantity(answer.max_error, 'use')}: hours keep their first tags only")
    return facts
