"""The local Hive: its tables through every client, what sessions see of one another, and that nothing is lost."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import psutil
import psycopg
import pyspark
import pytest
from impala.dbapi import connect as impyla_connect
from pyhive import hive as pyhive
from TCLIService.ttypes import TOperationState

from batch_layer.storage.hive_server import HiveServer, identifier, literal
from batch_layer.storage.postgres import connect
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from config.errors import TrendsError, UnavailableError, UsageError
from config.settings import Settings
from config.settings.logins import local_password_file, postgres_login
from config.stack import launcher
from config.stack.paths import StackPaths
from config.stack.status import ServerState, probe_states, states
from config.stack.supervision import Supervision
from tests.support.commands import run_trends
from tests.support.wait import until

STARTED = {"hive", "postgres", "namenode", "datanode"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    return stack_settings.write(folder / "trends.toml", stack_settings.private_stack(folder))


@pytest.fixture(scope="module")
def alone(file: Path) -> Iterator[Settings]:
    """Settings of a stack with Hive and the servers that it needs."""
    settings = stack_settings.read(file)
    up(settings)
    yield settings
    launcher.down(settings, lambda *_: None)


def up(settings: Settings) -> list[str]:
    return launcher.up(settings, ["hive"], lambda *_: None)


def state(settings: Settings, name: str = "hive") -> ServerState:
    return next(state for state in states(settings) if state.name == name)


def pid_of(settings: Settings) -> int:
    pid = state(settings).pid
    assert pid
    return pid


def answers(settings: Settings) -> bool:
    with HiveServer(settings) as hive:
        try:
            return hive.execute("SELECT 1") == [(1,)]
        except UnavailableError:
            return False


def test_its_name_starts_it_with_the_servers_that_it_needs_and_a_plain_up_does_not(alone: Settings, file: Path) -> None:
    assert not {"hive", "postgres"} & {server.name for server in launcher.servers(alone)}
    running = {state.name for state in states(alone) if state.state == "running"}
    assert running == STARTED
    told = run_trends(file, "up", "hive")
    assert "everything is already running" in told.stderr
    assert f"serves at 127.0.0.1:{alone.stack.hive_port}" in " ".join(run_trends(file, "doctor").stdout.split())
    assert run_trends(file, "logs", "hive").stdout


def test_pyhive_and_impyla_both_write_and_read(alone: Settings) -> None:
    theirs = pyhive.connect(host="127.0.0.1", port=alone.stack.hive_port, username="trends")
    with theirs, theirs.cursor() as cursor:
        cursor.execute("CREATE TABLE by_pyhive (a INT, b STRING) STORED AS PARQUET")
        cursor.execute("INSERT INTO by_pyhive VALUES (%s, %s)", (1, "l'été"))
        cursor.execute("SELECT * FROM by_pyhive", async_=True)
        until(lambda: cursor.poll().operationState == TOperationState.FINISHED_STATE)
        assert cursor.fetchall() == [(1, "l'été")]
    other = impyla_connect(host="127.0.0.1", port=alone.stack.hive_port, auth_mechanism="PLAIN", user="somebody")
    with other, other.cursor() as cursor:
        cursor.execute("INSERT INTO by_pyhive VALUES (2, 'two')")
        cursor.execute("SELECT * FROM by_pyhive ORDER BY a")
        assert cursor.fetchall() == [(1, "l'été"), (2, "two")]
        cursor.execute("DROP TABLE by_pyhive")


def test_beeline_reads_through_jdbc(alone: Settings) -> None:
    jars = Path(pyspark.__file__).parent / "jars"
    beeline = ["java", "-cp", f"{jars}/*", "org.apache.hive.beeline.BeeLine", "-n", "trends", "--silent=true"]
    url = f"jdbc:hive2://127.0.0.1:{alone.stack.hive_port}/default"
    asked = [*beeline, "--outputformat=csv2", "-u", url, "-e", "SELECT 1 AS one, 'été' AS word"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split()[-2:] == ["one,word", "1,été"]


def test_tables_lie_on_hdfs_and_their_names_in_postgresql(alone: Settings) -> None:
    with HiveServer(alone) as hive:
        hive.execute("CREATE TABLE placed (a INT) STORED AS PARQUET")
        hive.execute("INSERT INTO placed VALUES (1)")
        names = [entry.name for entry in HdfsStore(alone.hdfs).entries("/user/hive/warehouse/placed")]
        assert any(name.endswith(".parquet") for name in names)
        with connect(alone, "metastore") as connection:
            tables = connection.execute('SELECT "TBL_NAME" FROM "TBLS"').fetchall()
        assert ("placed",) in tables
        hive.execute("DROP TABLE placed")


def test_a_session_sees_the_rows_and_partitions_that_another_adds(alone: Settings) -> None:
    """With Spark's default caches it sees none of them once it has read the table."""
    with HiveServer(alone) as writer, HiveServer(alone) as reader:
        writer.execute("CREATE TABLE shared (a INT) PARTITIONED BY (dt STRING) STORED AS PARQUET")
        writer.execute("INSERT INTO shared PARTITION (dt='1') VALUES (1)")
        assert reader.execute("SELECT count(*) FROM shared") == [(1,)]
        writer.execute("INSERT INTO shared PARTITION (dt='1') VALUES (2)")
        assert reader.execute("SELECT count(*) FROM shared") == [(2,)]
        writer.execute("INSERT INTO shared PARTITION (dt='2') VALUES (3)")
        assert reader.execute("SELECT dt, count(*) FROM shared GROUP BY dt ORDER BY dt") == [("1", 2), ("2", 1)]
        store, folder = HdfsStore(alone.hdfs), "/user/hive/warehouse/shared/dt=1"
        one = next(entry.name for entry in store.entries(folder) if entry.name.endswith(".parquet"))
        copied = store.get(f"{folder}/{one}")
        assert copied
        store.put("/user/hive/warehouse/shared/dt=9/copy.parquet", copied)
        store.put(f"{folder}/copy.parquet", copied)
        assert reader.execute("SELECT count(*) FROM shared WHERE dt = '1'") == [(3,)]
        writer.execute("ALTER TABLE shared ADD IF NOT EXISTS PARTITION (dt='9')")
        assert reader.execute("SELECT count(*) FROM shared WHERE dt = '9'") == [(1,)]
        writer.execute("DROP TABLE shared")


@pytest.mark.parametrize(
    "value",
    [
        "plain", "l'été", 'a "quoted" one', "back\\slash", "\\'", "%s", "two\nlines\r\tend", "\u0000", "",
        "日本 🎉", "--", "${env:PATH}", "${system:user.name}", 0, -5, 2**40, 1.5, 1e300, True, False, None,
        date(2024, 10, 27), date(33, 4, 3),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_arrives_as_it_was_and_is_never_code(alone: Settings, value: str | float | None) -> None:
    with HiveServer(alone) as hive:
        ((came,),) = hive.execute("SELECT %s", [value])
    assert came == value


def test_a_moment_arrives_in_utc(alone: Settings) -> None:
    east = datetime(2024, 10, 27, 2, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    with HiveServer(alone) as hive:
        ((came,),) = hive.execute("SELECT %s", [east])
    assert came.replace(tzinfo=UTC) == east


def test_a_name_with_a_quote_is_refused() -> None:
    assert identifier("dt") == "`dt`"
    for name in ("", "a`b", "a\nb"):
        with pytest.raises(ValueError, match="not a name"):
            identifier(name)
    with pytest.raises(TypeError):
        literal(b"bytes")  # type: ignore[arg-type] # that is the test


def test_sessions_are_in_utc(alone: Settings) -> None:
    with HiveServer(alone) as hive:
        assert hive.execute("SELECT current_timezone()") == [("UTC",)]
        assert hive.execute("SELECT from_unixtime(0)") == [("1970-01-01 00:00:00",)]


def test_a_refused_statement_is_told_in_the_servers_words_without_java(alone: Settings) -> None:
    with HiveServer(alone) as hive:
        with pytest.raises(TrendsError, match=r"TABLE_OR_VIEW_NOT_FOUND.*nothing") as missing:
            hive.execute("SELECT * FROM nothing")
        assert not missing.value.retriable
        assert "Exception" not in str(missing.value)
        with pytest.raises(TrendsError, match="PARSE_SYNTAX_ERROR"):
            hive.execute("SELEKT 1")
        assert hive.execute("SELECT 1") == [(1,)]
    with HiveServer(alone, "nowhere") as lost:
        for _ in range(2):
            with pytest.raises(TrendsError, match=r"SCHEMA_NOT_FOUND.*nowhere"):
                lost.execute("SELECT 1")


def test_a_server_that_is_away_is_told_with_what_starts_it(tmp_path: Path) -> None:
    tables = stack_settings.private_stack(tmp_path)
    never = stack_settings.read(stack_settings.write(tmp_path / "trends.toml", tables))
    with HiveServer(never) as hive, pytest.raises(UnavailableError, match=r"`trends up hive` starts it"):
        hive.execute("SELECT 1")
    tables["hive"] = {"uri": "hive.example"}
    wrong = stack_settings.read(stack_settings.write(tmp_path / "trends.toml", tables))
    with HiveServer(wrong) as hive, pytest.raises(UsageError, match=r"hive\.uri: not a host and a port"):
        hive.execute("SELECT 1")


def test_a_statement_that_takes_too_long_ends(alone: Settings) -> None:
    quick = alone.model_copy(update={"hive": alone.hive.model_copy(update={"statement_s": 2.0})})
    long = "SELECT count(*) FROM range(1000000000000) WHERE hash(id) = 1 AND hash(id + 1) = 2"
    with HiveServer(quick) as hive:
        with pytest.raises(UnavailableError, match="took longer than 2 s"):
            hive.execute(long)
        assert hive.execute("SELECT 1") == [(1,)]


def test_a_frozen_server_hangs_nobody(alone: Settings) -> None:
    quick = alone.model_copy(update={"hive": alone.hive.model_copy(update={"timeout_s": 2.0})})
    process = psutil.Process(pid_of(alone))
    with HiveServer(quick) as hive:
        assert hive.execute("SELECT 1") == [(1,)]
        process.suspend()
        try:
            with pytest.raises(UnavailableError, match=r"`trends up hive` starts it"):
                hive.execute("SELECT 1")
            began = time.monotonic()
            assert next(each for each in probe_states(alone) if each.name == "hive").state == "silent"
            assert time.monotonic() - began < 15
        finally:
            process.resume()
        until(lambda: answers(alone), within_s=60)
        assert hive.execute("SELECT 1") == [(1,)]


def test_it_listens_on_loopback_alone(alone: Settings) -> None:
    connections = psutil.Process(pid_of(alone)).net_connections("tcp")
    listening = {c.laddr for c in connections if c.status == psutil.CONN_LISTEN}
    assert alone.stack.hive_port in {each.port for each in listening}
    assert {each.ip.removeprefix("::ffff:") for each in listening} == {"127.0.0.1"}


def test_no_process_shows_the_password_of_the_metastore_and_its_file_is_for_its_user_alone(
    alone: Settings, folder: Path
) -> None:
    password = local_password_file(alone.stack).read_text()
    for process in Supervision(StackPaths.of(alone.stack)).strays():
        assert password not in " ".join([*process.cmdline(), *process.environ().values()])
    holding = [path for path in (folder / "state").rglob("*") if path.is_file() and _holds(path, password)]
    assert {path.name for path in holding} == {"password", "hive-site.xml"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in holding)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**{**postgres_login(alone, "metastore"), "password": "guessed"}, connect_timeout=5)


def _holds(path: Path, text: str) -> bool:
    return path.stat().st_size < 1_000_000 and text.encode() in path.read_bytes()


def test_a_killed_one_is_started_again_with_its_tables(alone: Settings) -> None:
    with HiveServer(alone) as hive:
        hive.execute("CREATE TABLE kept (a INT) STORED AS PARQUET")
        hive.execute("INSERT INTO kept VALUES (1)")
        before = pid_of(alone)
        os.kill(before, signal.SIGKILL)
        with pytest.raises(UnavailableError):
            hive.execute("SELECT * FROM kept")
        until(lambda: state(alone).pid not in (before, None) and answers(alone), lambda: state(alone))
        assert hive.execute("SELECT * FROM kept") == [(1,)]
        hive.execute("DROP TABLE kept")


def test_it_bears_a_restart_of_postgresql(alone: Settings) -> None:
    with HiveServer(alone) as hive:
        hive.execute("CREATE TABLE lasting (a INT) STORED AS PARQUET")
        before = state(alone, "postgres").pid
        assert before
        os.kill(before, signal.SIGKILL)
        until(lambda: state(alone, "postgres").pid not in (before, None) and _has_postgres(alone))

        def there() -> bool:
            try:
                return hive.execute("SELECT * FROM lasting") == []
            except TrendsError:
                return False

        until(there, within_s=60)
        hive.execute("DROP TABLE lasting")


def _has_postgres(settings: Settings) -> bool:
    try:
        with connect(settings) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except UnavailableError:
        return False


def test_the_fixture_gives_databases_of_the_tests_own_in_the_whole_stack(settings_with_hive: Settings) -> None:
    own = settings_with_hive
    with HiveServer(own) as hive:
        assert hive.execute("SELECT current_database()") == [(own.hive.database,)]
    with connect(own) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (own.postgres.database,)
    assert own.hive.database not in ("default", "trends")


def test_a_schema_that_was_half_made_is_made_again(alone: Settings, file: Path) -> None:
    """The last one: it takes the metastore away."""
    launcher.down(alone, lambda *_: None, ["hive"])
    assert state(alone).state == "stopped"
    with connect(alone, "postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE metastore WITH (FORCE)")
        connection.execute("CREATE DATABASE metastore_half_made")
    assert run_trends(file, "up", "hive").returncode == 0
    with HiveServer(alone) as hive:
        assert hive.execute("SHOW TABLES") == []
    with connect(alone, "postgres") as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
    assert "metastore" in names
    assert "metastore_half_made" not in names
