"""Plan: which hours a run computes, and why. Pure: the ledger, the documents and the watermark decide.

missing       complete, and without a document
provisional   its document was computed before the hour was complete
dirty         a late post was archived after its document
final         nothing is wanting; computed again only where somebody asks
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

from batch_layer.run_ledger import Job
from config.errors import NoDataError, UsageError
from ingest.hours import Hour
from ingest.rule.hashtags import Rule
from serving.views.documents import HourDocument

State = Literal["missing", "provisional", "dirty", "final"]
Documents = Mapping[str, HourDocument]
"""Batch documents by hour."""


class ArchivedHours(Protocol):
    """What a plan asks of `batch_layer.archive.reading.history.History`."""

    def hours(self) -> list[Hour]:
        """Hours that have posts, ascending."""

    def posts(self, hour: Hour) -> int:
        """Posts of an hour."""

    def late_since(self, hour: Hour, document: HourDocument) -> bool:
        """Whether posts came that the run of this document has not seen."""

    def strange(self, document: HourDocument) -> set[str]:
        """Archives that this document was computed from and that are not read."""


class Excerpt:
    """Some hours of what is archived, for a plan of these alone."""

    def __init__(self, archived: ArchivedHours, hours: Sequence[Hour]) -> None:
        self._hours = hours
        self.posts, self.late_since, self.strange = archived.posts, archived.late_since, archived.strange

    def hours(self) -> list[Hour]:
        """Those that have posts, ascending."""
        return sorted(hour for hour in self._hours if self.posts(hour))


class PlannedHour(NamedTuple):
    """One hour to compute."""

    hour: Hour
    posts: int
    """As archived, those sent twice included."""
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
    """What a run is to do."""

    job: Job
    rule: Rule
    hours: tuple[PlannedHour, ...]
    complete_until: Hour
    waiting: tuple[Hour, ...] = ()
    """Hours that were asked for and have posts, and are not complete yet: not computed."""
    late: tuple[Hour, ...] = ()
    """Hours whose document does not say yet that it is dirty."""
    stranded: tuple[tuple[PlannedHour, str], ...] = ()
    """Hours that were left out, each with an archive that its document is of and that is not read: it would be lost."""

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
    """Every complete hour that is not final, but for those that a recomputation is at: `elsewhere`."""
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
    """Hours to compute, and those that can't be without a loss: their document is of an archive that is not read."""
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
    """What could be computed instead."""
    hours = archived.hours()
    if not hours:
        return "Nothing is archived yet: see `trends status`"
    return f"The archive has posts of {hours[0]} to {hours[-1]}: try `trends {command} {hours[-1]}`"


def _plan_one(hour: Hour, documents: Documents, archived: ArchivedHours, complete_until: Hour) -> PlannedHour:
    state = state_of(hour, documents.get(str(hour)), archived)
    return PlannedHour(hour, archived.posts(hour), state, hour < complete_until)
