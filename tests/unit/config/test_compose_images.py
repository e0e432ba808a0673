"""docker-compose.yml against what its images say of themselves: commands, health checks, ports, paths and variables."""

import re
import shlex
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.cli import COMMANDS

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
IMAGES = {
    facts["image"]: facts for facts in tomllib.loads((ROOT / "tests" / "fixtures" / "images.toml").read_text()).values()
}


def facts_of(service: str) -> dict[str, Any]:
    facts: dict[str, Any] = IMAGES[SERVICES[service]["image"].rpartition(":")[0]]
    return facts


def fits(text: str, patterns: list[str]) -> bool:
    return any(re.fullmatch(pattern, text) for pattern in patterns)


def test_images_that_no_service_has_are_not_described() -> None:
    assert {service["image"].rpartition(":")[0] for service in SERVICES.values()} == IMAGES.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_asks_of_its_image_what_that_has(service: str) -> None:
    facts, asked = facts_of(service), SERVICES[service]
    command = asked.get("command")
    assert command is None or fits(command[0].split()[0], facts["commands"]), command
    if health := asked.get("healthcheck"):
        form, *words = health["test"]
        programs = [words[0]] if form == "CMD" else [part.split()[0] for part in words[0].split(" | ")]
        assert set(programs) <= {*facts["programs"]}, health
    for port in asked.get("ports", []):
        assert int(port.split(":")[-1]) in facts["ports"], port
    for volume in asked.get("volumes", []):
        assert fits(volume.split(":")[1], facts["paths"]), volume
    for variable in asked.get("environment", {}):
        assert fits(variable, facts["variables"]), variable


@pytest.mark.parametrize("service", [name for name, each in SERVICES.items() if each["image"].startswith("trends:")])
def test_a_command_of_ours_exists(service: str) -> None:
    words = SERVICES[service]["command"]
    text = " ".join(words)
    if "trends " in text:
        called = text[text.rindex("trends ") :].split()[1]
        assert any(called in group for group in COMMANDS.values()), called
    if words[:2] == ["python", "-m"]:
        assert (ROOT / f"{words[2].replace('.', '/')}.py").is_file()


def test_a_service_is_in_a_profile_and_waits_for_none_that_this_profile_leaves_out() -> None:
    for name, service in SERVICES.items():
        assert set(service["profiles"]) <= {"core", "feeds", "monitoring"}, name
        for other in service.get("depends_on", {}):
            assert set(service["profiles"]) <= set(SERVICES[other]["profiles"]), f"{name} waits for {other}"


def test_our_image_runs_as_a_user_without_rights_but_for_the_one_that_writes_into_new_volumes() -> None:
    assert "\nUSER trends\n" in (ROOT / "deploy" / "Dockerfile").read_text()
    for name, service in SERVICES.items():
        if service["image"].startswith("trends:"):
            assert service["cap_drop"] == ["ALL"]
            assert ("user" in service) == (name == "secrets"), name


def check_of(service: str) -> list[str]:
    form, *words = SERVICES[service]["healthcheck"]["test"]
    assert form == "CMD"
    return [str(word) for word in words]


@pytest.mark.parametrize(("service", "port"), [("kafka1", 9092), ("nimbus", 6627)])
def test_a_health_check_of_a_port_asks_whether_somebody_listens(service: str, port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = [word.replace(f"/{port}", f"/{server.getsockname()[1]}") for word in check_of(service)]
        assert here != check_of(service)
        assert subprocess.run(here, check=False).returncode == 0
    assert subprocess.run(here, check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize(("status", "is_healthy"), [("200 OK", True), ("503 Service Unavailable", False)])
def test_the_dashboard_is_healthy_while_it_is_ready(status: str, is_healthy: bool) -> None:
    *shell, script = check_of("serve")
    with socket.create_server(("127.0.0.1", 0)) as server:
        check = subprocess.Popen([*shell, script.replace("/8000", f"/{server.getsockname()[1]}")])
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            assert [next(lines) for _ in range(3)] == [b"GET /readyz HTTP/1.0\r\n", b"Host: localhost\r\n", b"\r\n"]
            connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        assert (check.wait(30) == 0) == is_healthy


@pytest.mark.parametrize(("service", "port"), [("archiver", 9092), ("scheduler", 27017)])
def test_a_service_of_ours_is_healthy_while_it_is_connected(service: str, port: int) -> None:
    assert f":{port:04X} 01 " in check_of(service)
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = server.getsockname()[1]
        here = [word.replace(f":{port:04X} ", f":{there:04X} ") for word in check_of(service)]
        assert subprocess.run(here, check=False).returncode == 1
        with socket.create_connection(("127.0.0.1", there)):
            assert subprocess.run(here, check=False).returncode == 0


def test_zookeepers_check_wants_its_answer() -> None:
    *shell, script = check_of("zookeeper")
    with socket.create_server(("127.0.0.1", 0)) as server:
        running = subprocess.Popen([*shell, script.replace("/2181", f"/{server.getsockname()[1]}")])
        connection, _ = server.accept()
        with connection:
            assert connection.recv(16) == b"ruok\n"
            connection.sendall(b"imok")
        assert running.wait(30) == 0


def test_secrets_are_made_once_and_are_long(tmp_path: Path) -> None:
    for name in ("token", "postgres_password"):
        (tmp_path / name).mkdir()
    script = [str(ROOT / "deploy" / "compose" / "generate-secrets.sh"), str(tmp_path)]
    made = []
    for _ in range(2):
        subprocess.run(["sh", *script], check=True)
        made.append({name: (tmp_path / name / name).read_text().strip() for name in ("token", "postgres_password")})
    assert made[0] == made[1]
    assert len(set(made[0].values())) == 2
    assert all(re.fullmatch(r"[\w-]{32}", secret) for secret in made[0].values())
    assert (tmp_path / "token" / "token").stat().st_mode & 0o777 == 0o444
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, *_ = volume.split(":")
            if target.startswith("/generated/"):
                assert target.rpartition("/")[2].replace("_", "-") == source


def test_no_secret_stands_in_a_command_or_a_variable() -> None:
    for service in SERVICES.values():
        assert not re.search(r"(PASSWORD|TOKEN)=", shlex.join(service.get("command") or []))
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|TOKEN", name) or str(value).startswith("/run/generated/"), name


def test_prometheus_reads_every_file_that_its_configuration_names() -> None:
    configuration = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    mounted = {volume.split(":")[1] for volume in SERVICES["prometheus"]["volumes"]}
    assert {f"/config/{name}" for name in configuration["rule_files"]} < mounted
    jobs = {job["job_name"] for job in configuration["scrape_configs"]}
    for targets in sorted((ROOT / "deploy/compose/targets").iterdir()):
        assert targets.stem in jobs
        for group in yaml.safe_load(targets.read_text()):
            assert all(target.split(":")[0] in SERVICES for target in group["targets"])
