"""What makes the scheduler compute: each change is found by the next look, or by the next full look. No Spark here."""

from collections.abc import Iterator

import pytest

from batch_layer.runner import BatchRunner
from batch_layer.scheduling.trigger import FULL_LOOK_S, Trigger
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour, Millis
from ingest.rule.hashtags import AS_IS
from serving.views.documents import DUE_HOURS, HOURS
from tests.support.batch import FIRST, post
from tests.support.views import view

AFTER = 4_000_000_000_000
SECOND, THIRD, OPEN = FIRST.plus(1), FIRST.plus(2), FIRST.plus(4)


class Scheduler:
    """The first half of a tick, with a clock of its own."""

    batch: BatchRunner

    def __init__(self, settings: Settings) -> None:
        idle = settings.archive.model_copy(update={"idle_after_s": 10_000_000_000.0})
        self.settings = settings.model_copy(update={"archive": idle})
        self.now: Millis = 1_700_000_000_000
        self._token = 0
        self.archive = ArchiveWriter(settings)
        for partition in range(3):  # the last post of each partition says which hours are complete
            hours = [post(10 * number + partition, number, "a") for number in range(3)]
            self.archive.add(partition, [*hours, post(100 + partition, 4, "a")])
        self.restart()

    def restart(self) -> None:
        """Another process takes over."""
        if hasattr(self, "batch"):
            self.batch.close()
        self.batch = BatchRunner(self.settings, lambda: AS_IS, lambda: self.now)
        self.trigger = Trigger(self.settings, self.batch.store, lambda: self.now)

    def look(self) -> tuple[Hour, ...] | None:
        """What a tick would look at."""
        return self.trigger.look()

    def planned(self, hours: tuple[Hour, ...] | None) -> list[Hour]:
        return [each.hour for each in self.batch.plan_missing(hours).hours]

    def publish(self, *hours: Hour) -> None:
        """Compute hours, as a run does."""
        self.batch.ledger.refresh()
        self._token += 1
        for hour in hours:
            made = view(self._token, hour=hour)._replace(covered=self.batch.ledger.covered, computed_at=AFTER)
            assert self.batch.store.publish_all([made])


@pytest.fixture
def scheduler(settings: Settings) -> Iterator[Scheduler]:
    """One that has computed all that was complete, and has looked at all of history."""
    made = Scheduler(settings)
    assert made.planned(None) == [FIRST, SECOND, THIRD]  # and the archive has its id
    assert made.look() is None
    made.publish(FIRST, SECOND, THIRD)
    made.trigger.end_full_look()
    assert made.look() == ()
    yield made
    made.batch.close()


def test_a_late_post_is_found_at_once_and_by_a_scheduler_that_was_started_meanwhile(scheduler: Scheduler) -> None:
    scheduler.archive.add(1, [post(7, 1, "late")])
    scheduler.restart()
    assert scheduler.look() == (SECOND,)
    assert scheduler.planned((SECOND,)) == [SECOND]
    scheduler.restart()
    assert scheduler.look() == (SECOND,)
    scheduler.publish(SECOND)
    assert scheduler.look() == ()


def test_a_late_post_of_an_hour_that_is_not_complete_makes_its_document_dirty(scheduler: Scheduler) -> None:
    scheduler.publish(OPEN)
    assert scheduler.look() == ()
    scheduler.archive.add(1, [post(8, 4, "late")])
    assert scheduler.look() == ()
    document = scheduler.batch.store.collection(HOURS).find_one({"hour": str(OPEN)})
    assert document is not None
    assert document["dirty"]


def test_what_was_marked_dirty_by_hand_is_found_at_once(scheduler: Scheduler) -> None:
    scheduler.batch.store.mark_dirty([FIRST])
    assert scheduler.look() == (FIRST,)
    assert scheduler.planned((FIRST,)) == [FIRST]


def test_a_document_that_was_deleted_by_hand_is_found_at_once(scheduler: Scheduler) -> None:
    scheduler.batch.store.collection(HOURS).delete_one({"hour": str(SECOND)})
    scheduler.restart()
    assert scheduler.look() is None
    assert scheduler.planned(None) == [SECOND]
    scheduler.restart()  # died before it noted that it had looked
    assert scheduler.look() is None


def test_a_document_that_was_deleted_while_another_was_published_is_found_within_a_day(scheduler: Scheduler) -> None:
    scheduler.batch.store.collection(HOURS).delete_one({"hour": str(SECOND)})
    scheduler.publish(FIRST.plus(3))
    assert scheduler.look() == ()
    scheduler.now += FULL_LOOK_S * 1000
    assert scheduler.look() is None
    assert scheduler.planned(None) == [SECOND]


def test_a_recomputation_by_hand_leaves_nothing_to_do(scheduler: Scheduler) -> None:
    scheduler.publish(FIRST, SECOND, THIRD)
    assert scheduler.look() == ()


def test_no_due_hours_are_no_loss_where_the_marks_are_gone_too(scheduler: Scheduler) -> None:
    scheduler.batch.store.collection(HOURS).delete_one({"hour": str(SECOND)})
    for name in (DUE_HOURS, "archive_marks"):
        scheduler.batch.store.collection(name).drop()
    assert scheduler.look() is None
    assert scheduler.planned(None) == [SECOND]
