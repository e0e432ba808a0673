"""Frame: what all pictures share: hours from left to right, holes, title, and how a tag is written."""

import unicodedata
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import altair
from rich.cells import cell_len, set_cell_size

from ingest.hours import Hour
from serving.answers.rank_tracks import begins_day
from serving.answers.rule_versions import Rules
from serving.views.documents import Lens

Picture = altair.LayerChart
Record = dict[str, Any]

INK, GREY, PALE = "#222222", "#6F6F6F", "#F2F2F2"
FONT = "Noto Sans, DejaVu Sans, Arial, sans-serif"
_IDEOGRAPHIC = "Noto Sans CJK JP, Hiragino Sans, PingFang SC, Microsoft YaHei, "
_LONGEST = 24
"""Cells of a tag; a character of Chinese is two."""
_WIDEST = 1_040
"""Pixels for all hours, as long as each has 8."""
_SKIN_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))
"""Left out: few fonts know them outside of their emoji."""


def chart(records: Sequence[Record]) -> altair.Chart:
    """A chart of records."""
    return altair.Chart({"values": list(records)})


def by_hour(hours: Sequence[Hour], tz: ZoneInfo) -> altair.X:
    """The hours by their place, `at`, as local clocks show them; a day's name below its first."""
    labels = altair.Axis(
        title=None, labelAngle=0, ticks=False, domain=False, labelOverlap=False, labelPadding=6,
        labelExpr=f"{_clocks(hours, tz)}[datum.value]",
    )  # fmt: skip
    return altair.X("at:O", scale=altair.Scale(type="band", domain=list(range(len(hours))), padding=0), axis=labels)


def holes(hours: Sequence[Hour], missing: Sequence[Hour], x: altair.X) -> list[altair.Chart]:
    """A pale column where nothing is known of an hour."""
    there = set(missing)
    found = [{"at": at, "why": "no data"} for at, hour in enumerate(hours) if hour in there]
    if not found:
        return []
    base = chart(found).encode(x)
    columns = base.mark_bar(color=PALE, width=altair.RelativeBandSize(1))
    words = base.mark_text(angle=270, align="left", dx=8, color=GREY, fontSize=11)
    return [
        columns.encode(y=altair.value(0), y2=altair.value("height")),
        words.encode(altair.Text("why:N"), y=altair.value("height")),
    ]


def trust(facts: str, rules: Rules) -> list[str]:
    """The lines below a title: what is needed to trust a picture, and a mixture of rules with what mends it."""
    return [facts, rules.mixture, f"one version for all of them: {rules.mend}"] if rules.mend else [facts]


def framed(drawn: Any, title: Record, facts: list[str], hours: Sequence[Hour], height: int) -> Picture:
    """A finished picture: a title as `written` gives it, what is needed to trust it, size, fonts."""
    head = altair.TitleParams(
        title["name"],
        subtitle=facts,
        anchor="start",
        font=title["font"],
        fontSize=20,
        subtitleFontSize=13,
        offset=14,
        frame="bounds",
    )
    picture: Picture = (
        drawn.properties(width=step(hours) * len(hours), height=height, title=head, background="white", padding=20)
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=13, titleFontSize=13, labelColor=INK, titleColor=INK)
        .configure_title(color=INK, subtitleColor=GREY, subtitlePadding=6)
    )
    return picture


def step(hours: Sequence[Hour]) -> int:
    """Pixels of an hour."""
    return max(8, min(40, _WIDEST // len(hours)))


def between(since: Hour, until: Hour, tz: ZoneInfo) -> str:
    """`2017-01-06 07:00 to 2017-01-07 07:00 UTC`."""
    begin, end = (f"{hour.start.astimezone(tz):%Y-%m-%d %H:%M}" for hour in (since, until))
    return f"{begin} to {end} {tz.key}"


def written(shown: str, lens: Lens) -> Record:
    """A tag as a picture shows it, cut where it is long, and the fonts that have its script."""
    text = lens.label(shown).translate(_SKIN_TONES)
    short = text if cell_len(text) <= _LONGEST else set_cell_size(text, _LONGEST - 1).rstrip() + "…"
    return {"name": short, "font": _fonts(short)}


def its_font() -> Any:
    """The font that `written` says, for the text of a mark."""
    return altair.ExprRef(expr="datum.font")


def _clocks(hours: Sequence[Hour], tz: ZoneInfo) -> list[list[str]]:
    """Digits and names of months alone: it becomes part of a formula. Every sixth hour where they are narrow."""
    labels = []
    for hour, new in zip(hours, begins_day(hours, tz), strict=True):
        local = hour.start.astimezone(tz)
        shown = step(hours) >= 22 or local.hour % 6 == 0
        labels.append([f"{local:%H}" if shown else "", f"{local:%d %b}" if new else ""])
    return labels


def _fonts(text: str) -> str:
    """A renderer takes the first font that it has, whatever that lacks: so one that knows the script comes first."""
    for character in text:
        script = unicodedata.name(character, "LATIN").split()[0]
        if script in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH"):
            return _IDEOGRAPHIC + FONT
        if unicodedata.category(character) == "Lo" and script.isalpha():
            return f"Noto Sans {script.title()}, {FONT}"
    return FONT
