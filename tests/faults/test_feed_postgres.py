"""A feed into PostgreSQL, and from its table into a second one, under a random mix of faults: each record once.

Two processes fill the first table and two the second, all through a proxy; another process starts in place of each that
has ended. `SOAK_SEED` repeats a mix.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psycopg
import pytest

from bench.harness import servers, stack_settings
from bench.harness.stack_settings import environment
from config.settings import Settings
from config.settings.logins import postgres_login
from config.stack.status import states
from tests.support.faults.network import Link, text
from tests.support.faults.proof import Proof
from tests.support.faults.record_load import sending
from tests.support.postgres import own_database
from tests.support.table_feeds import (
    SINK,
    fill,
    make_topic,
    numbers,
    query,
    standing,
    weather_feed,
)
from tests.support.wait import until

SECONDS = 75
PATIENCE_S = 3
"""`postgres.timeout_s`: a stage that sleeps for longer inside a transaction loses it."""
STAGES = [SINK, SINK, "copy", "copy"]


class StageProcess:
    """The process of a stage, or the one that has taken its place."""

    def __init__(self, file: Path, topic: str, sink: str) -> None:
        self._file, self._topic, self._sink = file, topic, sink
        self.deaths = 0
        self.sleeping_until = 0.0
        self._process = self._start()

    def keep(self) -> None:
        """Start another one where it has ended; wake it where it has slept enough."""
        if self._process.poll() is not None:
            self._process = self._start()
        if self.sleeping_until and time.monotonic() > self.sleeping_until:
            self.sleeping_until = 0.0
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self.deaths += 1

    def sleep(self, seconds: float) -> None:
        self._process.send_signal(signal.SIGSTOP)
        self.sleeping_until = time.monotonic() + seconds

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.support.table_feeds", str(self._file), self._topic, self._sink]
        with self._file.with_name(f"{self._sink}.log").open("ab") as log:
            return subprocess.Popen(command, env=environment(self._file), stdout=log, stderr=log)


@pytest.fixture
def own_server(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The shared Kafka, and a PostgreSQL that may be killed."""
    folder = tmp_path / "own"
    folder.mkdir()
    with servers.start(folder, ["postgres"]) as file:
        own = stack_settings.read(file)
        ours = settings.model_copy(update={"stack": own.stack, "postgres": own.postgres})
        with own_database(ours):
            yield ours


def kill_server(settings: Settings) -> bool:
    pids = [state.pid for state in states(settings) if state.name == "postgres" and state.pid]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return bool(pids)


def answers(settings: Settings) -> bool:
    try:
        return bool(query(settings, "SELECT 1"))
    except psycopg.OperationalError:
        return False


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_feed_under_fire_has_each_record_once_in_both_tables(
    own_server: Settings, settings_file: Path, tmp_path: Path
) -> None:
    seed = int(os.environ.get("SOAK_SEED") or 1)
    chance, topic, struck = random.Random(seed), make_topic(own_server), list[str]()
    login = postgres_login(own_server)
    with ExitStack() as things:
        link = things.enter_context(Link(int(login["port"]), "PostgreSQL"))
        url = f"postgresql://{login['user']}:{login['password']}@127.0.0.1:{link.port}/{login['dbname']}"
        through = {"postgres": {"url": url, "timeout_s": PATIENCE_S}}
        file = stack_settings.override(settings_file, tmp_path / "through.toml", through)
        sent = things.enter_context(sending(own_server, topic))
        stages = [StageProcess(file, topic, sink) for sink in STAGES]
        for stage in stages:
            things.callback(stage.kill)
        until(lambda: answers(own_server) and rows(own_server, "copy"), "nothing arrives", 90)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            struck.append(strike(own_server, link, stages, chance))
            for _ in range(chance.randint(1, 15)):
                keep(stages, 0.2)
    until(lambda: answers(own_server), "PostgreSQL does not come back", 60)
    feed = weather_feed(topic)
    fill(own_server, feed)
    fill(own_server, feed, "copy")
    told = f"seed {seed}: {struck}"
    assert numbers(own_server) == list(range(sent[0])), told
    assert numbers(own_server, "copy") == list(range(sent[0])), told
    assert standing(own_server)[1:] == standing(own_server, "copy")[1:] == (sent[0], 0, 0), told
    assert len(set(struck)) >= 5, told
    print(f"{sent[0]:,} records, {len(struck)} faults: {', '.join(sorted(set(struck)))}")


def rows(settings: Settings, table: str) -> bool:
    there = query(settings, "SELECT to_regclass(%s) IS NOT NULL", table)[0][0]
    return bool(there) and bool(numbers(settings, table))


def strike(settings: Settings, link: Link, stages: list[StageProcess], chance: random.Random) -> str:
    """One fault, whose name it returns."""
    commit, stage = text(b"COMMIT\0"), chance.choice(stages)

    def on_link(fault: AbstractContextManager[Proof], least_s: float) -> None:
        """Until it has struck, for as long as there is no stage that talks to the server."""
        begun = time.monotonic()
        with fault as proof:
            while not all(map(proof.seen.get, proof.needed)) or time.monotonic() < begun + least_s:
                assert time.monotonic() < begun + 60, "nobody talks to the server"
                keep(stages, 0.2)

    faults: dict[str, Callable[[], object]] = {
        "stage killed": stage.kill,
        "stage asleep": lambda: stage.sleep(2 * PATIENCE_S),
        "server killed": lambda: kill_server(settings),
        "cut": lambda: on_link(link.cut(), 1),
        "lost reply": lambda: on_link(link.lost_reply(commit), 0),
        "lost commit": lambda: on_link(link.cut_in_request(commit, after=0), 0),
        "black hole": lambda: on_link(link.blackhole(), PATIENCE_S + 1),
    }
    name = chance.choice(sorted(faults))
    faults[name]()
    return name


def keep(stages: list[StageProcess], seconds: float) -> None:
    for stage in stages:
        stage.keep()
    time.sleep(seconds)
