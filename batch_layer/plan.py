"""Plan: which hours a run computes, and why. Pure: the ledger, the documents and the watermark decide.

missing       complete, and without a document
provisional   its document dates from before the hour was complete
dirty         a late post reached the archive after its document
final         nothing to do; computed again only on request
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

from batch_layer.runs.run_ledger import Job
from config.errors import NoDataError, UsageError
from ingest.hours import Hour
from ingest.rule.hashtags import Rule
from serving.views.documents import HourDocument

State = Literal["missing", "provisional", "dirty", "final"]
Documents = Mapping[str, HourDocument]
"""Batch documents by hour."""


class ArchivedHours(Protocol):
    """The part of `batch_layer.archive.reading.history.History` that a plan needs."""

    def hours(self) -> list[Hour]:
        """Hours that have posts, ascending."""

    def posts(self, hour: Hour) -> int:
        """Posts of an hour."""

    def late_since(self, hour: Hour, document: HourDocument) -> bool:
        """Whether posts came that the run of this document has not seen."""

    def strange(self, document: HourDocument) -> set[str]:
        """Archives that this document counts posts of and that the history does not read."""


class Excerpt:
    """Some hours of the archive, for a plan of these alone."""

    def __init__(self, archived: ArchivedHours, hours: Sequence[Hour]) -> None:
        self._hours = hours
        self.posts, self.late_since, self.strange = archived.posts, archived.late_since, archived.strange

    def hours(self) -> list[Hour]:
        """The hours that have posts, ascending."""
        return sorted(hour for hour in self._hours if self.posts(hour))


class PlannedHour(NamedTuple):
    """One hour to compute."""

    hour: Hour
    posts: int
    """Archived posts, repeated ones included."""
    state: State
    complete: bool


class Span(NamedTuple):
    """Hours `[since, until)`; None is open."""

    since: Hour | None
    until: Hour | None

    def __contains__(self, hour: object) -> bool:
        return (
            isinstance(hour, Hour)
            and (self.since is None or self.since <= hour)
            and (self.until is None or hour < self.until)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Hours for a run to compute."""

    job: Job
    rule: Rule
    hours: tuple[PlannedHour, ...]
    complete_until: Hour
    waiting: tuple[Hour, ...] = ()
    """Requested hours that have posts but are not complete yet: the run skips them."""
    late: tuple[Hour, ...] = ()
    """Hours whose document does not say yet that it is dirty."""
    stranded: tuple[tuple[PlannedHour, str], ...] = ()
    """Hours that the plan leaves out, each with an unread archive whose posts the document would lose."""

    @property
    def posts(self) -> int:
        """Posts to read."""
        return sum(each.posts for each in self.hours)

    def with_stranded(self) -> "Plan":
        """The same plan, and the hours that it left out."""
        hours = sorted((*self.hours, *(each for each, _ in self.stranded)), key=lambda each: each.hour)
        return replace(self, hours=tuple(hours), stranded=())

    def without(self, hours: Container[Hour]) -> "Plan":
        """The same plan, less some hours."""
        return replace(self, hours=tuple(each for each in self.hours if each.hour not in hours))


def state_of(hour: Hour, document: HourDocument | None, archived: ArchivedHours) -> State:
    """The state of a complete hour."""
    if document is None:
        return "missing"
    if document["dirty"] or archived.late_since(hour, document):
        return "dirty"
    return "final" if document["complete"] else "provisional"


def plan_missing(
    archived: ArchivedHours, documents: Documents, complete_until: Hour, rule: Rule, elsewhere: Iterable[Span] = ()
) -> Plan:
    """Every complete hour that is not final, except those that a recomputation is at: `elsewhere`."""
    spans = list(elsewhere)
    hours = archived.hours()
    planned = [_plan_one(hour, documents, archived, complete_until) for hour in hours]
    late = (each.hour for each in planned if each.state == "dirty" and not documents[str(each.hour)]["dirty"])
    wanted = (
        each
        for each in planned
        if each.complete and each.state != "final" and not any(each.hour in span for span in spans)
    )
    kept, stranded = _split_stranded(wanted, documents, archived)
    return Plan(
        Job("hourly", None, None, rule.version), rule, kept, complete_until, late=tuple(late), stranded=stranded
    )


def plan_hour(hour: Hour, archived: ArchivedHours, documents: Documents, complete_until: Hour, rule: Rule) -> Plan:
    """One hour, complete or not. Raises `NoDataError` where it has no archived post."""
    if not archived.posts(hour):
        raise NoDataError(f"no archived post was written in {hour}", next_step=_suggest(archived, "batch hour"))
    kept, stranded = _split_stranded([_plan_one(hour, documents, archived, complete_until)], documents, archived)
    return Plan(Job("hour", hour, hour.plus(1), rule.version), rule, kept, complete_until, stranded=stranded)


def plan_range(span: Span, archived: ArchivedHours, documents: Documents, complete_until: Hour, rule: Rule) -> Plan:
    """All complete hours of a range that have posts, final ones too. Raises `NoDataError` where there is none."""
    if span.since is not None and span.until is not None and span.until <= span.since:
        raise UsageError(f"no hour is from {span.since} until {span.until}", where="--until")
    planned = [_plan_one(hour, documents, archived, complete_until) for hour in archived.hours() if hour in span]
    wanted = tuple(each for each in planned if each.complete)
    waiting = tuple(each.hour for each in planned if not each.complete)
    if not wanted:
        if waiting:
            are = "hour there is" if len(waiting) == 1 else "hours there are"
            what = f"{len(waiting):,} {are} not complete yet"
            raise NoDataError(what, next_step="`trends status` shows the archive's watermark")
        raise NoDataError("no archived post was written then", next_step=_suggest(archived, "recompute --since"))
    kind: Literal["full", "recompute"] = "full" if span == Span(None, None) else "recompute"
    kept, stranded = _split_stranded(wanted, documents, archived)
    job = Job(kind, span.since, span.until, rule.version)
    return Plan(job, rule, kept, complete_until, waiting, stranded=stranded)


def _split_stranded(
    wanted: Iterable[PlannedHour], documents: Documents, archived: ArchivedHours
) -> tuple[tuple[PlannedHour, ...], tuple[tuple[PlannedHour, str], ...]]:
    """Hours to compute, and hours that would lose posts: their document counts posts of an unread archive."""
    kept, stranded = [], []
    for each in wanted:
        document = documents.get(str(each.hour))
        strange = set() if document is None else archived.strange(document)
        if strange:
            stranded.append((each, min(strange)))
        else:
            kept.append(each)
    return tuple(kept), tuple(stranded)


def _suggest(archived: ArchivedHours, command: str) -> str:
    """Advice to compute an archived hour instead."""
    hours = archived.hours()
    if not hours:
        return "Nothing is archived yet: see `trends status`"
    return f"The archive has posts of {hours[0]} to {hours[-1]}: try `trends {command} {hours[-1]}`"


def _plan_one(hour: Hour, documents: Documents, archived: ArchivedHours, complete_until: Hour) -> PlannedHour:
    state = state_of(hour, documents.get(str(hour)), archived)
    return PlannedHour(hour, archived.posts(hour), state, hour < complete_until)
