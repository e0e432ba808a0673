"""Pictures: a chart as an SVG file with its title and the facts that a reader needs to trust it.

A picture loads nothing: its data is inside, and its fonts are those of the machine that shows it.
"""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import Hour
from serving.answers.comparison import Comparison
from serving.answers.day import Day
from serving.answers.history import History
from serving.answers.rule_versions import Rules
from serving.render.charts.bump import Bump, bump
from serving.render.charts.curve import Curve, curve
from serving.render.charts.heat import Heat, heat
from serving.render.charts.labels import FONT, Label, label_of, width_of
from serving.render.charts.lines import Lines, lines
from serving.render.charts.palette import LIGHT, SHAPES
from serving.render.jinja import environment
from serving.render.text import local_hour

_PADDING = 20
_TITLE_SIZE, _NOTE_SIZE = 20, 13
_NOTE_HEIGHT = 18
_BELOW_NOTES = 20
"""Pixels between the notes and the chart."""


class _Head(NamedTuple):
    """The title and the notes above a chart."""

    title: Label
    notes: list[str]


def bump_picture(day: Day, tz: ZoneInfo, current: Hour | None = None) -> str:
    """The ranks of a day's tags."""
    title = Label(f"The most used {day.whole.lens.kind}s by rank, hour by hour", FONT)
    return _picture("bump.svg", bump(day, tz, current), _Head(title, _notes(day_facts(day, tz), day.rules)), tz)


def heat_picture(day: Day, tz: ZoneInfo, current: Hour | None = None) -> str:
    """The uses of a day's tags."""
    title = Label(f"Uses of each {day.whole.lens.kind}, hour by hour", FONT)
    return _picture("heat.svg", heat(day, tz, current), _Head(title, _notes(day_facts(day, tz), day.rules)), tz)


def curve_picture(answer: History, tz: ZoneInfo, current: Hour | None = None) -> str:
    """The uses of one tag."""
    facts = f"{_between(answer.since, answer.until, tz)} · {quantity(answer.uses, 'use')}"
    if answer.max_error:
        facts += f", and up to {answer.max_error:,} more in hours that keep only their first tags"
    label = label_of(answer.shown, answer.lens)
    title = Label(f"{label.text}, hour by hour", label.font)
    return _picture("curve.svg", curve(answer, tz, current), _Head(title, _notes(facts, answer.rules)), tz)


def lines_picture(answer: Comparison, tz: ZoneInfo, current: Hour | None = None) -> str:
    """The uses of several tags."""
    title = Label(f"Uses of {len(answer.histories)} {answer.lens.kind}s, hour by hour", FONT)
    facts = _between(answer.since, answer.until, tz)
    return _picture("lines.svg", lines(answer, tz, current), _Head(title, _notes(facts, answer.rules)), tz)


def tag_picture(answer: History | Comparison, tz: ZoneInfo, current: Hour | None = None) -> str:
    """The uses of one tag, or of several."""
    return curve_picture(answer, tz, current) if isinstance(answer, History) else lines_picture(answer, tz, current)


def day_facts(day: Day, tz: ZoneInfo) -> str:
    """The range of a day, its uses, its state and how many hours have no data."""
    whole = day.whole
    uses = f"{quantity(whole.uses, 'use')} of {printable(str(whole.lens))}"
    facts = f"{_between(whole.since, whole.until, tz)} · {uses} · {whole.state}"
    return facts + (f" · {quantity(len(whole.missing), 'hour')} without data" if whole.missing else "")


def _between(since: Hour, until: Hour, tz: ZoneInfo) -> str:
    """`2017-01-06 07:00 to 2017-01-07 07:00 UTC`."""
    begin, end = (f"{hour.start.astimezone(tz):%Y-%m-%d %H:%M}" for hour in (since, until))
    return f"{begin} to {end} {tz.key}"


def _notes(facts: str, rules: Rules) -> list[str]:
    """The lines below a title; if the hours have several versions of the rule, also the command that mends that."""
    return [facts, rules.mixture, f"one version for all of them: {rules.mend}"] if rules.mend else [facts]


def _picture(template: str, chart: Bump | Heat | Curve | Lines, head: _Head, tz: ZoneInfo) -> str:
    above = _PADDING + _TITLE_SIZE + _NOTE_HEIGHT * len(head.notes) + _BELOW_NOTES
    texts = [width_of(head.title.text, _TITLE_SIZE) * 1.06, *(width_of(note, _NOTE_SIZE) for note in head.notes)]
    return _TEMPLATES.get_template("picture.svg").render(
        template=template,
        chart=chart,
        head=head,
        above=above,
        padding=_PADDING,
        width=round(max(chart.width, *texts) + 2 * _PADDING),
        height=round(above + chart.height + _PADDING / 2),
        font=FONT,
        palette=LIGHT,
        shapes=SHAPES,
        link=None,
        local=lambda hour: local_hour(hour, tz),
    )


_TEMPLATES = environment()
