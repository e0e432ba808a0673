"""Questions: what the command, the API and notebooks ask, with times as people write them, over one query."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from config.errors import UsageError, of_parameter
from config.quantity import quantity
from ingest.hours import Hour
from serving.answers.comparison import Comparison, distinct_tags
from serving.answers.day import Day
from serving.answers.history import History
from serving.answers.merge import Range, View
from serving.answers.now.tag_trend import ROWS, HourTrend
from serving.answers.rising import SURE, Rising
from serving.query.query import Query
from serving.query.time_expressions import hours_in
from serving.query.time_ranges import TimeResolver, reject_combination

Top = View | Range | tuple[View, ...]
"""One hour, a range, or what is trending now: the hour in progress and the one before, as far as they have data."""


@dataclass(frozen=True)
class Questions:
    """The questions to one store, at one moment, in one time zone. Each raises `NoDataError` and `UsageError`."""

    query: Query
    times: TimeResolver

    def top(
        self,
        n: int,
        hour: str | None = None,
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
    ) -> Top:
        """The first n tags: of an hour, of a range of hours, or without a time of now."""
        check_number(n)
        if hour is not None:
            reject_combination(hour, since, until, last)
            return self.query.hour(self.times.hour(hour), n)
        if since is not None or until is not None or last is not None:
            return self.query.range(*self.times.range(since, until, last), n)
        return tuple(self.query.now(self.current, n))

    def now(self, n: int, behind: Callable[[], int | None]) -> tuple[HourTrend, ...]:
        """The trends of the first n tags, and of n rising ones, of the hour in progress and of the one before.

        `behind`: returns the uses that the speed layer has yet to count; None if unknown, and then there is no
        projection. Called only where an hour needs it.
        """
        check_number(n)
        views = self.query.hours([self.current, self.current.plus(-1)], ROWS)
        if not views:
            raise self.query.nothing_now(self.current)
        lag = behind() if any(view.state == "live" for view in views) else None
        return self.query.recent(self.current).trends(views, n, self.times.now, lag)

    def day(
        self,
        n: int,
        date: str | None = None,
        last: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Day:
        """Each hour by itself: of a day, of a range, or of a span until now, 24 hours by default."""
        check_number(n)
        if date is None:
            return self.query.day(*self.times.range(since, until, last, default="24h"), n)
        others = {"last": last, "since": since, "until": until}
        if wrong := [name for name, value in others.items() if value is not None]:
            what = f"`date` and `{wrong[0]}` exclude each other"
            raise UsageError(what, next_step="Leave out one of them", parameters=["date", *wrong])
        return self.query.day(*self.times.day(date), n)

    def rising(self, n: int, hour: str | None = None, against: str = "24h", least: float = SURE) -> Rising:
        """The tags that grew most in an hour, by default the last one with data, against a span before it."""
        check_number(n)
        with of_parameter("against"):
            before = hours_in(against)
        wanted = self.times.hour(hour) if hour is not None else self.query.latest(self.current)
        return self.query.rising(wanted, before, n, least)

    def history(
        self,
        tag: str,
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
        *,
        most: int | None = None,
    ) -> History:
        """A tag, as it is counted, hour by hour: of seven days by default, of `most` hours for a picture."""
        return self.query.history(tag, *self._hours_of_tag(since, until, last, most))

    def compare(
        self,
        tags: Sequence[str],
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
        *,
        most: int | None = None,
    ) -> Comparison:
        """Two to five tags, as they are counted, hour by hour: over the same hours as `history`."""
        return self.query.compare(distinct_tags(tags), *self._hours_of_tag(since, until, last, most))

    def tags(
        self,
        tags: Sequence[str],
        since: str | None = None,
        until: str | None = None,
        last: str | None = None,
        *,
        most: int | None = None,
    ) -> History | Comparison:
        """`history` of one tag, `compare` of several."""
        names = distinct_tags(tags)
        if len(names) == 1:
            return self.history(names[0], since, until, last, most=most)
        return self.compare(names, since, until, last, most=most)

    def _hours_of_tag(
        self, since: str | None, until: str | None, last: str | None, most: int | None
    ) -> tuple[Hour, Hour]:
        begin, end = self.times.range(since, until, last, default="7d")
        if most is not None and end.serial - begin.serial > most:
            raise UsageError(f"a picture has room for {quantity(most, 'hour')}", next_step="Ask for fewer")
        return begin, end

    def export(
        self, since: str | None, until: str | None = None, last: str | None = None, n: int = 0
    ) -> Iterator[View]:
        """Each hour of a range of any length, with its first n tags, or with all that it keeps if n is 0."""
        check_number(n, least=0)
        return self.query.stream(*self.times.range(since, until, last), n)

    def hours(self, hour: str | None, since: str | None, until: str | None, last: str | None) -> tuple[Hour, Hour]:
        """The hours of one hour, of a range, or of seven days until now."""
        if hour is not None:
            reject_combination(hour, since, until, last)
            one = self.times.hour(hour)
            return one, one.plus(1)
        return self.times.range(since, until, last, default="7d")

    @property
    def current(self) -> Hour:
        """The hour in progress."""
        return Hour.of(self.times.now)


def check_number(n: int, least: int = 1) -> None:
    """Raise `UsageError` for a number of tags that no answer has; the command and the API refuse it earlier."""
    if n < least:
        raise UsageError(f"not a number of tags: {n}", where="n", next_step=f"{least} or more", parameters=["n"])
