"""The scheduler starts a tick at once, and never two of them at a time."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_layer.scheduling.schedule import Schedule
from batch_layer.scheduling.trigger import Trigger
from batch_layer.tops.topic_writer import Sending
from config.errors import DamagedError, NoDataError, TrendsError, UnavailableError, UsageError
from config.settings import Settings, StackSettings
from ingest.rule.hashtags import AS_IS


class SlowTicks(Schedule):
    """Each tick takes as long as several intervals."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, lambda: AS_IS, lambda: 0)
        self.running = threading.Lock()
        self.overlaps = 0
        self.begun: list[float] = []
        self.enough = threading.Event()

    def tick(self) -> None:
        self.begun.append(time.monotonic())
        if not self.running.acquire(blocking=False):
            self.overlaps += 1
            return
        try:
            if len(self.begun) >= 3:
                self.enough.set()
            time.sleep(0.25)
        finally:
            self.running.release()


@pytest.fixture
def schedule(tmp_path: Path) -> SlowTicks:
    settings = Settings(stack=StackSettings(state=tmp_path))
    return SlowTicks(settings.model_copy(update={"batch": settings.batch.model_copy(update={"every_s": 0.1})}))


def test_the_first_tick_comes_at_once_and_no_two_ticks_overlap(schedule: SlowTicks) -> None:
    scheduler = schedule.scheduler()
    thread = threading.Thread(target=scheduler.start)
    thread.start()
    try:
        assert schedule.enough.wait(30), "three ticks were to come"
    finally:
        scheduler.shutdown(wait=True)
        thread.join(30)
        schedule.batch.close()
    assert schedule.overlaps == 0


def test_a_tick_at_the_start_does_not_wait_for_the_interval(schedule: SlowTicks) -> None:
    slow = schedule.settings.batch.model_copy(update={"every_s": 3_600.0})
    schedule.settings = schedule.settings.model_copy(update={"batch": slow})
    scheduler = schedule.scheduler()
    thread = threading.Thread(target=scheduler.start)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not schedule.begun and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        scheduler.shutdown(wait=True)
        thread.join(30)
        schedule.batch.close()
    assert len(schedule.begun) == 1


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Schedule]:
    made = Schedule(Settings(stack=StackSettings(state=tmp_path)), lambda: AS_IS, lambda: 0)
    yield made
    made.batch.close()


def test_a_topic_of_finished_hours_that_takes_nothing_keeps_no_tick_from_its_end(
    plain: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def refuse() -> int:
        done.append("delivery")
        raise UsageError("is not compacted")

    monkeypatch.setattr(plain.batch.store, "stay_prepared", lambda: None)
    monkeypatch.setattr(Trigger, "look", lambda _: [])
    monkeypatch.setattr(plain.batch.tops, "deliver", refuse)
    monkeypatch.setattr(plain, "_rest", lambda: done.append("rest"))
    plain.tick()
    assert done == ["rest", "delivery"]
    plain.stop.set()
    plain.tick()
    assert done == ["rest", "delivery", "rest"], "who ends waits for no topic"


@pytest.mark.parametrize("error", [UnavailableError, UsageError, TrendsError, NoDataError, DamagedError])
def test_a_run_goes_on_whatever_keeps_its_hours_from_the_topic(
    plain: Schedule, monkeypatch: pytest.MonkeyPatch, error: type[TrendsError]
) -> None:
    tries: list[None] = []

    def refuse() -> int:
        tries.append(None)
        raise error("the topic takes nothing")

    monkeypatch.setattr(plain.batch.tops, "deliver", refuse)
    sending = Sending(plain.batch.tops)
    sending.send()
    sending.send()
    assert len(tries) == 1, "a run asks once, since each answer may take half a minute"
    with pytest.raises(error, match="takes nothing"):
        sending.end()
