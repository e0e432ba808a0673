"""Time ranges: from expressions such as `monday-7h` or `7d` to whole hours, with a note if that widens them."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from config.errors import UsageError, of_parameter
from ingest.hours import Hour, Millis, iso
from serving.query.calendar_days import CalendarDay
from serving.query.time_expressions import parse, parse_day, span


@dataclass(frozen=True)
class TimeResolver:
    """Resolves time expressions at one moment, in one time zone."""

    now: Millis
    tz: ZoneInfo
    note: Callable[[str], None]
    """Receives a note if the hours are wider than the expression."""

    def hour(self, text: str) -> Hour:
        """The hour of a moment, with a note unless the hour starts at that moment."""
        with of_parameter("hour"):
            moment = parse(text, self.now, self.tz)
        hour = Hour.of(moment)
        if moment != hour.start_ms and not text.strip().lower().startswith("now"):
            self.note(f"{text} lies in the hour {hour} (UTC): hours are whole")
        return hour

    def day(self, date: str) -> tuple[Hour, Hour]:
        """The hours of a day from its first moment to its last, as far as it has passed: 2013-04-15, today, monday."""
        with of_parameter("date"):
            day = parse_day(date, self.now, self.tz)
        return self.hours_of(day)

    def hours_of(self, day: CalendarDay) -> tuple[Hour, Hour]:
        """The half-open hours of a calendar day, as far as it has passed."""
        return self._whole(day.first, min(day.after, self.now))

    def range(
        self, since: str | None, until: str | None, last: str | None, default: str | None = None
    ) -> tuple[Hour, Hour]:
        """The half-open hours of a range, widened to whole hours, with a note.

        `default` is the `last` of a range without a time.
        """
        if default is not None:
            last = last or (default if since is None and until is None else None)
        if last is not None:
            reject_combination(last, since, until)
            with of_parameter("last"):
                begin, end = self.now - span(last), self.now
        elif since is not None:
            with of_parameter("since"):
                begin = parse(since, self.now, self.tz)
            with of_parameter("until"):
                end = parse(until, self.now, self.tz) if until is not None else self.now
        else:
            raise UsageError("`until` needs `since`", next_step="Say from when on", parameters=["until", "since"])
        return self._whole(begin, end)

    def _whole(self, begin: Millis, end: Millis) -> tuple[Hour, Hour]:
        """The hours that a stretch of time touches, with a note if they are wider."""
        first, after = Hour.of(begin), Hour.of(end - 1).plus(1)
        if (begin, end) != (first.start_ms, after.start_ms):
            upto = "until now" if end == self.now else f"to {iso(after.start_ms)}"
            self.note(f"Hours are whole: from {iso(first.start_ms)} {upto}")
        return first, after


def reject_combination(option: str, *others: str | None) -> None:
    """Raise `UsageError` for two ways of naming a time."""
    if any(other is not None for other in others):
        raise UsageError(
            "`hour`, `last` and `since`/`until` exclude each other",
            next_step=f"Keep only {option}",
            parameters=["hour", "last", "since", "until"],
        )
