"""The local stack: processes are kept alive, taken down whole, and lose nothing. One mongod in a folder of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import tenacity
from confluent_kafka.admin import AdminClient
from pymongo import MongoClient

from bench.harness import stack_settings
from config.errors import TrendsError, UsageError
from config.settings import Settings
from config.stack import launcher
from config.stack.jars import openssl
from config.stack.paths import StackPaths, exclusive
from config.stack.ports import find_clashes
from config.stack.server import address_of
from config.stack.servers import nimbus
from config.stack.servers.mongo import VERSION
from config.stack.status import ServerState, states
from config.stack.supervision import Supervision
from ingest.kafka.topics import core_topics, create_topics
from tests.support.commands import run_trends
from tests.support.faults.disk import small_disk

LOOPBACK_ADDRESSES = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
TRENDS = Path(sys.executable).with_name("trends")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="module")
def alone(folder: Path) -> Iterator[Settings]:
    """Settings of a stack of which only mongod is started."""
    settings = stack_settings.read(stack_settings.write(folder / "trends.toml", stack_settings.private_stack(folder)))
    yield settings
    down(settings)


def up(settings: Settings) -> list[str]:
    return launcher.up(settings, ["mongo"], lambda *_: None)


def down(settings: Settings) -> int:
    return launcher.down(settings, lambda *_: None)


def mongo(settings: Settings) -> ServerState:
    return next(state for state in states(settings) if state.name == "mongo")


def pid_of(settings: Settings) -> int:
    pid = mongo(settings).pid
    assert pid
    return pid


def supervision(settings: Settings) -> Supervision:
    return Supervision(StackPaths.of(settings.stack))


def until(true: Callable[[], object], timeout_s: float = 30) -> None:
    waiting = tenacity.Retrying(stop=tenacity.stop_after_delay(timeout_s), wait=tenacity.wait_fixed(0.2))
    waiting.retry = tenacity.retry_if_result(lambda answer: not answer)
    waiting(true)


def written(settings: Settings, value: int) -> None:
    with MongoClient[dict[str, int]](settings.mongo.uri.get_secret_value(), w="majority") as client:
        client.kept.values.insert_one({"value": value})


def kept(settings: Settings) -> set[int]:
    with MongoClient[dict[str, int]](settings.mongo.uri.get_secret_value()) as client:
        return {document["value"] for document in client.kept.values.find()}


def test_a_second_up_leaves_alone_what_serves(alone: Settings) -> None:
    up(alone)
    before = pid_of(alone)
    assert up(alone) == []
    assert pid_of(alone) == before
    assert mongo(alone).state == "running"


def test_what_is_killed_is_started_again_with_its_data(alone: Settings) -> None:
    up(alone)
    written(alone, 1)
    before = pid_of(alone)
    os.kill(before, signal.SIGKILL)
    until(lambda: (mongo(alone).pid or before) != before)
    until(lambda: 1 in kept(alone))


def test_down_leaves_nothing_running_and_the_data_there(alone: Settings) -> None:
    up(alone)
    written(alone, 2)
    (port,) = next(server for server in launcher.servers(alone) if server.name == "mongo").ports()
    assert down(alone) == 1
    assert not supervision(alone).running()
    assert not supervision(alone).strays()
    assert not find_clashes([("mongo", port)])
    assert mongo(alone).state == "stopped"
    assert down(alone) == 0
    assert up(alone) == ["mongo"]
    assert 2 in kept(alone)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_up_works_after_everything_was_killed(alone: Settings, folder: Path) -> None:
    up(alone)
    written(alone, 3)
    keeper = int((folder / "state" / "supervisor" / "supervisord.pid").read_text())
    killed = (keeper, pid_of(alone))
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(map(is_gone, killed)))
    assert up(alone) == ["mongo"]
    assert 3 in kept(alone)


def test_up_waits_for_a_port_that_a_dying_process_has_not_given_up_yet(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    down(alone)
    (port,) = next(server for server in launcher.servers(alone) if server.name == "mongo").ports()
    monkeypatch.setattr("config.stack.ports.owner_of", lambda _: "")  # as the system says of one whose leader is gone
    with socket.create_server(("127.0.0.1", port.number)) as held:
        assert find_clashes([("mongo", port)])
        threading.Timer(0.5, held.close).start()
        assert up(alone) == ["mongo"]


def test_up_ends_what_a_killed_supervisor_left_behind(alone: Settings, folder: Path) -> None:
    up(alone)
    orphan = pid_of(alone)
    os.kill(int((folder / "state" / "supervisor" / "supervisord.pid").read_text()), signal.SIGKILL)
    until(lambda: not supervision(alone).running())
    assert psutil.pid_exists(orphan)
    assert up(alone) == ["mongo"]
    assert not psutil.pid_exists(orphan)
    assert pid_of(alone) != orphan


def test_settings_of_other_servers_leave_this_one_alone(alone: Settings) -> None:
    up(alone)
    before = pid_of(alone)
    moved = alone.model_copy(update={"stack": alone.stack.model_copy(update={"kafka_controller_port": 1})})
    assert up(moved) == []
    assert pid_of(alone) == before


def test_a_server_of_another_state_folder_at_our_address_is_named(alone: Settings, tmp_path: Path) -> None:
    up(alone)
    stack = alone.stack.model_copy(update={"state": tmp_path / "state"})
    found = {state.name: state for state in states(alone.model_copy(update={"stack": stack}))}
    assert (found["mongo"].state, found["mongo"].other_stack) == ("stopped", str(alone.stack.state))
    assert not any(state.other_stack for state in [*states(alone), found["kafka"]])


def test_the_cache_of_another_home_restarts_nothing(alone: Settings, tmp_path: Path) -> None:
    up(alone)
    before = pid_of(alone)
    elsewhere = alone.model_copy(update={"stack": alone.stack.model_copy(update={"cache": tmp_path / "empty"})})
    assert up(elsewhere) == []
    assert pid_of(alone) == before
    os.kill(before, signal.SIGKILL)  # and it comes back from the cache that has its jars
    until(lambda: (mongo(alone).pid or before) != before and mongo(alone).state == "running")
    assert not (tmp_path / "empty").exists()


def test_a_state_folder_that_can_not_be_written_ends_up_in_one_sentence(tmp_path: Path) -> None:
    """A disk that is mounted read-only, and one of which the last byte is taken."""
    file = stack_settings.write(tmp_path / "trends.toml", stack_settings.private_stack(tmp_path))
    with small_disk(tmp_path / "state", 1) as disk:
        (disk.folder / "ballast").write_bytes(bytes(100_000))
        with pytest.raises(OSError, match="No space"), (disk.folder / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        full = run_trends(file, "up", "mongo")
        subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
        locked = run_trends(file, "up", "mongo")
    for told, why in ((full, "No space left on device"), (locked, "Read-only file system")):
        assert told.returncode == 1
        assert re.fullmatch(
            rf"trends: {tmp_path}/state: can't be written: {why}\. Make room .* stack\.state .*\n", told.stderr
        )


def test_servers_that_are_moved_to_other_ports_are_started_anew_with_their_data(tmp_path: Path) -> None:
    file = tmp_path / "trends.toml"
    first = stack_settings.read(stack_settings.write(file, stack_settings.private_stack(tmp_path)))
    moved = stack_settings.read(stack_settings.write(file, stack_settings.private_stack(tmp_path)))
    names = ["mongo", "kafka"]
    try:
        assert launcher.up(first, names, lambda *_: None) == ["kafka", "mongo"]
        written(first, 4)
        create_topics(first.kafka, core_topics(first.kafka))
        assert launcher.up(moved, names, lambda *_: None) == ["kafka", "mongo"]
        assert 4 in kept(moved)
        assert (
            moved.kafka.posts
            in AdminClient({"bootstrap.servers": moved.kafka.bootstrap}).list_topics(timeout=10).topics
        )
    finally:
        down(moved)


def test_only_one_up_works_on_a_folder(alone: Settings) -> None:
    with (
        exclusive(StackPaths.of(alone.stack)),
        pytest.raises(UsageError, match="another `trends up` is running"),
    ):
        up(alone)


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    tables = stack_settings.private_stack(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tables["mongo"]["uri"] = f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"
        settings = stack_settings.read(stack_settings.write(tmp_path / "trends.toml", tables))
        with pytest.raises(TrendsError, match=rf"port {port} of mongo is taken by .*pid {os.getpid()}.*set mongo\.uri"):
            up(settings)
    assert not supervision(settings).running()


def test_a_server_that_can_not_start_is_given_up_and_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    data = tmp_path / "state" / "data" / "mongo"
    data.mkdir(parents=True)
    (data / "storage.bson").write_text("this is no BSON")
    settings = stack_settings.read(
        stack_settings.write(tmp_path / "trends.toml", stack_settings.private_stack(tmp_path))
    )
    try:
        with pytest.raises(TrendsError, match=r"(?s)mongo: ended 3 times.*storage engine metadata.*trends logs mongo"):
            up(settings)
    finally:
        down(settings)
    assert not supervision(settings).strays()


def test_the_command_line_tells_what_it_did_and_where_the_log_is(alone: Settings, folder: Path) -> None:
    up(alone)
    again = run_trends(folder / "trends.toml", "up", "mongo")
    assert (again.returncode, again.stdout) == (0, "")
    assert "everything is already running" in again.stderr
    log = run_trends(folder / "trends.toml", "logs", "mongo", "-n", "2")
    assert len(log.stdout.splitlines()) == 2
    unknown = run_trends(folder / "trends.toml", "logs", "nobody")
    assert unknown.returncode == 3
    assert "There are: mongo, supervisord" in unknown.stderr
    mistyped = run_trends(folder / "trends.toml", "up", "kafak")
    assert mistyped.returncode == 2
    assert "One of: kafka, namenode" in mistyped.stderr


def test_mongod_is_the_locked_release_and_finds_the_openssl_of_the_cache(alone: Settings) -> None:
    up(alone)
    with MongoClient[dict[str, int]](alone.mongo.uri.get_secret_value()) as client:
        assert client.server_info()["version"] == VERSION == "6.0.27"
    mapped = {entry.path for entry in psutil.Process(pid_of(alone)).memory_maps()}
    wanted = {str(openssl.folder(StackPaths.of(alone.stack)) / name) for name in openssl.LIBRARIES}
    assert wanted <= mapped


def test_no_process_no_file_and_no_log_of_the_stack_holds_a_secret_and_all_is_for_its_user_alone(
    tmp_path: Path,
) -> None:
    """In a folder whose name made supervisord print its environment."""
    token = "token-of-a-dashboard"
    folder = tmp_path / "50% of it"
    folder.mkdir()
    file = stack_settings.write(folder / "trends.toml", stack_settings.private_stack(folder))
    settings = stack_settings.read(file)
    try:
        with stack_settings.use(file):
            environment = os.environ | {"TRENDS_SERVE__TOKEN": token, "TRENDS_X__TOKEN": token}
        told = subprocess.run(
            [TRENDS, "up", "mongo"], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert told.returncode == 0, told.stderr
        assert token not in told.stderr
        processes = supervision(settings).strays()
        assert "mongod" in {process.name() for process in processes}
        assert len(processes) > 1
        for process in processes:
            assert token not in " ".join([*process.cmdline(), *process.environ().values()]), process
        there = [path for path in (folder / "state").rglob("*") if not path.is_symlink()]
        assert [path for path in (folder / "state", *there) if path.stat().st_mode & 0o077] == []
        assert [path for path in there if path.is_file() and token in path.read_text(errors="replace")] == []
    finally:
        down(settings)


def test_up_submits_the_topology_again_once_a_setting_has_changed(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    tables = stack_settings.tables(settings_file)
    tables["stack"]["state"] = str(tmp_path / "state")
    file = stack_settings.write(tmp_path / "own.toml", tables)

    def submitted() -> str:
        told = run_trends(file, "up", "topology")
        assert told.returncode == 0, told.stderr
        found = nimbus.ask(address_of(settings.storm.nimbus, "storm.nimbus")).topology(settings.storm.topology)
        assert found
        return found.id

    try:
        first = submitted()
        assert submitted() == first
        stack_settings.write(file, tables | {"speed": {"chunk_ms": 50}})
        second = submitted()
        assert second != first
        assert submitted() == second
    finally:
        assert run_trends(file, "down", "topology").returncode == 0


def test_down_of_one_program_leaves_the_others_and_the_supervision(alone: Settings, folder: Path) -> None:
    up(alone)
    told = run_trends(folder / "trends.toml", "down", "mongo", "archiver")
    assert told.returncode == 0
    assert "stopped mongo, archiver" in told.stderr
    assert supervision(alone).running()
    assert mongo(alone).state == "stopped"


def test_ctrl_c_in_the_middle_of_up_leaves_what_down_can_stop(tmp_path: Path) -> None:
    file = stack_settings.write(tmp_path / "trends.toml", stack_settings.private_stack(tmp_path))
    with stack_settings.use(file):
        process = subprocess.Popen([TRENDS, "up", "namenode", "mongo"], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        until(lambda: "starting" in str(process.stderr and process.stderr.readline()))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        down(stack_settings.read(file))
    assert process.returncode != 0
    assert "interrupted: servers keep running" in said
    assert said.count("interrupted") == 1
    assert "Traceback" not in said
    assert not supervision(stack_settings.read(file)).strays()


def test_the_doctor_tells_what_serves_and_what_is_stopped(alone: Settings, folder: Path) -> None:
    up(alone)
    told = run_trends(folder / "trends.toml", "doctor", "--json")
    found = {each["subject"]: each for each in json.loads(told.stdout)}
    assert found["mongo"]["state"] == found["java"]["state"] == found["packages"]["state"] == "ok"
    assert found["network"]["found"] == "every server listens on loopback alone"
    assert found["folders"] == {"subject": "folders", "state": "ok", "found": str(folder / "state"), "next_step": ""}
    assert found["kafka"]["state"] == "note"
    assert found["kafka"]["next_step"] == "`trends up`"
    assert told.returncode == (1 if any(each["state"] == "wrong" for each in found.values()) else 0)


def test_the_whole_stack_runs_in_little_memory_and_on_loopback(stack: Settings) -> None:
    told = {state.name: state for state in states(stack)}
    running = [told[server.name] for server in launcher.servers(stack)]
    assert {state.state for state in running} == {"running"}
    assert all(state.pid and state.memory_mb and state.uptime_s is not None for state in running)
    assert sum(state.memory_mb or 0 for state in running) < 2_500
    for state in running:
        assert state.pid
        listening = [c for c in psutil.Process(state.pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        assert listening
        assert all(c.laddr.ip in LOOPBACK_ADDRESSES for c in listening), state.name
