"""The local PostgreSQL: a password, loopback alone, nothing lost; and connections whose calls end."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from batch_layer.storage.postgres import connect, postgres_errors
from bench.harness import stack_settings
from config.errors import TrendsError, UnavailableError, UsageError
from config.settings import Settings
from config.settings.logins import local_password_file, postgres_login
from config.stack import launcher
from config.stack.paths import StackPaths
from config.stack.servers.postgres import Postgres
from config.stack.status import ServerState, probe_states, states
from config.stack.supervision import Supervision
from tests.support.commands import run_trends
from tests.support.wait import until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="module")
def alone(folder: Path) -> Iterator[Settings]:
    """Settings of a stack of which only PostgreSQL is started."""
    settings = stack_settings.read(stack_settings.write(folder / "trends.toml", stack_settings.private_stack(folder)))
    yield settings
    launcher.down(settings, lambda *_: None)


def up(settings: Settings) -> list[str]:
    return launcher.up(settings, ["postgres"], lambda *_: None)


def state(settings: Settings) -> ServerState:
    return next(state for state in states(settings) if state.name == "postgres")


def pid_of(settings: Settings) -> int:
    pid = state(settings).pid
    assert pid
    return pid


def keep(settings: Settings, value: int) -> None:
    with connect(settings) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int PRIMARY KEY)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def kept(settings: Settings) -> set[int]:
    with connect(settings) as connection:
        return {value for (value,) in connection.execute("SELECT value FROM kept")}


def answers(settings: Settings) -> bool:
    try:
        return bool(kept(settings))
    except UnavailableError:
        return False


def test_a_plain_up_does_not_start_it_and_the_status_does_not_list_it(alone: Settings, folder: Path) -> None:
    assert "postgres" not in [server.name for server in launcher.servers(alone)]
    launcher.down(alone, lambda *_: None)
    assert "postgres" not in [state.name for state in states(alone)]
    told = run_trends(folder / "trends.toml", "doctor")
    assert "optional, not started: `trends up postgres`" in " ".join(told.stdout.split())


def test_the_command_starts_it_shows_it_and_stops_it_with_its_data(alone: Settings, folder: Path) -> None:
    file = folder / "trends.toml"
    started = run_trends(file, "up", "postgres")
    assert started.returncode == 0, started.stderr
    assert "started: postgres" in started.stderr
    assert state(alone).state == "running"
    keep(alone, 1)
    assert "ready to accept connections" in run_trends(file, "logs", "postgres").stdout
    assert f"serves at 127.0.0.1:{alone.stack.postgres_port}" in " ".join(run_trends(file, "doctor").stdout.split())
    assert "stopped postgres" in run_trends(file, "down", "postgres").stderr
    assert state(alone).state == "stopped"
    log = run_trends(file, "logs", "postgres", "-n", "5").stdout
    assert "database system is shut down" in log, "it was killed, not stopped"
    up(alone)
    assert kept(alone) == {1}
    assert up(alone) == []


def test_every_role_needs_the_password_whose_file_is_for_its_user_alone(alone: Settings) -> None:
    up(alone)
    file = local_password_file(alone.stack)
    assert file.stat().st_mode & 0o777 == 0o600
    login = postgres_login(alone)
    assert len(login["password"]) > 30
    for password in ("", "guessed"):
        with pytest.raises(psycopg.OperationalError, match=r"no password supplied|authentication failed"):
            psycopg.connect(**{**login, "password": password}, connect_timeout=5)
    for process in Supervision(StackPaths.of(alone.stack)).strays():
        assert login["password"] not in " ".join([*process.cmdline(), *process.environ().values()])


def test_a_refused_login_and_a_missing_database_are_told_in_a_sentence_without_the_password(
    alone: Settings, folder: Path
) -> None:
    up(alone)
    port, password = alone.stack.postgres_port, "guessed-by-somebody"
    with_url = {"postgres": {"url": f"postgresql://trends:{password}@127.0.0.1:{port}/trends"}}
    other = stack_settings.read(stack_settings.override(folder / "trends.toml", folder / "other.toml", with_url))
    with pytest.raises(TrendsError, match=r"authentication failed.*Correct postgres\.url") as refused:
        connect(other)
    assert not refused.value.retriable
    assert password not in str(refused.value)
    with pytest.raises(TrendsError, match='database "nowhere" does not exist') as missing:
        connect(alone, "nowhere")
    assert not missing.value.retriable
    with connect(alone) as connection, pytest.raises(TrendsError, match="UndefinedTable"), postgres_errors(alone):
        connection.execute("SELECT * FROM nothing")


def test_a_password_comes_from_the_url_or_from_a_file(alone: Settings, folder: Path) -> None:
    up(alone)
    file = local_password_file(alone.stack)
    url = f"postgresql://trends@127.0.0.1:{alone.stack.postgres_port}"
    tables = {"postgres": {"url": url, "password_file": str(file)}}
    elsewhere = stack_settings.read(stack_settings.override(folder / "trends.toml", folder / "file.toml", tables))
    with connect(elsewhere) as connection:
        assert connection.info.dbname == "trends"
    assert state(elsewhere).state == "external"
    assert launcher.up(elsewhere, ["postgres"], lambda *_: None) == []
    tables["postgres"]["password_file"] = str(folder / "none")
    lost = stack_settings.read(stack_settings.override(folder / "trends.toml", folder / "lost.toml", tables))
    with pytest.raises(UsageError, match=r"postgres\.password_file: can't read .*No such file"):
        connect(lost)


def test_it_listens_on_loopback_alone_and_on_no_socket_file(alone: Settings) -> None:
    up(alone)
    connections = psutil.Process(pid_of(alone)).net_connections("inet")
    listening = {c.laddr for c in connections if c.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", alone.stack.postgres_port)}
    assert not psutil.Process(pid_of(alone)).net_connections("unix")


def test_it_is_durable_and_counts_in_utc(alone: Settings) -> None:
    up(alone)
    with connect(alone) as connection:
        told = {name: connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")}
        assert told == {"fsync": ("on",), "synchronous_commit": ("on",)}
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)


def test_a_killed_one_is_started_again_and_no_acknowledged_row_is_lost(alone: Settings) -> None:
    up(alone)
    with connect(alone) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS acknowledged (value int PRIMARY KEY)")
    acknowledged, before = list[int](), pid_of(alone)
    killing = threading.Timer(1, os.kill, (before, signal.SIGKILL))
    killing.start()
    with pytest.raises(psycopg.Error), connect(alone, autocommit=True) as connection:
        for value in range(1_000_000):
            connection.execute("INSERT INTO acknowledged VALUES (%s)", [value])
            acknowledged.append(value)
    killing.join()
    assert acknowledged
    until(lambda: state(alone).pid not in (before, None) and answers(alone), lambda: state(alone))
    with connect(alone) as connection:
        there = {value for (value,) in connection.execute("SELECT value FROM acknowledged")}
    assert set(acknowledged) <= there
    assert len(there) <= len(acknowledged) + 1


def test_up_works_after_everything_was_killed(alone: Settings, folder: Path) -> None:
    up(alone)
    keep(alone, 2)
    keeper = int((folder / "state" / "supervisor" / "supervisord.pid").read_text())
    for pid in (keeper, pid_of(alone)):
        os.kill(pid, signal.SIGKILL)
    assert up(alone) == ["postgres"]
    assert 2 in kept(alone)


def test_a_frozen_server_hangs_nobody(alone: Settings) -> None:
    up(alone)
    quick = alone.model_copy(update={"postgres": alone.postgres.model_copy(update={"timeout_s": 2.0})})
    with connect(quick) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        backend.suspend()
        try:
            began = time.monotonic()
            with pytest.raises(UnavailableError, match="no answer in 2 s"), postgres_errors(quick):
                connection.execute("SELECT 1")
            assert time.monotonic() - began < 10
            assert connection.closed
        finally:
            backend.resume()


def test_the_status_shows_a_server_that_is_frozen_as_silent(alone: Settings) -> None:
    up(alone)
    leader = psutil.Process(pid_of(alone))
    frozen = [leader, *leader.children(recursive=True)]
    for process in frozen:
        process.suspend()
    try:
        began = time.monotonic()
        assert next(each for each in probe_states(alone) if each.name == "postgres").state == "silent"
        assert time.monotonic() - began < 15
    finally:
        for process in frozen:
            process.resume()
    until(lambda: answers(alone) or None)


def test_a_client_that_sleeps_in_a_transaction_holds_no_lock_for_longer_than_its_limit(alone: Settings) -> None:
    up(alone)
    keep(alone, 3)
    quick = alone.model_copy(update={"postgres": alone.postgres.model_copy(update={"timeout_s": 2.0})})
    with connect(alone) as waits:
        sleeper = connect(quick)
        sleeper.execute("UPDATE kept SET value = -3 WHERE value = 3")
        waits.execute("UPDATE kept SET value = -4 WHERE value = 3")
        with pytest.raises(UnavailableError), postgres_errors(quick):
            sleeper.commit()
        sleeper.close()


def test_without_a_server_it_is_told_what_starts_one(alone: Settings, tmp_path: Path) -> None:
    tables = stack_settings.private_stack(tmp_path)
    never = stack_settings.read(stack_settings.write(tmp_path / "trends.toml", tables))
    with pytest.raises(UnavailableError, match=r"never started\. `trends up postgres`"):
        connect(never)
    up(alone)
    launcher.down(alone, lambda *_: None, ["postgres"])
    with pytest.raises(UnavailableError, match=r"Connection refused\. `trends up postgres` starts it"):
        connect(alone)


def test_an_initialization_that_was_killed_leaves_nothing_that_looks_like_data(tmp_path: Path) -> None:
    settings = stack_settings.read(
        stack_settings.write(tmp_path / "trends.toml", stack_settings.private_stack(tmp_path))
    )
    half = tmp_path / "state" / "data" / ".postgres-new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    try:
        assert up(settings) == ["postgres"]
        assert not half.exists()
        launcher.down(settings, lambda *_: None)
        local_password_file(settings.stack).rename(tmp_path / "password")
        with pytest.raises(TrendsError, match=r"its password is gone: no .*Put the file back"):
            up(settings)
    finally:
        launcher.down(settings, lambda *_: None)


def test_data_of_another_version_is_refused_and_stays(tmp_path: Path) -> None:
    data = tmp_path / "state" / "data" / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    settings = stack_settings.read(
        stack_settings.write(tmp_path / "trends.toml", stack_settings.private_stack(tmp_path))
    )
    try:
        with pytest.raises(TrendsError, match=r"holds data of PostgreSQL 15, not 18.*Dump it"):
            up(settings)
    finally:
        launcher.down(settings, lambda *_: None)
    assert (data / "PG_VERSION").read_text() == "15\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a user namespace")
def test_root_without_user_namespaces_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tmp_path / "bin" / "unshare"
    failing.parent.mkdir()
    failing.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    failing.chmod(0o700)
    monkeypatch.setenv("PATH", f"{failing.parent}{os.pathsep}{os.environ['PATH']}")
    assert subprocess.run(["unshare"], check=False).returncode == 1
    settings = stack_settings.read(
        stack_settings.write(tmp_path / "trends.toml", stack_settings.private_stack(tmp_path))
    )
    try:
        with pytest.raises(TrendsError, match=r"refuses to run as root.*not permitted.*as another user"):
            up(settings)
    finally:
        launcher.down(settings, lambda *_: None)


def test_it_runs_in_the_foreground_for_an_engine_of_containers(tmp_path: Path) -> None:
    file = stack_settings.write(tmp_path / "trends.toml", stack_settings.private_stack(tmp_path))
    settings = stack_settings.read(file)
    command = [sys.executable, "-m", "config.stack.foreground"]
    environment = stack_settings.environment(file)
    unknown = subprocess.run([*command, "nobody"], env=environment, capture_output=True, text=True, check=False)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert "no such server: 'nobody'. One of: kafka" in unknown.stderr
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([*command, "postgres"], env=environment, stderr=log)
    try:
        server = Postgres(settings, StackPaths.of(settings.stack))
        until(server.ready, (tmp_path / "log").read_text)
        assert psutil.Process(process.pid).name() == "postgres"
        with connect(settings) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("trends",)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_the_fixtures_give_a_database_of_the_tests_own(postgres: Settings) -> None:
    assert postgres.postgres.database != "trends"
    with connect(postgres) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (postgres.postgres.database,)
