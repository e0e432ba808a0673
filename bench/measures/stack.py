"""The stack: from nothing to ready with jars in the cache, and its memory when it idles."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from bench.harness.stack_settings import private_stack, read, use, write
from bench.harness.subprocess_run import clocked
from bench.harness.trial import Bench, Contender, RunOptions, Trial
from config.settings import Settings
from config.stack import launcher
from config.stack.paths import StackPaths
from config.stack.supervision import Supervision

IDLE_S = 10.0


@contextmanager
def contenders(options: RunOptions) -> Iterator[list[Contender]]:
    """All side by side, as `trends up` does it; and one after the other."""
    yield [
        Contender("side by side, as `trends up`", "data survives kill -9", partial(_started, options.state, _together)),
        Contender("the same servers, one after the other", "the same", partial(_started, options.state, _in_turn)),
    ]


def _started(state: Path, start: Callable[[Settings, Sequence[str]], dict[str, float]]) -> Trial:
    state.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="servers-", dir=state))
    file = write(folder / "trends.toml", private_stack(folder))
    settings = read(file)
    names = [server.name for server in launcher.servers(settings)]
    try:
        with use(file):
            ran = clocked(start, settings, names)
        time.sleep(IDLE_S)
        figures = {"idle MB": _resident_mb(settings), **ran.result}
        alive = {process.name for process in Supervision(StackPaths.of(settings.stack)).processes() if process.alive}
    finally:
        launcher.down(settings, lambda *_: None)
        shutil.rmtree(folder, ignore_errors=True)
    return Trial(ran.seconds, len(names), wrong=len(set(names) - alive), figures=figures)


def _together(settings: Settings, names: Sequence[str]) -> dict[str, float]:
    launcher.up(settings, names, lambda *_: None)
    return {}


def _in_turn(settings: Settings, names: Sequence[str]) -> dict[str, float]:
    return {f"{name} s": clocked(launcher.up, settings, [name], lambda *_: None).seconds for name in names}


def _resident_mb(settings: Settings) -> float:
    """Memory of the servers; pages that they share count once."""
    found = 0
    for process in Supervision(StackPaths.of(settings.stack)).processes():
        if process.pid:
            leader = psutil.Process(process.pid)
            found += sum(each.memory_full_info().pss for each in [leader, *leader.children(recursive=True)])
    return found / 1e6


BENCHES = (Bench("stack", "From nothing to ready, all servers.", "s", (1,), contenders),)
