"""What the stack makes of settings: ports, addresses, generated configuration, Java's version."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel, SecretStr

from bench.harness.stack_settings import private_stack, read, write
from config.errors import TrendsError, UsageError
from config.settings import ArchiveSettings, MongoSettings, ServeSettings, Settings
from config.stack import launcher, resources
from config.stack.exec_program import __file__ as exec_program
from config.stack.jars import java
from config.stack.launcher import servers
from config.stack.paths import FILES, StackPaths, render_template, write_whole
from config.stack.ports import check_duplicates, exposed_listeners, find_clashes, free_ports, owner_of
from config.stack.server import Port, Program, address_of
from config.stack.servers import OPTIONAL, SERVICES, STANDARD
from config.stack.servers.kafka import cluster_id
from config.stack.services import Service
from config.stack.status import states
from config.stack.supervision import Supervision


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read(write(tmp_path / "trends.toml", private_stack(tmp_path)))


def test_a_taken_port_is_told_with_its_owner_and_the_setting_that_moves_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (clash,) = find_clashes(
            [("kafka", Port(port, "kafka.bootstrap")), ("mongo", Port(free_ports(1)[0], "mongo.uri"))]
        )
        assert f"port {port} of kafka is taken by" in str(clash)
        assert f"pid {os.getpid()}" in owner_of(port)
        assert "set kafka.bootstrap" in str(clash)


def test_a_port_that_others_can_reach_is_told_and_one_on_loopback_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)), socket.create_server(("", 0)) as open_to_all:
        told = [
            each for each in exposed_listeners([psutil.Process()]) if each.endswith(f":{open_to_all.getsockname()[1]}")
        ]
        assert len(told) == 1
        assert f"pid {os.getpid()}" in told[0]
        assert not [each for each in exposed_listeners([psutil.Process()]) if "127.0.0.1" in each]


def test_two_servers_on_one_port_are_refused_by_name() -> None:
    with pytest.raises(TrendsError, match="port 1 is set for both kafka and mongo"):
        check_duplicates([("kafka", Port(1, "kafka.bootstrap")), ("mongo", Port(1, "mongo.uri"))])


def test_free_ports_differ_and_can_be_bound() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not find_clashes([("any", Port(port, "any")) for port in ports])


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9092", "127.0.0.1", 9092),
        ("http://localhost:9870", "localhost", 9870),
        ("[::1]:27017", "::1", 27017),
        ("hdfs://cluster", "cluster", 0),
    ],
)
def test_an_address_is_read_from_what_settings_hold(text: str, host: str, port: int) -> None:
    assert (address_of(text, "any").host, address_of(text, "any").port) == (host, port)


@pytest.mark.parametrize("text", ["", "localhost", "127.0.0.1:", "127.0.0.1:many", "127.0.0.1:99999"])
def test_what_is_no_address_is_refused_with_the_setting(text: str) -> None:
    with pytest.raises(UsageError, match=r"kafka\.bootstrap"):
        address_of(text, "kafka.bootstrap")


def test_a_server_on_another_machine_has_no_ports_here_and_is_external(tmp_path: Path) -> None:
    tables = private_stack(tmp_path) | {"kafka": {"bootstrap": "kafka.example:9092"}}
    tables["mongo"] = {"uri": "mongodb://somebody:secret@mongo.example/?replicaSet=rs0"}
    settings = read(write(tmp_path / "trends.toml", tables))
    ports = {server.name: server.ports() for server in servers(settings)}
    assert [name for name, found in ports.items() if not found] == ["kafka", "mongo"]
    told = {state.name: state for state in states(settings)}
    assert told["kafka"].state == told["mongo"].state == "external"
    assert told["namenode"].state == told["archiver"].state == told["topology"].state == "stopped"
    assert "secret" not in told["mongo"].address


def test_a_name_node_here_and_one_elsewhere_are_refused(tmp_path: Path) -> None:
    tables = private_stack(tmp_path)
    tables["hdfs"]["name_node"] = "hdfs://elsewhere:8020"
    with pytest.raises(UsageError, match=r"Give both addresses of one NameNode"):
        servers(read(write(tmp_path / "trends.toml", tables)))


def test_every_template_is_filled_in_whole() -> None:
    text = render_template("kafka/local.properties", port=1, controller=2, data="/d", protocol="PLAINTEXT")
    assert "127.0.0.1:1" in text
    assert "$" not in text
    with pytest.raises(KeyError):
        render_template("kafka/local.properties", port=1)


def test_no_shared_file_names_an_address_of_the_local_stack() -> None:
    for name in ("kafka/server.properties", "storm/storm.yaml", "mongo/mongod.conf"):
        assert "127.0.0.1" not in (FILES / name).read_text()


def test_a_file_is_put_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "file", "one")
    write_whole(tmp_path / "new" / "file", "two")
    assert [path.read_text() for path in (tmp_path / "new").iterdir()] == ["two"]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_401"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("command not found", 0),
    ],
)
def test_the_version_of_java_is_read_from_what_it_says(said: str, version: int) -> None:
    assert java.version_of(said) == version


def test_an_old_java_is_refused_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "java"
    program.write_text("#!/bin/sh\necho 'java version \"1.8.0_401\"' >&2\n")
    program.chmod(0o700)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    java.find.cache_clear()
    with pytest.raises(TrendsError, match=r"Java 8 is too old.*apt-get install"):
        java.find()
    java.find.cache_clear()


def test_a_process_becomes_what_is_described_whatever_its_environment_holds(tmp_path: Path) -> None:
    odd = {"A": 'quo"te', "B": "per%cent, and 'more'", "C": "two\nlines"}
    told = tmp_path / "told.json"
    code = f"import json, os; json.dump([dict(os.environ), os.getcwd()], open({str(told)!r}, 'w'))"
    spec = {"command": [sys.executable, "-c", code], "environment": odd, "folder": str(tmp_path)}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    subprocess.run([sys.executable, "-I", "-S", exec_program, tmp_path / "spec.json", "0"], check=True)
    environment, folder = json.loads(told.read_text())
    assert {name: environment[name] for name in odd} == odd
    assert folder == str(tmp_path)


def test_a_described_program_changes_only_when_something_that_matters_does(tmp_path: Path) -> None:
    supervision = Supervision(StackPaths(tmp_path, tmp_path))
    program = Program(["/bin/true"], {"PATH": "/one", "KEY": "value"})
    assert supervision.describe("it", program, [1])
    assert not supervision.describe("it", Program(["/bin/true"], {"PATH": "/two", "KEY": "value"}), [1])
    assert supervision.describe("it", Program(["/bin/true"], {"PATH": "/two", "KEY": "other"}), [1])
    assert supervision.describe("it", Program(["/bin/true"], {"PATH": "/two", "KEY": "other"}), [2])
    assert (tmp_path / "supervisor" / "it.json").stat().st_mode & 0o077 == 0


def test_a_service_is_another_program_once_a_setting_that_it_reads_has_changed(
    settings: Settings, tmp_path: Path
) -> None:
    supervision = Supervision(StackPaths(tmp_path, tmp_path))

    def changed(**sections: BaseModel) -> bool:
        program = Service(
            "archiver", ["archive"], settings.model_copy(update=sections), StackPaths(tmp_path, tmp_path)
        ).program(Path("java"))
        return supervision.describe("archiver", program, [], alive=True)

    assert changed()
    assert not changed()
    assert changed(archive=ArchiveSettings(lateness_s=1))
    assert changed(mongo=MongoSettings(uri=SecretStr("mongodb://a:first@db.example")))
    assert changed(mongo=MongoSettings(uri=SecretStr("mongodb://a:second@db.example")))
    assert not changed(mongo=MongoSettings(uri=SecretStr("mongodb://a:second@db.example")), serve=ServeSettings(port=1))


def test_a_socket_path_that_is_too_long_moves_to_a_private_folder(tmp_path: Path) -> None:
    near = Supervision(StackPaths(Path("/short"), tmp_path))._socket()
    far = Supervision(StackPaths(tmp_path / ("long" * 40), tmp_path))._socket()
    assert near == Path("/short/supervisor/s")
    assert len(str(far)) < 100
    assert far.parent.stat().st_mode & 0o077 == 0


def test_a_full_disk_is_refused_and_little_memory_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paths = StackPaths(tmp_path / "not" / "there", tmp_path)
    monkeypatch.setattr(resources, "MEMORY", 1 << 60)
    launcher._check_capacity(paths)
    assert "of memory available" in caplog.text
    monkeypatch.setattr(resources, "LEAST_DISK", 1 << 60)
    with pytest.raises(TrendsError, match=r"GB of disk free in .*stack\.state"):
        launcher._check_capacity(paths)


def test_the_id_of_a_new_kafka_is_never_taken_for_an_option() -> None:
    ids = [cluster_id() for _ in range(1_000)]
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{21}", each) for each in ids)
    assert len(set(ids)) == len(ids)


def test_the_names_of_servers_and_services_are_those_of_the_launcher() -> None:
    found = Settings()
    assert [server.name for server in launcher.servers(found)] == list(STANDARD)
    assert [server.name for server in launcher.optional_servers(found)] == list(OPTIONAL)
    assert [*(service.name for service in launcher.services(found)), "topology"] == list(SERVICES)
