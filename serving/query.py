"""Query: the questions that can be asked of the views, each answered in one snapshot."""

from dataclasses import dataclass

from config.errors import NoDataError, UsageError
from ingest.hours import Hour, millis
from serving.merge import Range, View, first, merge, total
from serving.store import Snapshot, Store
from serving.views import HourDocument, Origin, Row

MOST_HOURS = 24 * 366 * 3
"""Longest range that one question may sum, hours."""


@dataclass(frozen=True)
class Query:
    """Questions to one store. With `origin` every hour is answered by that layer alone."""

    store: Store
    origin: Origin | None = None

    def hour(self, hour: Hour, n: int) -> View:
        """The first n tags of an hour. Raises `NoDataError`, which tells the hours that there are."""
        found = self.hours([hour], n)
        if not found:
            raise NoDataError(f"nothing is known of {hour}", next_step=self.what_there_is())
        return found[0]

    def now(self, current: Hour, n: int) -> list[View]:
        """The hour in progress and, beside it, the last complete one. Raises `NoDataError` where neither is known."""
        found = self.hours([current, current.plus(-1)], n)
        if not found:
            raise NoDataError("nothing is known of the last two hours", next_step=self.what_there_is())
        return found

    def hours(self, hours: list[Hour], n: int) -> list[View]:
        """The first n tags of some hours, in one snapshot; an hour without data is left out."""
        with self.store.snapshot() as snapshot:
            documents = snapshot.batch(hours) if self.origin != "speed" else {}
            views = [self._answer(snapshot, hour, documents.get(str(hour)), n) for hour in hours]
        return [view for view in views if view is not None]

    def range(self, since: Hour, until: Hour, n: int) -> Range:
        """The first n tags of all hours in `[since, until)` together. Raises `NoDataError`, `UsageError`."""
        if not since < until:
            raise UsageError(f"no hour lies between {since} and {until}", next_step="--since must be before --until")
        if until.serial - since.serial > MOST_HOURS:
            raise UsageError(f"{since} to {until} is more than {MOST_HOURS:,} hours", next_step="Ask for less at once")
        with self.store.snapshot() as snapshot:
            there = set[Hour]()
            if self.origin != "speed":
                there.update(snapshot.hours("batch"))
            if self.origin != "batch":
                there.update(snapshot.hours("speed"))
            asked = sorted(hour for hour in there if since <= hour < until)
            documents = snapshot.batch(asked) if self.origin != "speed" else {}
            views = [self._answer(snapshot, hour, documents.get(str(hour)), 0) for hour in asked]
        known = [view for view in views if view is not None]
        if not known:
            raise NoDataError(f"nothing is known of {since} to {until}", next_step=self.what_there_is())
        return total(known, since, until, n)

    def _answer(self, snapshot: Snapshot, hour: Hour, document: HourDocument | None, n: int) -> View | None:
        """One hour from one layer, its first n rows; all of them where n is 0."""
        batch = batch_view(document) if document else None
        speed = None if batch or self.origin == "batch" else _speed_view(snapshot, hour, n)
        answer = merge(batch, speed)
        return first(answer, n) if answer and n else answer

    def what_there_is(self) -> str:
        """What could be asked instead, in a sentence."""
        with self.store.snapshot() as snapshot:
            hours = sorted({*snapshot.hours("batch"), *snapshot.hours("speed")})
        if not hours:
            return "No hour has been counted yet: see `trends status`, or begin with `trends ingest sample`"
        return f"There are {len(hours):,} hours from {hours[0]} to {hours[-1]}: try `trends top --hour {hours[-1]}`"


def batch_view(document: HourDocument) -> View:
    """A batch document as a view."""
    final = document["complete"] and not document["dirty"]
    return View(
        hour=Hour.parse(document["hour"]),
        origin="batch",
        state="final" if final else "provisional",
        rows=tuple(Row(row["tag"], row["shown"], row["count"]) for row in document["top"]),
        tied_beyond=document["tied_beyond"],
        uses=document["uses"],
        tags=document["tags"],
        posts=document["posts"],
        rule=document["rule"],
        computed_at=millis(document["computed_at"]),
    )


def _speed_view(snapshot: Snapshot, hour: Hour, n: int) -> View | None:
    rows = tuple(snapshot.speed_rows(hour, n))
    if not rows:
        return None
    uses, tags, tied = snapshot.speed_totals(hour, rows[-1].count)
    beyond = tied - sum(row.count == rows[-1].count for row in rows)
    return View(hour, "speed", "live", rows, beyond, uses, tags, posts=None, rule=None, computed_at=None)
