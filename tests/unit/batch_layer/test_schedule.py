"""The scheduler starts a tick at once, and never two of them at a time."""

import threading
import time
from pathlib import Path

import pytest

from batch_layer.scheduling.schedule import Schedule
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
