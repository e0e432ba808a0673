"""A server that is frozen (it takes connections and never answers), or not there: what a user sees, and how soon.

Four servers of their own, since nobody else could use those that stand still.
"""

import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

import psutil
import pytest

from bench.harness import stack_settings
from config.settings import Settings
from config.stack import launcher
from config.stack.status import states
from ingest.kafka.topics import core_topics, create_topics
from tests.support.posts import Sender, archived, assert_exactly_once, some_posts
from tests.support.wait import until

TRENDS = Path(sys.executable).with_name("trends")
SERVERS = ["kafka", "namenode", "datanode", "mongo"]
TIMEOUT_S = 5.0
"""What `hdfs.timeout_s` and `mongo.timeout_s` are here; Kafka's are fixed: 10 s."""
SOON_S = 40.0
"""Python's start, up to four commands at once on two cores, and the longest wait."""
POSTS = "id,text,time\n1,hi #a,2017-01-06T07:00:00Z\n2,hi #b #a,2017-01-06T08:00:00Z\n"

INGEST = "ingest file posts.csv --restart"
ASKED = {
    "namenode": ["archive --until-drained", "batch run", "verify --all"],
    "datanode": ["batch run", "verify --all"],
    "mongo": ["top", "batch run"],
    "kafka": [INGEST, "archive --until-drained", "batch run"],
}
"""The commands that can't do without a server."""
PARTS = {"namenode": {"archive"}, "datanode": {"archive"}, "mongo": {"speed", "hours", "runs"}}
"""What `trends status` can't tell then."""
PARTS["kafka"] = {"speed", "archive"}
NOWHERE = {
    "namenode": {"TRENDS_HDFS__URL": "http://127.0.0.1:1"},
    "mongo": {"TRENDS_MONGO__URI": "mongodb://127.0.0.1:1/?replicaSet=rs0"},
    "kafka": {"TRENDS_KAFKA__BOOTSTRAP": "127.0.0.1:1"},
}


@dataclass
class Stack:
    """Servers of this module alone."""

    file: Path
    settings: Settings

    def trends(
        self, command: str, extra: Mapping[str, str] | None = None, out: Any = PIPE, err: Any = PIPE
    ) -> "subprocess.Popen[str]":
        """A command, started in the folder of the settings file."""
        full_environment = stack_settings.environment(self.file, **(extra or {}))
        return subprocess.Popen(
            [TRENDS, *command.split()], env=full_environment, cwd=self.file.parent, stdout=out, stderr=err, text=True
        )

    def answer(self, command: str, extra: Mapping[str, str] | None = None) -> "Answer":
        """What a command says, and how soon it has ended, exit included."""
        began = time.monotonic()
        with self.trends(command, extra) as started:
            try:
                out, err = started.communicate(timeout=SOON_S)
            except subprocess.TimeoutExpired:
                started.kill()
                pytest.fail(f"`trends {command}` had not ended after {SOON_S:g} s: {started.communicate()}")
        return Answer(command, started.returncode, out, err, time.monotonic() - began)

    def answers(self, commands: list[str], extra: Mapping[str, str] | None = None) -> "list[Answer]":
        """Several at once."""
        with ThreadPoolExecutor(len(commands)) as threads:
            return list(threads.map(lambda command: self.answer(command, extra), commands))

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Inside, a server stands still."""
        process = psutil.Process(next(state.pid or 0 for state in states(self.settings) if state.name == name))
        process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: process.status() == psutil.STATUS_STOPPED, process.status, 5)
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def told_of(self, name: str) -> str:
        """How an error names the server: its address, or its port where it has another for clients."""
        if name == "datanode":
            return f":{self.settings.stack.datanode_ports[1]}"
        return next(state.address for state in states(self.settings) if state.name == name)


@dataclass
class Answer:
    """How a command ended."""

    command: str
    code: int
    out: str
    err: str
    seconds: float

    def assert_says(self, server: str) -> None:
        """It failed with one line: where, what, what next."""
        told = [line for line in self.err.splitlines() if line.startswith("trends: ")]
        assert self.code == 1, self
        assert len(told) == 1, self
        assert self.err.rstrip().endswith(told[0]), self
        assert server in told[0], self
        assert re.search("`trends (up|logs|status)", told[0]), self
        assert "internal error" not in self.err, self
        assert "Traceback" not in self.err, self


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, HDFS and MongoDB, with two posts archived."""
    folder = tmp_path_factory.mktemp("frozen")
    tables = stack_settings.private_stack(folder)
    for table in ("hdfs", "mongo"):
        tables[table]["timeout_s"] = TIMEOUT_S
    tables["kafka"]["partitions"] = 2
    tables["archive"] = {"flush_after_s": 0.5}
    file = stack_settings.write(folder / "trends.toml", tables)
    (folder / "posts.csv").write_text(POSTS)
    settings = stack_settings.read(file)
    made = Stack(file, settings)
    try:
        with stack_settings.use(file):
            launcher.up(settings, SERVERS, lambda *_: None)
        for command in (INGEST, "archive --until-drained"):
            answer = made.answer(command)
            assert answer.code == 0, answer
        yield made
    finally:
        launcher.down(settings, lambda *_: None)


@pytest.mark.parametrize("server", SERVERS)
def test_what_a_frozen_server_keeps_from_its_work_says_so_in_time(stack: Stack, server: str) -> None:
    with stack.frozen(server):
        *failed, status = stack.answers([*ASKED[server], "status"])
    for answer in failed:
        answer.assert_says(stack.told_of(server))
    assert re.search(rf"^{server} +silent ", status.out, re.MULTILINE), status
    assert_only_missing(status, PARTS[server])


@pytest.mark.parametrize("server", NOWHERE)
def test_a_server_that_is_not_there_is_told_in_time(stack: Stack, server: str) -> None:
    *failed, status = stack.answers([*ASKED[server], "status"], NOWHERE[server])
    for answer in failed:
        answer.assert_says("127.0.0.1:1")
    assert_only_missing(status, PARTS[server])


def assert_only_missing(status: Answer, parts: set[str]) -> None:
    """`trends status` gives a reason, in one line, for exactly these parts, and shows all others."""
    assert status.code == 1, status
    assert "Traceback" not in status.err, status
    heads = re.findall(
        r"^(speed|archive|hours)\n  (\S+:? .*)$|^(runs)\n  (.*)$|^(last runs) ", status.out, re.MULTILINE
    )
    told = {head[0] or head[2] for head in heads if "`trends " in head[1] + head[3]}
    assert told == parts, status
    assert {head[0] or head[2] or head[4].removeprefix("last ") for head in heads} == {
        "speed", "archive", "hours", "runs",
    }, status  # fmt: skip


@pytest.mark.parametrize("server", ["namenode", "datanode"])
def test_an_archiver_waits_for_a_frozen_server_and_then_goes_on(stack: Stack, server: str, tmp_path: Path) -> None:
    apart, posts = elsewhere(stack, tmp_path), some_posts(200)
    log = tmp_path / "archive.log"
    create_topics(apart.settings.kafka, core_topics(apart.settings.kafka))
    sender = Sender(apart.settings)
    with log.open("w") as told, archiving(apart, told) as archiver:
        sender.send(posts[:100])
        until(lambda: archived(apart.settings) == 100, log.read_text, 60)
        with stack.frozen(server):
            sender.send(posts[100:])
            until(lambda: "degraded" in log.read_text(), log.read_text, 30)
        until(lambda: archived(apart.settings) == 200, log.read_text, 60)
        assert archiver.poll() is None
    assert archiver.returncode == 0, log.read_text()
    assert "Traceback" not in log.read_text()
    assert_exactly_once(apart.settings, posts)


def elsewhere(stack: Stack, folder: Path) -> Stack:
    """The same servers, with topics and a root that nobody else has."""
    mark = uuid.uuid4().hex[:10]
    own: dict[str, dict[str, Any]] = {
        "kafka": {name: f"{name}-{mark}" for name in ("posts", "hashtags", "rejects", "cursors", "archive_group")},
        "hdfs": {"root": f"/{mark}/posts"},
    }
    given = stack_settings.tables(stack.file)
    file = stack_settings.write(folder / "trends.toml", {name: given[name] | own.get(name, {}) for name in given})
    return Stack(file, stack_settings.read(file))


@contextmanager
def archiving(stack: Stack, log: Any) -> "Iterator[subprocess.Popen[str]]":
    """`trends archive` as a service; in the end it is terminated."""
    with stack.trends("archive --json", out=subprocess.DEVNULL, err=log) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(40)
