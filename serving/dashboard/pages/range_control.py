"""Range control: what the form above each answer shows: presets, the ranges beside this one, fields, time zones. Pure.

`templates/time_range.html` draws it; `range_form` receives its fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.errors import UsageError
from ingest.hours import HOUR_MS, Hour, iso
from serving.dashboard.pages.links import Links
from serving.dashboard.pages.time_range import TimeRange, of_last
from serving.query.calendar_days import date_at

PRESETS = {"1h": "1 h", "24h": "24 h", "7d": "7 d"}
TAG_PRESETS = PRESETS | {"30d": "30 d", "90d": "90 d"}
"""A history is one line: it may be longer."""


class RangeLink(NamedTuple):
    """A link to the same page with other hours."""

    label: str
    address: str
    is_now: bool = False


class Clock(NamedTuple):
    """A reading of a time that the clocks show twice or skip."""

    offset: str
    label: str


@dataclass(frozen=True)
class TimeField:
    """A field for a local time. Beside a time around which the clocks change it has a second field, for the clock."""

    value: str
    """`2013-04-15T20:00`, or what somebody typed."""
    clocks: Sequence[Clock] = ()
    chosen: str = ""
    """The offset of the chosen clock."""

    @property
    def step(self) -> int:
        """Seconds between the times that the field offers: hours do not begin at 00 minutes in all zones."""
        return 3600 if self.value.endswith(":00") else 900


@dataclass(frozen=True)
class RangeControl:
    """The control of a page."""

    presets: Sequence[RangeLink]
    before: RangeLink | None
    after: RangeLink | None
    names: Sequence[str]
    """The tags of the page."""
    since: TimeField
    until: TimeField
    date: str
    words: Sequence[tuple[str, str]]
    """Parameters that name the same hours in any time zone; of a day, the same date."""
    problem: UsageError | None = None
    """Why the fields name no hours."""


def range_control(hours: TimeRange, current: Hour, links: Links, names: Sequence[str] = ()) -> RangeControl:
    """The control of a page about some hours, and about tags if there are names."""
    after = hours.after(current)
    before = hours.before()
    return RangeControl(
        presets=preset_links(hours, current, links, names),
        before=RangeLink(_label(before, "before"), links.range(before, names)),
        after=RangeLink(_label(after, "after"), links.range(after, names)) if after else None,
        names=names,
        since=_field(hours.since, hours.tz),
        until=_field(hours.until, hours.tz),
        date=f"{date_at(hours.until.start_ms - HOUR_MS, hours.tz)}",
        words=_words(hours),
    )


def preset_links(hours: TimeRange | None, current: Hour, links: Links, names: Sequence[str]) -> list[RangeLink]:
    """The ranges that end now; `hours` is the page's own."""
    return [
        RangeLink(label, links.range(each, names), hours is not None and each.words == hours.words)
        for span, label in (TAG_PRESETS if names else PRESETS).items()
        for each in [of_last(span, current, links.tz)]
    ]


def clocks_at(local: datetime, tz: ZoneInfo) -> tuple[Clock, ...]:
    """Both readings of a local time that the clocks of a zone show twice or skip; none for all others."""
    readings = [local.replace(tzinfo=tz, fold=fold) for fold in (0, 1)]
    if readings[0].utcoffset() == readings[1].utcoffset():
        return ()
    return tuple(Clock(offset_of(each), _real(each)) for each in readings)


def offset_of(moment: datetime) -> str:
    """`-04:00`."""
    return moment.isoformat()[19:]


def _real(reading: datetime) -> str:
    """What the clocks show at a reading, `01:00 EST`: of a time that they skip, a time before or after."""
    return f"{datetime.fromtimestamp(reading.timestamp(), reading.tzinfo):%H:%M %Z}"


def _label(beside: TimeRange, side: str) -> str:
    """`20:00`, `2013-04-15`, `7 days before`."""
    return f"{beside.label} {side}" if beside.form == "range" else beside.label


def _field(hour: Hour, tz: ZoneInfo) -> TimeField:
    local = hour.start.astimezone(tz)
    return TimeField(f"{local:%Y-%m-%dT%H:%M}", clocks_at(local.replace(tzinfo=None, fold=0), tz), offset_of(local))


def _words(hours: TimeRange) -> Sequence[tuple[str, str]]:
    if hours.form in ("last", "date"):
        return tuple(hours.words.items())
    return (("since", iso(hours.since.start_ms)), ("until", iso(hours.until.start_ms)))
