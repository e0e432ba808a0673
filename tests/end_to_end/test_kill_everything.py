"""Every process of ours is killed with kill -9 once while posts come in; then all hours still equal the oracle."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from bench.harness import stack_settings
from bench.harness.topology import run_topology
from config.settings import Settings
from serving.views.documents import HOURS, RUNS
from serving.views.store import Store
from speed_layer.lag import caught_up
from tests.support.cli import ROOT, ask, assert_answers, environment, run
from tests.support.oracle import count, posts_of_csv
from tests.support.storm import kill_component
from tests.support.wait import counted, until

RATE = "400/s"
"""10,012 posts take 25 s: long enough for everything to die once on the way."""


class Process:
    """A long-running command of ours."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self._start()

    def _start(self) -> None:
        self.running = subprocess.Popen(
            ["trends", *self.arguments],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """kill -9, proved by how it ended, and start again."""
        assert self.running.poll() is None, f"{self.arguments} had ended before: {self.running.returncode}"
        os.kill(self.running.pid, signal.SIGKILL)
        assert self.running.wait(10) == -signal.SIGKILL
        self._start()

    def end(self) -> None:
        """Let it end cleanly."""
        self.running.terminate()
        assert self.running.wait(60) in (0, 130, -signal.SIGTERM)


@pytest.mark.timeout(600)
def test_all_hours_equal_the_oracle_though_each_process_was_killed_on_the_way(
    settings: Settings, settings_file: Path, test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = stack_settings.tables(settings_file) | {
        "batch": {"lease_s": 5, "every_s": 1},
        "archive": {"flush_after_s": 2},
    }
    stack_settings.write(settings_file, quick)
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    (boston,) = (test_data / "crisislex_t6").glob("*Boston*.csv")
    sent = list(posts_of_csv(boston))
    expected = count(sent, once=True)
    uses = sum(each.total() for each in expected.values())
    with run_topology(settings, settings_file), Store(settings.mongo) as store:
        archiver = Process("archive")
        producer = Process("ingest", "file", str(boston), "--rate", RATE)
        until(lambda: counted(settings) > 300, lambda: counted(settings))
        producer.kill()
        kill_component(settings_file, "UseSpout")
        archiver.kill()
        kill_component(settings_file, "CountBolt")
        assert counted(settings) < uses, "all was counted before everything had died: nothing is proved"
        assert producer.running.wait(120) == 0
        until(lambda: counted(settings) >= uses and caught_up(settings), lambda: f"{counted(settings)} of {uses}")
        assert_answers({hour: each for hour, each in expected.items() if each}, origin="speed")

        scheduler = Process("schedule")
        until(lambda: store.collection(RUNS).find_one({"state": "running"}) is not None, lambda: "no run")
        scheduler.kill()
        assert store.collection(RUNS).find_one({"state": "running"}) is not None, "it had ended before it was killed"
        final = {"complete": True, "dirty": False}
        until(
            lambda: store.collection(HOURS).count_documents(final) == len(expected),
            lambda: f"{store.collection(HOURS).count_documents(final)} of {len(expected)} hours",
            within_s=240,
        )
        scheduler.end()
        archiver.end()
    assert_answers(expected, origin="batch", state="final")
    run("ingest", "file", str(boston))
    assert ask("status", exits=1)["archive"]["posts"] == len(sent), "a file that was read whole is not read again"
