"""Our own long-running commands, kept alive as supervision does it, and watched for memory and open files."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.support.cli import ROOT, environment
from tests.support.wait import until

LOOK_S = 0.5
MEGABYTE = 1 << 20
MOST_MB, MOST_FILES = 400, 200
"""What a process of ours may take, whatever strikes."""


class KeptProcess:
    """A command that is started again whenever it ends, until `stop`; or, if `once`, until it has ended with 0."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        file: Path,
        folder: Path,
        *,
        once: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.out = folder / f"{name}.out"
        self.exits: list[int] = []
        """How it ended, each time that it did."""
        self.most_mb = self.most_files = 0
        self.ended_at = 0.0
        """When it ended last, by the monotonic clock."""
        self._command, self._once = command, once
        self._environment = environment(TRENDS_CONFIG=str(file), **(variables or {}))
        self._over = threading.Event()
        self._running = self._started()
        self._thread = threading.Thread(target=self._keep, name=f"keeps {name}")
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended with 0."""
        return 0 in self.exits

    def process(self) -> psutil.Process:
        """The process that runs now."""
        until(lambda: self._running.poll() is None, lambda: f"{self.name} ended: {self.exits}", 30)
        return psutil.Process(self._running.pid)

    def stop(self) -> None:
        """Let it end cleanly, for good."""
        self._over.set()
        self._thread.join()
        if self._running.poll() is None:
            self._running.terminate()
            assert self._running.wait(90) in (0, 130, -15), f"{self.name}: {self._running.returncode}"

    def kill(self) -> None:
        """End it for good, whatever it is at."""
        self._over.set()
        self._thread.join()
        self._running.kill()
        self._running.wait()

    def assert_bounded(self) -> None:
        """Whatever struck: no traceback, and memory and open files as on a quiet day."""
        text = self.log.read_text()
        assert "Traceback" not in text, text[-3000:]
        assert self.most_mb <= MOST_MB, f"{self.name}: {self.most_mb} MB"
        assert self.most_files <= MOST_FILES, f"{self.name}: {self.most_files} open files"

    def _started(self) -> "subprocess.Popen[bytes]":
        with self.log.open("a") as log, self.out.open("a") as out:
            return subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=out, stderr=log)

    def _keep(self) -> None:
        while not self._over.wait(LOOK_S):
            ended = self._running.poll()
            if ended is None:
                self._look()
                continue
            self.exits.append(ended)
            self.ended_at = time.monotonic()
            if self._once and ended == 0:
                return
            self._running = self._started()

    def _look(self) -> None:
        try:
            process = psutil.Process(self._running.pid)
            self.most_mb = max(self.most_mb, process.memory_info().rss // MEGABYTE)
            self.most_files = max(self.most_files, process.num_fds())
        except (psutil.Error, OSError):  # it has just ended
            return


def last_lines(kept: Sequence[KeptProcess]) -> str:
    """The end of what each of them said, for a test that failed."""
    return "\n".join(f"--- {each.name} {each.exits}\n{each.log.read_text()[-1500:]}" for each in kept)
