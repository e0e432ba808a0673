"""BatchRunner: plans and runs of one process: hourly runs, one hour, recomputations and the full history."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from batch_layer.archive.reading.archives import Archives
from batch_layer.archive.reading.coverage import CoversLessError, StrandedError, shortfall_of
from batch_layer.archive.reading.history import History
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.archive.reading.watermark import complete_until
from batch_layer.plan import Documents, Excerpt, Plan, PlannedHour, Span, plan_hour, plan_missing, plan_range
from batch_layer.publish import HourResult, Stamp, Tops, changes_of, covering, publish, tops
from batch_layer.runs.outcome import Outcome, PartlyDoneError, PublishedHour
from batch_layer.runs.run_ledger import Run, RunLedger, StoppedError
from batch_layer.spark.job import HourFailure, HourOutcome, SparkFailedError, rank_hours
from batch_layer.spark.session import Engine
from batch_layer.tops.topic_writer import Sending, TopicWriter
from config.settings import Settings
from config.settings.network import tracing
from ingest.hours import Hour, Millis
from ingest.rule.hashtags import Rule
from ingest.rule.rule_text import phrases_text, text_of
from serving.views.client import mongo_errors
from serving.views.documents import HOURS, LENSES, SAMPLES, HourDocument
from serving.views.rulebook import store_texts
from serving.views.store import Store
from serving.views.validation import HOUR, sound

log = logging.getLogger(__name__)

_START_S = 10.0
"""Time that Spark takes to start, for estimates."""


def _no_progress(_hours: int, _posts: int) -> None:
    """Ignore the progress of a run."""


class RunObserver(NamedTuple):
    """Hooks into a run: `progress` gets hours and posts done after each publish; the run ends soon after `stop`."""

    stop: threading.Event
    progress: Callable[[int, int], None] = _no_progress


class BatchRunner:
    """The batch layer of one process: its ledger of the archive, its store, its Spark."""

    def __init__(
        self,
        settings: Settings,
        rule: Callable[[], Rule],
        now: Callable[[], Millis],
        watermark: Callable[[Ledger], Hour] | None = None,
    ) -> None:
        self.settings, self.rule, self.now = settings, rule, now
        self._watermark = watermark or self._complete_until
        self.store = Store(settings.mongo)
        self.engine = Engine(settings.spark, settings.hdfs, settings.stack.state)
        self.runs = RunLedger(self.store, settings.batch.lease_s)
        self.ledger = Ledger(settings.hdfs, settings.archive, settings.kafka.posts)
        self.archives = Archives(settings, self.store)
        self.history = History(self.ledger)
        self.tops = TopicWriter(settings, self.store)

    def plan_missing(self, hours: Sequence[Hour] | None = None) -> Plan:
        """Every complete hour that is missing, provisional or dirty: of these hours, or of all of history."""
        documents, until = self._look(hours)
        archived = self.history if hours is None else Excerpt(self.history, hours)
        elsewhere = [
            Span(each["since"] and Hour.parse(each["since"]), each["until"] and Hour.parse(each["until"]))
            for each in self.runs.computing()
        ]
        return plan_missing(archived, documents, until, self.rule(), elsewhere)

    def plan_hour(self, hour: Hour, *, allow_less: bool = False) -> Plan:
        """One hour, complete or not. `allow_less`: even if its document counts posts of an unread archive."""
        documents, until = self._look([hour])
        return _without_loss(plan_hour(hour, self.history, documents, until, self.rule()), allow_less=allow_less)

    def plan_range(self, span: Span, *, allow_less: bool = False) -> Plan:
        """All complete hours of a range; of the full history where the range is open at both ends.

        `allow_less`: also hours whose documents count posts of an unread archive.
        """
        documents, until = self._look()
        return _without_loss(plan_range(span, self.history, documents, until, self.rule()), allow_less=allow_less)

    def check(self, plan: Plan) -> None:
        """Raise `StrandedError` where the plan leaves hours out: their documents hold posts of an unread archive."""
        if plan.stranded:
            (planned, archive) = plan.stranded[0]
            raise StrandedError(planned.hour, len(plan.stranded), archive, self.archives.roots().get(archive))

    def estimate_s(self, plan: Plan) -> float | None:
        """Seconds that a plan would take, by the pace of past runs; None where there was none."""
        pace = self.runs.posts_per_second()
        return None if pace is None else plan.posts / pace + (0 if self.engine.started else _START_S)

    def run(
        self,
        plan: Plan,
        *,
        observer: RunObserver | None = None,
        resume: bool = True,
        reset: bool = False,
        allow_less: bool = False,
    ) -> Outcome:
        """Compute and publish a plan, slice by slice.

        A document that covers more than the archive does now stays, unless the caller sets `allow_less`. Raises
        `BusyError` where another run computes the job, `FencedError` where another run took over meanwhile,
        `StoppedError` after `observer.stop`, `PartlyDoneError` where the archive has damage or lacks posts, and at the
        end the error that kept hours from the topic of finished hours. Published hours stay.
        """
        if reset and not allow_less:
            self._refuse_to_lose()
        self.store.mark_dirty(plan.late)
        sending = Sending(self.tops)
        self.archives.remember(self.history)
        outcome = Outcome()
        begun = self.now()
        origin = self.ledger.origin
        with (
            tracing.span("batch run", kind=plan.job.kind, hours=len(plan.hours), posts=plan.posts),
            self.runs.start(plan.job, reach=plan.complete_until, resume=resume, origin=origin) as run,
        ):
            outcome.run = run.id
            sending.send()
            emptied = self._empty(run, plan) if reset else {}
            planned = self._remaining(plan, run, outcome) if run.attempt > 1 else list(plan.hours)
            run.tell(hours_planned=len(plan.hours), hours_done=outcome.resumed)
            store_texts(self.store, (text_of(plan.rule), phrases_text()), self.now())
            for good in self._compute(planned, plan.rule, outcome, observer or RunObserver(threading.Event())):
                run.check()
                stamp = Stamp(run.id, run.token, plan.rule.version)
                with tracing.span("publish", hours=len(good)):
                    published = publish(self.store, good, stamp, self.now(), allow_less=allow_less)
                outcome.leave(published.less)
                outcome.refused += published.refused
                outcome.changes += published.changes + changes_of(good, emptied)
                sending.send()
                run.tell(hours_done=outcome.resumed + len(outcome.hours), posts=outcome.posts)
            outcome.seconds = (self.now() - begun) / 1000
            if outcome.failed:
                raise PartlyDoneError(outcome)
        sending.end()
        return outcome

    def preview(self, plan: Plan, *, observer: RunObserver | None = None, allow_less: bool = False) -> Outcome:
        """Compute a plan and compare it with the documents, as `run` does. Writes nothing and takes no lease.

        Raises `StoppedError` after `observer.stop`, `PartlyDoneError` where the archive has damage.
        """
        outcome = Outcome()
        begun = self.now()
        for good in self._compute(plan.hours, plan.rule, outcome, observer or RunObserver(threading.Event())):
            kept, less = (good, []) if allow_less else covering(self.store, good)
            outcome.leave(less)
            outcome.changes += changes_of(kept, tops(self.store, [each.hour for each in kept]))
        outcome.seconds = (self.now() - begun) / 1000
        if outcome.failed:
            raise PartlyDoneError(outcome)
        return outcome

    def rest(self) -> bool:
        """Close Spark and forget the list of files, until the next use. False: there was nothing of either."""
        if not self.engine.started and not self.ledger.covered:
            return False
        self.engine.close()
        self.ledger = Ledger(self.settings.hdfs, self.settings.archive, self.settings.kafka.posts)
        self.archives = Archives(self.settings, self.store)
        self.history = History(self.ledger)
        return True

    def close(self) -> None:
        """End Spark and the connections."""
        self.engine.close()
        self.store.close()

    def _look(self, asked: Sequence[Hour] | None = None) -> tuple[Documents, Hour]:
        """Refresh the ledger; return documents of some hours, or of all, and the first hour that is not complete."""
        self.ledger.refresh()
        self.history = self.archives.history(self.ledger, self.now())
        until = self._watermark(self.ledger)
        if asked is not None:
            with self.store.snapshot() as snapshot:
                return snapshot.batch(asked, rows=False), until
        hours = self.history.hours()
        documents = self.store.batch_documents(hours[0], hours[-1].plus(1)) if hours else []
        return {each["hour"]: each for each in documents}, until

    def _complete_until(self, ledger: Ledger) -> Hour:
        return complete_until(ledger, self.settings.kafka, self.settings.archive, self.now())

    def _refuse_to_lose(self) -> None:
        """Raise `CoversLessError` where a document covers more than the archive: no run could compute it again."""
        with mongo_errors():
            for each in sound(self.store.collection(HOURS).find({}, {"top": False}), HOUR):
                if short := shortfall_of(each, self.history.covered, self.history.provenance):
                    raise CoversLessError(Hour.parse(each["hour"]), short)

    def _empty(self, run: Run, plan: Plan) -> Tops:
        """Delete all batch documents except those of this run's earlier attempts; return planned hours' first tags."""
        others = {"run": {"$ne": run.id}}
        with mongo_errors():
            there = {each.get("hour") for each in self.store.collection(HOURS).find(others, {"hour": True})}
        had = tops(self.store, [each.hour for each in plan.hours if str(each.hour) in there])
        self.tops.outbox.note_reset(run.id, run.token)
        with mongo_errors():
            count = self.store.collection(HOURS).delete_many(others).deleted_count
            for name in (LENSES, SAMPLES):
                self.store.collection(name).delete_many(others)
        self.archives.forget_others(self.history)
        log.info("batch documents that were emptied: %d", count)
        return had

    def _remaining(self, plan: Plan, run: Run, outcome: Outcome) -> list[PlannedHour]:
        """Hours that earlier attempts of this run have not published, or that became dirty since."""
        with mongo_errors():
            found = sound(self.store.collection(HOURS).find({"run": run.id}, {"top": False}), HOUR)
            published: dict[str, HourDocument] = {each["hour"]: each for each in found}  # type: ignore[misc]
        left = [
            each
            for each in plan.hours
            if str(each.hour) not in published or self.history.late_since(each.hour, published[str(each.hour)])
        ]
        outcome.resumed = len(plan.hours) - len(left)
        return left

    def _compute(
        self, planned: Sequence[PlannedHour], rule: Rule, outcome: Outcome, observer: RunObserver
    ) -> Iterator[list[HourResult]]:
        """Compute hours, slice by slice, and yield those that succeed; the outcome lists them and the failed ones."""
        complete = {each.hour: each.complete for each in planned}
        if planned:
            self.engine.session(sum(each.posts for each in planned))
        for results in _until(observer.stop, rank_hours(self.engine, self.settings, self.history, complete, rule)):
            outcome.failed += [(each.hour, each.error) for each in results if isinstance(each, HourFailure)]
            good = [each._replace(complete=complete[each.hour]) for each in results if isinstance(each, HourResult)]
            for hour, ranking, *_ in good:
                outcome.hours.append(PublishedHour(hour, ranking.posts, ranking.uses, ranking.tags, complete[hour]))
                outcome.posts += ranking.read
            yield good
            observer.progress(len(outcome.hours), outcome.posts)


def _without_loss(plan: Plan, *, allow_less: bool) -> Plan:
    """The plan, with the hours that it left out if `allow_less` permits a loss."""
    return plan.with_stranded() if allow_less else plan


def _until(stop: threading.Event, slices: Iterator[list[HourOutcome]]) -> Iterator[list[HourOutcome]]:
    """Slices until `stop`; an error of the job that a stop cancels is no failure."""
    try:
        for results in slices:
            if stop.is_set():
                break
            yield results
    except SparkFailedError:
        if not stop.is_set():
            raise
    if stop.is_set():
        raise StoppedError("stopped", next_step="The next run goes on with what is left")
