"""Schedule: the batch layer as a service. Each tick computes the hours that need it.

It does not trust fire times: each tick asks the ledger, the documents and the watermark for missing hours. So the next
tick that can see an hour finds it, even if the hour came while this service or a server was down.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from pymongo.errors import PyMongoError

from batch_layer.archive.compaction import Compaction, is_tidy
from batch_layer.archive.compaction import due as due_to_compact
from batch_layer.archive.reading.follower import Follower, Mark
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.archive.reading.watermark import complete_until
from batch_layer.plan import Plan
from batch_layer.publish import sweep
from batch_layer.runner import BatchRunner, RunObserver
from batch_layer.runs.outcome import PartlyDoneError
from batch_layer.runs.run_ledger import StoppedError
from batch_layer.scheduling import due
from batch_layer.scheduling.trigger import Trigger
from batch_layer.spark.job import SparkFailedError
from config.errors import TrendsError
from config.quantity import quantity
from config.settings import Settings
from ingest.hours import Hour, Millis
from ingest.rule.hashtags import Rule

log = logging.getLogger(__name__)

_COMPACT_EVERY_S = 3_600
_DAMAGED_AGAIN_S = 600
"""Delay before a damaged hour gets another try: somebody may have restored its file."""


class Schedule:
    """Two jobs: hours to compute, every `batch.every_s`; files to compact, every hour. Each runs once at a time.

    The first tick belongs to the same job as all later ones: APScheduler limits the instances of a job, so a second job
    for the start would run beside the interval, and a `Ledger` is not for two threads. Compaction has its own.
    """

    def __init__(self, settings: Settings, rule: Callable[[], Rule], now: Callable[[], Millis]) -> None:
        self.settings, self.now = settings, now
        self.batch = BatchRunner(settings, rule, now)
        self.trigger = Trigger(settings, self.batch.store, now)
        self.stop = threading.Event()
        self._follower = Follower(settings, self.batch.store)
        self._compact_at: dict[int, Mark] | None = None
        """Marks of the archive when it left nothing to compact or to delete."""
        self._reported: dict[str, str] = {}
        self._damaged: dict[Hour, Millis] = {}
        self._computed_at = now()

    def run(self) -> None:
        """Run until `KeyboardInterrupt` in this thread, which ends a computation early; the next service repeats it."""
        for noisy in ("apscheduler.scheduler", "apscheduler.executors"):
            logging.getLogger(noisy).setLevel(logging.ERROR)  # a tick that is still running is no news
        scheduler = self.scheduler()
        log.info("looking for hours to compute every %g s", self.settings.batch.every_s)
        try:
            scheduler.start()
        finally:
            self.stop.set()
            self.batch.engine.cancel()
            scheduler.shutdown(wait=True)
            self.batch.close()
            log.info("stopped")

    def scheduler(self) -> BlockingScheduler:
        """The two jobs, not started yet. The first tick comes at once: it finds missed hours."""
        pool = {"default": ThreadPoolExecutor(2)}
        once = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        scheduler = BlockingScheduler(timezone=UTC, executors=pool, job_defaults=once)
        every_s = self.settings.batch.every_s
        scheduler.add_job(self.tick, "interval", seconds=every_s, next_run_time=datetime.now(UTC))
        scheduler.add_job(self.compact, "interval", seconds=_COMPACT_EVERY_S)
        return scheduler

    def tick(self) -> None:
        """Compute the hours that need it. It logs a server that is down once, and the next tick tries again."""
        self._quietly("batch", self._tick)
        self._quietly("topic of finished hours", self._deliver)

    def compact(self) -> None:
        """Merge the files of complete hours, and remove speed rows that nobody reads."""
        self._quietly("compaction", self._compact)

    def _tick(self) -> None:
        self.batch.store.stay_prepared()
        hours = self.trigger.look()
        if hours is not None and not hours:
            self._rest()
            return
        plan = self.batch.plan_missing(hours)
        due.note(self.batch.store, self.trigger.follower.archive, (each.hour for each in plan.hours))
        plan = self._without_damaged(plan)
        if plan.hours:
            self._compute(plan)
        else:
            self.batch.store.mark_dirty(plan.late)
            self._rest()
        if hours is None and not list(self.batch.runs.computing()):  # which would hide its hours
            self.trigger.end_full_look()
        self.batch.check(plan)

    def _deliver(self) -> None:
        """Send what runs have left: apart from the tick, which has to end whatever that topic does."""
        if not self.stop.is_set():
            self.batch.tops.deliver()

    def _compute(self, plan: Plan) -> None:
        log.info("computing %s: %s", _range(plan), quantity(plan.posts, "post"))
        try:
            outcome = self.batch.run(plan, observer=RunObserver(self.stop))
            log.info("run %s: %s in %.1f s", outcome.run, quantity(len(outcome.hours), "hour"), outcome.seconds)
        except PartlyDoneError as error:
            for hour, why in error.outcome.failed:
                log.warning("%s is not computed: %s", hour, why)
                self._damaged[hour] = self.now() + _DAMAGED_AGAIN_S * 1000
        finally:
            self._computed_at = self.now()

    def _without_damaged(self, plan: Plan) -> Plan:
        self._damaged = {hour: again for hour, again in self._damaged.items() if again > self.now()}
        return plan.without(self._damaged)

    def _rest(self) -> None:
        """Close Spark and forget the list of all files after a while: they hold more memory than all else here."""
        if self.now() - self._computed_at > self.settings.spark.idle_s * 1000 and self.batch.rest():
            log.info("nothing to compute for %g s: Spark is let go of", self.settings.spark.idle_s)

    def _compact(self) -> None:
        rows = sweep(self.batch.store)
        self._follower.look()
        if self._follower.marks == self._compact_at:
            return
        marks, archive = dict(self._follower.marks), self.settings.archive
        ledger = Ledger(self.settings.hdfs, archive, self.settings.kafka.posts)
        ledger.refresh()
        until = complete_until(ledger, self.settings.kafka, archive, self.now())
        hours = due_to_compact(ledger, until, self.now(), self.settings.batch.compact_after_s)
        report = Compaction(ledger, archive, self.now()).run(hours)
        self._compact_at = marks if is_tidy(ledger) else None
        if report.hours or rows:
            log.info("compacted: %s, swept: %s", quantity(len(report.hours), "hour"), quantity(rows, "speed row"))

    def _quietly(self, job: str, work: Callable[[], None]) -> None:
        """Do a job; log an error once, until it changes."""
        try:
            work()
        except StoppedError:
            return
        except (TrendsError, PyMongoError, OSError) as error:
            if isinstance(error, SparkFailedError):
                self.batch.engine.close()  # this session may be broken, the next one begins afresh
            if self._reported.get(job) != str(error):
                log.warning("%s: %s; trying again", job, error)
            self._reported[job] = str(error)
            return
        if self._reported.pop(job, None):
            log.info("%s: works again", job)


def _range(plan: Plan) -> str:
    first, last = plan.hours[0].hour, plan.hours[-1].hour
    return str(first) if first == last else f"{quantity(len(plan.hours), 'hour')} from {first} to {last}"
