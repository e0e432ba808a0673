"""Query: the questions that can be asked of the views, each answered in one snapshot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from config.errors import NoDataError, UsageError
from ingest.hours import Hour
from serving.coverage import extent, hours_between, newest
from serving.day import MOST_SIDE_BY_SIDE, SERIES, Day, grid
from serving.history import History, history
from serving.lenses import absence, live, through
from serving.merge import Range, View, first, merge, total
from serving.render import named
from serving.rising import SURE, Rising, rising
from serving.rules import RuleNow, Rules, rules_of
from serving.store import Snapshot, Store
from serving.views import HASHTAGS, Lens, Origin

MOST_HOURS = 24 * 366 * 3
"""Longest range that one question may be about, hours."""
_AT_ONCE = 168
"""Documents read at once."""


@dataclass(frozen=True)
class Query:
    """Questions to one store. With `origin` every hour is answered by that layer alone.

    Through another `lens` than `HASHTAGS` the speed layer answers only where phrases are sent to it.
    """

    store: Store
    origin: Origin | None = None
    lens: Lens = HASHTAGS
    rule_now: Callable[[Lens], str] | None = None
    """The version of the rule by which an hour is computed now: asked where the hours of an answer differ."""

    def hour(self, hour: Hour, n: int) -> View:
        """The first n tags of an hour. Raises `NoDataError`, which tells why, or the hours that there are."""
        found = self.hours([hour], n)
        if not found:
            raise self.nothing(hour)
        return found[0]

    def now(self, current: Hour, n: int) -> list[View]:
        """The hour in progress and, beside it, the last complete one. Raises `NoDataError` where neither is known."""
        found = self.hours([current, current.plus(-1)], n)
        if not found:
            raise self._nothing(current.plus(-1), current.plus(1))
        return found

    def latest(self, current: Hour) -> Hour:
        """The hour in progress where something is known of it, else the one before. Raises `NoDataError`."""
        return self.now(current, 1)[0].hour

    def hours(self, hours: list[Hour], n: int) -> list[View]:
        """The first n tags of some hours, in one snapshot; an hour without data is left out."""
        with self.store.snapshot() as snapshot:
            return list(self._answers(snapshot, hours, n))

    def nothing(self, hour: Hour) -> NoDataError:
        """The error that says why there is no answer for an hour."""
        if self.lens != HASHTAGS:
            with self.store.snapshot() as snapshot:
                why = absence(snapshot, hour, self.lens)
            if why is not None:
                return why
        return NoDataError(f"nothing is known of {hour}", next_step=self.what_there_is())

    def range(self, since: Hour, until: Hour, n: int) -> Range:
        """The first n tags of all hours in `[since, until)` together. Raises `NoDataError`, `UsageError`."""
        _check(since, until)
        return total(self._known(since, until), since, until, n, self._rule_now)

    def day(self, since: Hour, until: Hour, n: int, series: int = SERIES) -> Day:
        """Each hour of `[since, until)` by itself, and the tags of all of them. Raises `NoDataError`, `UsageError`."""
        _check(since, until, MOST_SIDE_BY_SIDE)
        views = self._known(since.plus(-1), until)
        if views[-1].hour < since:
            raise self._nothing(since, until)
        return grid(views, since, until, n, series, rule_now=self._rule_now)

    def rising(self, hour: Hour, hours_before: int, n: int, least: float = SURE) -> Rising:
        """The tags that grew most in an hour, against that many hours before it. Raises `NoDataError`, `UsageError`."""
        since = hour.plus(-hours_before)
        _check(since, hour)
        views = self._known(since, hour.plus(1))
        if views[-1].hour != hour:
            raise self._nothing(hour, hour.plus(1))
        if not any(view.uses for view in views[:-1]):
            raise NoDataError(f"no use is known of {since} to {hour}, to compare {hour} with")
        return rising(views[-1], views[:-1], since, n, least, rule_now=self._rule_now)

    def history(self, tag: str, since: Hour, until: Hour) -> History:
        """One tag hour by hour. Raises `NoDataError` where no hour knows the tag, `UsageError`."""
        _check(since, until)
        with self.store.snapshot() as snapshot:
            answer = history(tag, self._each(snapshot, since, until), since, until, self._rule_now)
        if answer.best is None:
            raise NoDataError(f"no use of {named(tag, self.lens)} is known of {since} to {until}")
        return answer

    def rules(self, views: Sequence[View]) -> Rules:
        """The versions of the rule behind hours that stand side by side."""
        return rules_of(views, self._rule_now)

    @property
    def _rule_now(self) -> RuleNow | None:
        return partial(self.rule_now, self.lens) if self.rule_now else None

    def _known(self, since: Hour, until: Hour) -> list[View]:
        """The hours of `[since, until)` that there is something of, with all rows. Raises `NoDataError`."""
        with self.store.snapshot() as snapshot:
            views = list(self._each(snapshot, since, until))
        if not views:
            raise self._nothing(since, until)
        return views

    def _each(self, snapshot: Snapshot, since: Hour, until: Hour) -> Iterator[View]:
        """The same one by one, ascending, so that a long time need not be held at once."""
        there = (hours_between(snapshot, each, self.lens, since, until) for each in self._origins())
        asked = sorted({hour for hours in there for hour in hours})
        for at in range(0, len(asked), _AT_ONCE):
            yield from self._answers(snapshot, asked[at : at + _AT_ONCE], 0)

    def _nothing(self, since: Hour, until: Hour) -> NoDataError:
        return NoDataError(f"nothing is known of {since} to {until}", next_step=self.what_there_is())

    def _answers(self, snapshot: Snapshot, hours: list[Hour], n: int) -> Iterator[View]:
        """Each hour from one layer, its first n rows; all of them where n is 0."""
        batch = through(snapshot, hours, self.lens) if self.origin != "speed" else {}
        for hour in hours:
            asks_speed = self.origin != "batch" and str(hour) not in batch
            speed = live(snapshot, hour, self.lens, n) if asks_speed else None
            answer = merge(batch.get(str(hour)), speed)
            if answer:
                yield first(answer, n) if n else answer

    def _origins(self) -> tuple[Origin, ...]:
        return ("batch", "speed") if self.origin is None else (self.origin,)

    def newest(self) -> Hour | None:
        """The latest hour that something is known of."""
        with self.store.snapshot() as snapshot:
            return newest(snapshot, self._origins(), self.lens)

    def what_there_is(self) -> str:
        """What could be asked instead, in a sentence."""
        with self.store.snapshot() as snapshot:
            there = extent(snapshot, self.lens)
        if there is None and self.lens != HASHTAGS:
            return f"No hour has been computed with {self.lens} yet: see `trends batch run`"
        if there is None:
            return "No hour has been counted yet: see `trends status`, or begin with `trends ingest sample`"
        ask = f"trends top --hour {there.last}{self.lens.options}"
        count = "" if there.hours is None else f"{there.hours:,} "
        return f"There are {count}hours from {there.first} to {there.last}: try `{ask}`"


def _check(since: Hour, until: Hour, most: int = MOST_HOURS) -> None:
    if not since < until:
        raise UsageError(f"no hour lies between {since} and {until}", next_step="--since must be before --until")
    if until.serial - since.serial > most:
        raise UsageError(f"{since} to {until} is more than {most:,} hours", next_step="Ask for less at once")
