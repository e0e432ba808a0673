"""A feed into PostgreSQL while things break: replies to COMMIT, the server, the stage itself. Each record once."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from bench.harness import servers, stack_settings
from bench.harness.stack_settings import environment
from config.settings import Settings
from config.settings.logins import postgres_login
from config.stack.status import states
from tests.support.faults.network import Link, text
from tests.support.faults.proof import Proof
from tests.support.postgres import own_database
from tests.support.table_feeds import (
    SINK,
    RecordSender,
    fill,
    make_topic,
    numbers,
    query,
    record,
    standing,
    weather_feed,
)
from tests.support.wait import until

STEPS = ["check", "position", "rows", "rejects", "commit"]
COMMIT = text(b"COMMIT\0")


@pytest.fixture
def settings(settings_with_postgres: Settings) -> Settings:
    return settings_with_postgres


def by_port(settings: Settings, port: int, timeout_s: float = 3) -> Settings:
    """The same database behind another port."""
    login = postgres_login(settings)
    url = SecretStr(f"postgresql://{login['user']}:{login['password']}@127.0.0.1:{port}/{login['dbname']}")
    changed = settings.postgres.model_copy(update={"url": url, "timeout_s": timeout_s})
    return settings.model_copy(update={"postgres": changed})


@pytest.fixture
def link(settings: Settings) -> Iterator[Link]:
    with Link(int(postgres_login(settings)["port"]), "PostgreSQL") as link:
        yield link


def strike_before_commit(settings: Settings, link: Link, fault: Callable[[], AbstractContextManager[Proof]]) -> None:
    """Deliver ten records; the fault strikes when only the COMMIT is left, once."""
    topic = make_topic(settings)
    RecordSender(settings, topic).send([record(number) for number in range(10)])
    with ExitStack() as faults:

        def strike(step: str) -> None:
            if step == "rejects" and not faults_struck:
                faults_struck.append(step)
                faults.enter_context(fault())

        faults_struck: list[str] = []
        fill(by_port(settings, link.port), weather_feed(topic), after_step=strike)
    assert numbers(settings) == list(range(10))
    assert standing(settings)[1:] == (10, 0, 0)


def test_a_lost_reply_to_commit_is_settled_by_the_row(
    settings: Settings, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    strike_before_commit(settings, link, lambda: link.lost_reply(COMMIT))
    assert "another stage has committed" not in caplog.text
    assert link.connections > 1


def test_a_lost_commit_is_sent_again(settings: Settings, link: Link) -> None:
    strike_before_commit(settings, link, lambda: link.cut_in_request(COMMIT, after=0))


def test_a_commit_that_arrives_when_its_sender_has_given_up_counts_once(settings: Settings, link: Link) -> None:
    """The black hole is over after the client's patience; then the old COMMIT and a new try meet."""
    topic = make_topic(settings)
    RecordSender(settings, topic).send([record(number) for number in range(10)])
    begin, end = threading.Event(), threading.Event()

    def hide() -> None:
        assert begin.wait(60)
        with link.blackhole():
            hidden.set()
            end.wait(4.5)

    hidden = threading.Event()
    thread = threading.Thread(target=hide)
    thread.start()

    def strike(step: str) -> None:
        if step == "rejects" and not hidden.is_set():
            begin.set()
            assert hidden.wait(10)

    fill(by_port(settings, link.port), weather_feed(topic), after_step=strike)
    end.set()
    thread.join(30)
    assert numbers(settings) == list(range(10))
    assert standing(settings)[1:] == (10, 0, 0)


@pytest.fixture
def own_server(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A PostgreSQL that a test may kill, beside the shared Kafka."""
    folder = tmp_path / "own"
    folder.mkdir()
    with servers.start(folder, ["postgres"]) as file:
        own = stack_settings.read(file)
        ours = settings.model_copy(update={"stack": own.stack, "postgres": own.postgres})
        with own_database(ours):
            yield ours


def kill_server(settings: Settings) -> None:
    (pid,) = [state.pid for state in states(settings) if state.name == "postgres"]
    assert pid
    os.kill(pid, signal.SIGKILL)


def answers(settings: Settings) -> bool:
    try:
        return bool(query(settings, "SELECT 1"))
    except psycopg.OperationalError:
        return False


def test_a_server_that_is_killed_at_any_step_gets_each_record_once(own_server: Settings) -> None:
    topic = make_topic(own_server)
    sender, feed, killed = RecordSender(own_server, topic), weather_feed(topic), list[str]()

    def kill_after(fatal: str) -> Callable[[str], None]:
        def kill(step: str) -> None:
            if step == fatal and fatal not in killed:
                killed.append(fatal)
                kill_server(own_server)

        return kill

    for round_, fatal in enumerate(STEPS):
        sender.send([record(number) for number in range(100 * round_, 100 * round_ + 100)])
        fill(own_server, feed, after_step=kill_after(fatal))
        until(lambda: answers(own_server), "it does not come back", 60)
    assert killed == STEPS
    assert numbers(own_server) == list(range(500))
    assert standing(own_server)[1:] == (500, 0, 0)


def test_a_stage_that_is_killed_at_any_step_leaves_each_record_once(settings: Settings, settings_file: Path) -> None:
    topic = make_topic(settings)
    sender = RecordSender(settings, topic)
    fill(settings, weather_feed(topic))
    for round_, fatal in enumerate(STEPS[1:]):
        start = 100 * round_
        before = numbers(settings)
        sender.send([record(number) for number in range(start, start + 100)])
        command = [sys.executable, "-m", "tests.support.table_feeds", str(settings_file), topic, SINK, fatal, "1"]
        died = subprocess.run(command, env=environment(settings_file), timeout=120, check=False)
        assert died.returncode == -signal.SIGKILL
        packet = 100 if fatal == "commit" else 0
        assert len(numbers(settings)) == len(before) + packet, fatal
    fill(settings, weather_feed(topic))
    assert numbers(settings) == list(range(400))
    assert standing(settings)[1:] == (400, 0, 0)
    assert query(settings, "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == [(0,)]
