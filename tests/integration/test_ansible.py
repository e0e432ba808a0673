"""deploy/ansible, run for real into a folder: units become servers, a second run changes nothing, a role stands alone.

The playbook's own packages (deploy/ansible/requirements.lock) are installed once, into state/.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.harness.stack_settings import private_stack, read
from config.settings import StackSettings
from config.stack.jars.jar_cache import fetch
from config.stack.paths import StackPaths
from config.stack.servers import OPTIONAL, STANDARD, jmx_agent
from config.stack.servers.mongo import Mongo
from tests.support.wait import until

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "deploy" / "ansible"
UNITS = {*STANDARD, *OPTIONAL, "setup", "archiver", "scheduler", "serve"}
pytestmark = pytest.mark.timeout(900)
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=0", re.MULTILINE)


@pytest.fixture(scope="module")
def tools() -> Path:
    """Folder of the programs of deploy/ansible/requirements.lock."""
    lock, environment = PLAYBOOKS / "requirements.lock", ROOT / "state" / "ansible"
    mark, digest = environment / "installed", hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (mark.is_file() and mark.read_text() == digest):
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment], check=True)
        into = {**os.environ, "VIRTUAL_ENV": str(environment)}
        subprocess.run([uv, "pip", "install", "--quiet", "--require-hashes", "-r", lock], check=True, env=into)
        mark.write_text(digest)
    return environment / "bin"


def call(tools: Path, program: str, *arguments: object, check: bool = True) -> str:
    command = [str(tools / program), *map(str, arguments)]
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=PLAYBOOKS,
        env={**os.environ, "PATH": path, "ANSIBLE_HOME": str(ROOT / "state" / "ansible" / "home"), "NO_COLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def play(
    tools: Path, folder: Path, *options: object, inventory: str | Path = "inventory.ini", **values: object
) -> dict[str, int]:
    """Run site.yml into a folder; give the number of changes on each host."""
    given = {
        "trends_prefix": str(folder),
        "trends_manage": False,
        "trends_venv": str(Path(sys.executable).parents[1]),
        "trends_secrets": str(folder / "of-the-controller"),
        "package_install": False,
        **values,
    }
    told = call(tools, "ansible-playbook", "-i", inventory, "site.yml", "-e", json.dumps(given), *options)
    found = RECAP.findall(told)
    assert found, told[-3000:]
    return {host: int(changes) for host, changes in found}


@pytest.fixture(scope="module")
def deployed(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the playbook filled, for servers on free ports."""
    folder = tmp_path_factory.mktemp("ansible")
    tables = private_stack(folder)
    tables["stack"]["cache"] = str(StackPaths.of(StackSettings()).cache)
    (folder / "tables.json").write_text(json.dumps(tables))
    assert play(tools, folder, package_settings=tables)["localhost"] > len(UNITS)
    return folder


def test_the_playbook_passes_the_production_profile_of_ansible_lint(tools: Path) -> None:
    call(tools, "ansible-lint", "--offline", "--profile", "production", "-q", "site.yml")


@pytest.mark.parametrize(
    ("schema", "file"), [("compose-spec", "docker-compose.yml"), ("github-workflows", ".github/workflows/ci.yml")]
)
def test_a_file_for_an_engine_passes_its_schema(tools: Path, schema: str, file: str) -> None:
    call(tools, "check-jsonschema", "--builtin-schema", f"vendor.{schema}", ROOT / file)


def test_every_server_and_service_has_a_unit_that_systemd_takes(deployed: Path) -> None:
    units = sorted((deployed / "etc/systemd/system").iterdir())
    assert {unit.name for unit in units} == {f"trends-{name}.service" for name in UNITS}
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("systemd is not installed")
    told = subprocess.run([analyze, "verify", "--man=no", *units], check=False, capture_output=True, text=True)
    assert not [line for line in told.stderr.splitlines() if "trends-" in line], told.stderr


def test_a_second_run_changes_nothing(tools: Path, deployed: Path) -> None:
    """Of two roles: the others consist of the same tasks."""
    tables = json.loads((deployed / "tables.json").read_text())
    assert play(tools, deployed, "--tags", "trends,mongodb", package_settings=tables) == {"localhost": 0}


def test_a_role_stands_alone_and_a_check_writes_nothing(tools: Path, tmp_path: Path) -> None:
    assert play(tools, tmp_path, "--tags", "hive", "--check")["localhost"] > 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@contextmanager
def started(deployed: Path, unit: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a unit, with its environment file, as systemd would start it."""
    text = (deployed / f"etc/systemd/system/trends-{unit}.service").read_text()
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    file = Path(fields["EnvironmentFile"])
    assert file.stat().st_mode & 0o777 == 0o600
    given = dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TRENDS_")}
    environment = plain | {name: json.loads(value) for name, value in given.items()}
    process = subprocess.Popen(
        shlex.split(fields["ExecStart"]), env=environment, cwd=fields["WorkingDirectory"], start_new_session=True
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def test_a_unit_becomes_its_server(deployed: Path) -> None:
    settings = read(deployed / "etc/trends/trends.toml")
    server = Mongo(settings, StackPaths.of(settings.stack))
    with started(deployed, "mongo") as process:
        until(server.ready)
        assert process.poll() is None


def test_brokers_of_a_cluster_run_from_a_release_and_know_one_another(tools: Path, tmp_path: Path) -> None:
    """Three hosts, each a folder here, and a release with the layout of Kafka's."""
    release = tmp_path / "kafka_2.13-4.3.1" / "bin"
    release.mkdir(parents=True)
    (release / "kafka-server-start.sh").write_text("#!/bin/sh\n")
    with tarfile.open(tmp_path / "kafka.tgz", "w:gz") as archive:
        archive.add(release.parent, "kafka_2.13-4.3.1")
    hosts = ["a.example", "b.example", "c.example"]
    groups = ["kafka", "hadoop", "storm", "mongodb", "postgres", "hive", "trends"]
    local = 'ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"'
    inventory = tmp_path / "inventory.ini"
    members = dict.fromkeys(groups, hosts) | {"monitoring": ["m.example"]}
    inventory.write_text(
        "\n".join(f"[{group}]\n" + "\n".join(f"{host} {local}" for host in of) for group, of in members.items())
    )
    values = {
        "trends_prefix": f"{tmp_path}/{{{{ inventory_hostname }}}}",
        "trends_source": "archive",
        "kafka_archive": (tmp_path / "kafka.tgz").as_uri(),
        "kafka_checksum": f"sha512:{hashlib.sha512((tmp_path / 'kafka.tgz').read_bytes()).hexdigest()}",
    }
    paths = StackPaths.of(StackSettings())
    fetch(jmx_agent.JARS, paths, lambda _: None)
    values["trends_jmx_agent"] = Path(*jmx_agent.JARS.classpath(paths)).as_uri()
    played = play(tools, tmp_path, "--tags", "kafka,monitoring", inventory=inventory, trends_jmx=True, **values)
    assert played.keys() == {*hosts, "m.example"}
    watching = tmp_path / "m.example/etc"
    assert (watching / "systemd/system/trends-prometheus.service").is_file()
    token = (watching / "trends/prometheus/trends-token").stat()
    assert (token.st_mode & 0o777, token.st_size) == (0o600, 0)
    for number, host in enumerate(hosts, 1):
        properties = (tmp_path / host / "etc/trends/server.properties").read_text()
        assert f"node.id={number}\n" in properties
        assert "controller.quorum.voters=1@a.example:9093,2@b.example:9093,3@c.example:9093\n" in properties
        assert "min.insync.replicas=2\n" in properties
        unit = (tmp_path / host / "etc/systemd/system/trends-kafka.service").read_text()
        program = Path(re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)[0])
        assert program.name == "kafka-server-start.sh"
        assert program.is_file()
        settings = read(tmp_path / host / "etc/trends/trends.toml")
        assert settings.kafka.bootstrap == "a.example:9092,b.example:9092,c.example:9092"
        assert settings.kafka.replication == 3
        (option,) = re.findall(
            r'^KAFKA_OPTS="-javaagent:(.*)"$', environment_of(tmp_path / host, "kafka"), re.MULTILINE
        )
        jar, _, rest = option.partition("=")
        assert zipfile.is_zipfile(jar)
        assert rest == f"9404:{tmp_path / host}/etc/trends/jmx-kafka.yml"
        assert "kafka" in Path(rest.partition(":")[2]).read_text()
    assert len({(tmp_path / host / "etc/trends/secrets/postgres_password").read_text() for host in hosts}) == 1


def environment_of(prefix: Path, unit: str) -> str:
    return (prefix / f"etc/trends/env/{unit}.env").read_text()


def test_a_changed_settings_file_restarts_the_units_that_read_it(
    tools: Path, deployed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in the place of systemctl notes what it is told."""
    systemctl, notes = tmp_path / "systemctl", tmp_path / "notes"
    systemctl.write_text(
        f'#!/bin/sh\necho "$@" >>{notes}\n'
        "case $1 in show) printf 'LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n';; esac\n"
    )
    systemctl.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    tables = json.loads((deployed / "tables.json").read_text())

    def restarted() -> list[str]:
        notes.write_text("")
        play(tools, deployed, "--tags", "trends", package_settings=tables, trends_start=True)
        return re.findall(r"^restart trends-(\w+)", notes.read_text(), re.MULTILINE)

    assert restarted() == []
    tables["serve"] = {"port": 8001}
    assert restarted() == ["setup", "archiver", "scheduler", "serve"]


def test_servers_on_loopback_refuse_several_hosts(tools: Path, tmp_path: Path) -> None:
    hosts = "x ansible_connection=local\ny ansible_connection=local\n"
    inventory = tmp_path / "inventory.ini"
    inventory.write_text("[kafka]\n" + hosts)
    told = call(tools, "ansible-playbook", "-i", inventory, "site.yml", "-e", "trends_manage=false", check=False)
    assert "Set trends_source=archive for several" in told
