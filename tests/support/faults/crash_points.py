"""Points of the real code at which a process dies, or stops, as `points/sitecustomize.py` names them. Each is proved.

A process that is started with `environment` has all points in it, and none does anything until it is armed.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil

from bench.harness.stack_settings import environment
from tests.support.faults.points.sitecustomize import POINTS
from tests.support.wait import until

TRENDS = Path(sys.executable).with_name("trends")
REACHED_S = 120


def points_of(component: str) -> list[str]:
    """The points of the archiver, the producer, the spout, the bolt, or the batch job."""
    found = [name for name in POINTS if name.startswith(f"{component}: ")]
    assert found
    return found


class Points:
    """The points of some processes. One is armed at a time, and one process takes it, once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.environment = {
            "PYTHONPATH": str(Path(__file__).with_name("points")),
            "FAULT_POINTS": str(folder),
        }

    def arm(self, point: str, number: signal.Signals = signal.SIGKILL) -> None:
        """From now on the first process that comes to this point gets this signal from itself."""
        assert point in POINTS
        for old in self._folder.iterdir():
            old.unlink()
        whole = self._folder / "new"
        whole.write_text(json.dumps({"point": point, "signal": number.name}))
        whole.rename(self._folder / "armed")

    @property
    def reached_by(self) -> int | None:
        """The process that came to the point. Exactly one ever does."""
        found = [int(path.name.partition("-")[2]) for path in self._folder.glob("reached-*")]
        assert len(found) <= 1
        return found[0] if found else None

    def wait_until_reached(self) -> int:
        """The process that came to the point, once one has."""
        until(lambda: self.reached_by is not None, lambda: [path.name for path in self._folder.iterdir()], REACHED_S)
        assert self.reached_by is not None
        return self.reached_by

    @contextmanager
    def stopped_at(self, point: str, command: "Command") -> Iterator[None]:
        """Inside, a process stands still at a point; then it goes on. It is seen to stand still at both ends."""
        assert self.wait_until_reached() == command.process.pid, point
        seen = psutil.Process(command.process.pid)
        until(lambda: seen.status() == psutil.STATUS_STOPPED, seen.status, 10)
        yield
        assert seen.status() == psutil.STATUS_STOPPED, point
        command.process.send_signal(signal.SIGCONT)


class Command:
    """A `trends …` that runs in a process of its own."""

    def __init__(self, settings_file: Path, typed: Sequence[str], variables: dict[str, str]) -> None:
        self._talk = settings_file.with_name(f"{uuid4().hex}.log")
        with self._talk.open("wb") as talk:
            self.process = subprocess.Popen(
                [TRENDS, *typed],
                env=environment(settings_file, **variables),
                stdout=talk,
                stderr=talk,
                cwd=settings_file.parent,
            )

    def output(self) -> str:
        """Everything it has printed so far."""
        return self._talk.read_text()

    def ended(self, within_s: float = 180) -> int:
        """Its exit code, once it has one. Whatever it was, it never showed a traceback."""
        code = self.process.wait(within_s)
        assert "Traceback" not in self.output(), self.output()
        return code

    def stopped(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.terminate()
        return self.ended()


@contextmanager
def run_command(settings_file: Path, *typed: str, **variables: str) -> Iterator[Command]:
    """`trends …` in a process, gone at the end whatever happens."""
    command = Command(settings_file, typed, variables)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.wait()


def dies(points: Points, point: str, settings_file: Path, *typed: str, **variables: str) -> None:
    """`trends …` dies at a point: proved by how it ended, and by the mark it left."""
    points.arm(point)
    with run_command(settings_file, *typed, **points.environment, **variables) as command:
        assert command.ended() == -signal.SIGKILL, f"{point}: {command.output()}"
        assert points.reached_by == command.process.pid, point


def lives(settings_file: Path, *typed: str, **variables: str) -> str:
    """`trends …` ends well. What it said."""
    with run_command(settings_file, *typed, **variables) as command:
        assert command.ended() == 0, command.output()
        return command.output()
