"""Query: reads answers from the views, each in one snapshot."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from config.errors import NoDataError
from ingest.hours import Hour
from serving.answers.bounds import NO_BOUNDS, Bounds, within_rows
from serving.answers.comparison import Comparison
from serving.answers.day import MOST_SIDE_BY_SIDE, SERIES, Day, grid
from serving.answers.history import History, histories, history
from serving.answers.merge import Answer, Range, View, merge, side_by_side, sum_hours, truncate
from serving.answers.now.tag_trend import ROWS, RecentHours, recent_hours
from serving.answers.rising import SURE, Baseline, Rising, rising
from serving.answers.rule_versions import HourWithRule, RuleNow, Rules, rules_of
from serving.answers.scores import By
from serving.answers.surprise import DAYS_BEFORE, by_surprise
from serving.query import suggestions
from serving.query.baselines import Baselines
from serving.query.lenses import batch_views, speed_view, why_no_answer
from serving.query.suggestions import Suggest
from serving.views.documents import HASHTAGS, Lens, Origin
from serving.views.layer_coverage import extent, finished_hours, hours_between, newest
from serving.views.snapshot import Snapshot
from serving.views.store import Store

MOST_CANDIDATES = 1_000
"""Rows of an hour, by count, that the most surprising ones are among."""
_AT_ONCE = 24
"""Documents in one read. Decoding so many takes some 20 ms and blocks other threads."""


@dataclass(frozen=True)
class Query:
    """Reads answers from one store. With `origin`, that layer alone answers every hour.

    Through another `lens` than `HASHTAGS` the speed layer answers only if `ingest` sends it phrases.
    """

    store: Store
    origin: Origin | None = None
    lens: Lens = HASHTAGS
    rule_now: Callable[[Lens], str] | None = None
    """Returns the rule's current version. A query calls it if the hours of an answer differ."""
    bounds: Bounds = NO_BOUNDS
    suggest: Suggest = suggestions.top
    """Suggests a command if there is no answer."""
    by: By = "count"
    """What orders the rows of `hour`, `now`, `hours` and `range`."""
    baselines: Baselines = field(default_factory=Baselines)
    """The sums of the days before, where somebody keeps them for a while."""

    def hour(self, hour: Hour, n: int) -> View:
        """The first n tags of an hour. Raises `NoDataError` with the reason, or the hours that have data."""
        found = self.hours([hour], n)
        if not found:
            raise self.nothing(hour)
        return found[0]

    def now(self, current: Hour, n: int) -> list[View]:
        """The hour in progress and, beside it, the last complete one. Raises `NoDataError` if neither has data."""
        found = self.hours([current, current.plus(-1)], n)
        if not found:
            raise self.nothing_now(current)
        return side_by_side(found)

    def nothing_now(self, current: Hour) -> NoDataError:
        """The error where neither the hour in progress nor the one before has data."""
        return self._nothing(current.plus(-1), current.plus(1))

    def recent(self, current: Hour) -> RecentHours:
        """The hours before the one in progress that trends need: 33 at most, with their first 1,000 rows."""
        return RecentHours(current, self.hours(recent_hours(current), ROWS))

    def latest(self, current: Hour) -> Hour:
        """The hour in progress if it has data, else the one before. Raises `NoDataError`."""
        return self.now(current, 1)[0].hour

    def hours(self, hours: list[Hour], n: int) -> list[View]:
        """The first n tags of some hours, in one snapshot; without hours that have no data."""
        with self.store.snapshot() as snapshot:
            if self.by == "count":
                return list(self._answers(snapshot, hours, n))
            views = list(self._answers(snapshot, hours, MOST_CANDIDATES))
            first = min(hours)
            return [self._by_surprise(snapshot, view, first, n) for view in views]

    def finished(self, most: int, n: int) -> list[View]:
        """The first n tags of the last finished hours, the newest first, in one snapshot. May be none."""
        of_batch = replace(self, origin="batch")
        with self.store.snapshot() as snapshot:
            hours = finished_hours(snapshot, self.lens, most)
            return list(of_batch._answers(snapshot, hours, n))  # noqa: SLF001 - of its own class

    def nothing(self, hour: Hour) -> NoDataError:
        """The error for an hour without an answer."""
        if self.lens != HASHTAGS:
            with self.store.snapshot() as snapshot:
                why = why_no_answer(snapshot, hour, self.lens)
            if why is not None:
                return why
        return NoDataError(f"no data for {hour}", next_step=self.what_there_is())

    def range(self, since: Hour, until: Hour, n: int) -> Range:
        """The first n tags of all hours in `[since, until)` together. Raises `NoDataError`, `UsageError`."""
        self.bounds.check(since, until)
        with self.bounds.turn_for(since, until), self.store.snapshot() as snapshot:
            views, rows = self._each(snapshot, since, until), None if self.by == "surprise" else n
            answer = sum_hours(views, since, until, rows, self._rule_now, most_tags=self.bounds.tags)
            if self.by == "surprise" and answer.views:
                answer = self._by_surprise(snapshot, answer, since, n)
        if not answer.views:
            raise self._nothing(since, until)
        return answer

    def day(self, since: Hour, until: Hour, n: int, series: int = SERIES) -> Day:
        """Each hour of `[since, until)` by itself, and the tags of all of them. Raises `NoDataError`, `UsageError`."""
        self.bounds.check(since, until, MOST_SIDE_BY_SIDE)
        with self.bounds.turn_for(since, until), self.store.snapshot() as snapshot:
            views = list(self._each(snapshot, since.plus(-1), until, self.bounds.tags))  # all are held at once
            if views and views[-1].hour >= since:
                return grid(views, since, until, n, series, rule_now=self._rule_now)
        raise self._nothing(since, until)

    def rising(self, hour: Hour, hours_before: int, n: int, least: float = SURE) -> Rising:
        """The tags that grew most in an hour, against that many hours before it. Raises `NoDataError`, `UsageError`."""
        since = hour.plus(-hours_before)
        self.bounds.check(since, hour)
        with self.bounds.turn_for(since, hour), self.store.snapshot() as snapshot:
            views = list(self._each(snapshot, hour, hour.plus(1)))
            if views:
                before, most = self._each(snapshot, since, hour), self.bounds.tags
                try:
                    return rising(views[0], before, since, n, least, rule_now=self._rule_now, most_tags=most)
                except NoDataError as error:
                    raise NoDataError(error.what, next_step=self.what_there_is()) from None
        raise self._nothing(hour, hour.plus(1))

    def history(self, tag: str, since: Hour, until: Hour) -> History:
        """One tag hour by hour. Raises `NoDataError` if no hour has the tag, `UsageError`."""
        self.bounds.check(since, until)
        with self.bounds.turn_for(since, until), self.store.snapshot() as snapshot:
            answer = history(tag, self._each(snapshot, since, until), since, until, self._rule_now)
        if answer.best is None:
            what = f"no data for {self.lens.label(tag)} in {since} to {until}"
            raise NoDataError(what, next_step=self.what_there_is())
        return answer

    def compare(self, tags: Sequence[str], since: Hour, until: Hour) -> Comparison:
        """Several tags hour by hour. Raises `NoDataError` if no hour has any of them, `UsageError`."""
        self.bounds.check(since, until)
        with self.bounds.turn_for(since, until), self.store.snapshot() as snapshot:
            answer = histories(tags, self._each(snapshot, since, until), since, until, self._rule_now)
        if not any(each.best for each in answer):
            labels = ", ".join(self.lens.label(tag) for tag in tags)
            raise NoDataError(f"no data for {labels} in {since} to {until}", next_step=self.what_there_is())
        return Comparison(answer)

    def stream(self, since: Hour, until: Hour, n: int = 0) -> Iterator[View]:
        """Each hour of `[since, until)` with data, ascending, with its first n rows, or with all if n is 0.

        For a range of any length: memory holds one read. Each read is a snapshot of its own, which ends before the
        caller gets a view of it: MongoDB keeps a snapshot for five minutes, and a caller may take longer. So an hour is
        of one moment, and a later one may be of a later moment. Raises `NoDataError` before the first hour, and
        `UsageError`.
        """
        self.bounds.check_order(since, until)
        with self.store.snapshot() as snapshot:
            there = extent(snapshot, self.lens)
        streamed = False
        if there is not None:
            for view in self._reads(max(since, there.first), min(until, there.last.plus(1))):
                streamed = True
                yield truncate(view, n) if n else view
        if not streamed:
            raise self._nothing(since, until)

    def _reads(self, since: Hour, until: Hour) -> Iterator[View]:
        """The hours of `[since, until)` with data: `_AT_ONCE` of the batch layer, or one of the speed layer, a read."""
        most = self.bounds.rows
        for start in range(since.serial, until.serial, _AT_ONCE):
            with self.store.snapshot() as snapshot:
                hours = self._hours_between(snapshot, Hour(start), min(until, Hour(start + _AT_ONCE)))
                batch = batch_views(snapshot, hours, self.lens) if self.origin != "speed" else {}
            for hour in hours:
                if str(hour) in batch:
                    views = [view] if (view := batch.pop(str(hour))) else []
                else:
                    with self.store.snapshot() as snapshot:
                        views = list(self._answers(snapshot, [hour], 0, most))
                yield from within_rows(views, most)

    def rules(self, hours: Iterable[HourWithRule]) -> Rules:
        """The versions of the rule behind several hours."""
        return rules_of(hours, self._rule_now)

    @property
    def _rule_now(self) -> RuleNow | None:
        return partial(self.rule_now, self.lens) if self.rule_now else None

    def _each(self, snapshot: Snapshot, since: Hour, until: Hour, most: int | None = None) -> Iterator[View]:
        """The hours of `[since, until)` with data, with all rows, one by one, ascending.

        So memory does not grow with the range. Raises `UsageError` for more rows than the bounds allow.
        """
        asked = self._hours_between(snapshot, since, until)
        most = self.bounds.rows if most is None else most
        views = (
            view
            for at in range(0, len(asked), _AT_ONCE)
            for view in self._answers(snapshot, asked[at : at + _AT_ONCE], 0, most)
        )
        return within_rows(views, most)

    def _by_surprise(self, snapshot: Snapshot, answer: Answer, first: Hour, n: int) -> Answer:
        """An answer's rows by surprise against the days before `first`: one read of at most `DAYS_BEFORE` hours."""

        def before() -> Baseline:
            made = Baseline(self.bounds.tags)
            for view in self._each(snapshot, first.plus(-DAYS_BEFORE), first):
                made.add(view)
            return made

        found = self.baselines.get((self.lens, self.origin, first), before)
        return by_surprise(answer, found, first, n, self._rule_now)

    def _hours_between(self, snapshot: Snapshot, since: Hour, until: Hour) -> list[Hour]:
        """The hours of `[since, until)` that a layer may have something of, ascending."""
        there = (hours_between(snapshot, each, self.lens, since, until) for each in self._origins())
        return sorted({hour for hours in there for hour in hours})

    def _nothing(self, since: Hour, until: Hour) -> NoDataError:
        return NoDataError(f"no data for {since} to {until}", next_step=self.what_there_is())

    def _answers(self, snapshot: Snapshot, hours: list[Hour], n: int, most: int | None = None) -> Iterator[View]:
        """Each hour from one layer, its first n rows; where n is 0 all of them, or one more than the most to read."""
        batch = batch_views(snapshot, hours, self.lens) if self.origin != "speed" else {}
        for hour in hours:
            asks_speed = self.origin != "batch" and str(hour) not in batch
            speed = speed_view(snapshot, hour, self.lens, n or (most or -1) + 1) if asks_speed else None
            answer = merge(batch.get(str(hour)), speed)
            if answer:
                yield truncate(answer, n) if n else answer

    def _origins(self) -> tuple[Origin, ...]:
        return ("batch", "speed") if self.origin is None else (self.origin,)

    def newest(self) -> Hour | None:
        """The latest hour with data."""
        with self.store.snapshot() as snapshot:
            return newest(snapshot, self._origins(), self.lens)

    def what_there_is(self) -> str:
        """A sentence with the hours that have data, and a command to try."""
        with self.store.snapshot() as snapshot:
            there = extent(snapshot, self.lens)
        if there is None and self.lens != HASHTAGS:
            return f"No hour has been computed with {self.lens} yet: see `trends batch run`"
        if there is None:
            return "No hour has data yet: see `trends status`, or begin with `trends ingest sample`"
        ask = self.suggest(there.first, there.last, self.lens)
        if there.first == there.last:
            return f"One hour has data, {there.first}: try `{ask}`"
        count = "" if there.hours is None else f"{there.hours:,} "
        return f"Data exists for {count}hours from {there.first} to {there.last}: try `{ask}`"
