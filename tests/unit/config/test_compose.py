"""docker-compose.yml and the image: what can be said of them without an engine."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.harness.stack_settings import read
from config.stack.jars import postgres_build
from config.stack.servers import kafka, storm
from ingest.hours import wall_clock
from serving.dashboard.http.auth import Authenticator

ROOT = Path(__file__).parents[3]
Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read_in: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return read_in


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    return found


def test_every_published_port_is_on_loopback(services: dict[str, Service]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)
    assert len({port.split(":")[1] for port in published}) == len(published)


def test_every_service_that_stays_has_a_health_check(services: dict[str, Service]) -> None:
    waited_for = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert waited_for == {"setup", "replica-set", "secrets"}
    for name, service in services.items():
        assert name in waited_for or service["healthcheck"]["test"], name


def test_every_image_is_pinned_by_a_version(services: dict[str, Service]) -> None:
    for name, service in services.items():
        assert re.search(r":v?\d+\.\d+(\.\d+)?$", service["image"]), name
    base = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert all(re.search(r":\d+\.\d+\.\d+", image) for image in base)


def test_mongo_is_of_a_release_series_that_its_maker_still_mends(services: dict[str, Service]) -> None:
    """8.0 gets patches until October 2029; 8.0.17 is its first without CVE-2025-14847."""
    images = {service["image"] for name, service in services.items() if name.startswith("mongo")}
    assert len(images) == 1
    version = tuple(map(int, images.pop().removeprefix("mongo:").split(".")))
    assert version[:2] == (8, 0)
    assert version >= (8, 0, 17)


def test_postgres_has_the_version_and_the_file_of_the_local_one_and_waits_for_its_profile(
    services: dict[str, Service],
) -> None:
    postgres = services["postgres"]
    assert f"{postgres['image'].removeprefix('postgres:')}.0" == postgres_build.VERSION
    assert any("config/postgres/postgresql.conf" in volume for volume in postgres["volumes"])
    assert postgres["profiles"] == services["hive"]["profiles"] == ["feeds"]


def test_every_mounted_file_exists_and_is_read_only(compose: dict[str, Any], services: dict[str, Service]) -> None:
    for service in services.values():
        for volume in service.get("volumes", []):
            source, _, mode = volume.partition(":")
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert mode.endswith(":ro"), volume
            else:
                assert source in compose["volumes"], volume


def test_whoever_is_waited_for_exists(services: dict[str, Service]) -> None:
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] != "service_healthy" or "healthcheck" in services[name]


def test_three_brokers_share_the_file_of_the_local_one_and_need_two_in_sync(services: dict[str, Service]) -> None:
    brokers = [service for service in services.values() if service["image"] == f"apache/kafka:{kafka.JARS.version}"]
    assert len(brokers) == 3
    assert len({broker["environment"]["KAFKA_NODE_ID"] for broker in brokers}) == 3
    for broker in brokers:
        assert broker["environment"]["KAFKA_MIN_INSYNC_REPLICAS"] == 2
        assert any("config/kafka/server.properties" in volume for volume in broker["volumes"])


def test_storm_has_the_version_of_the_local_one() -> None:
    assert f"FROM storm:{storm.VERSION} " in (ROOT / "deploy" / "Dockerfile").read_text()


def test_the_settings_of_the_services_name_services(services: dict[str, Service]) -> None:
    settings = read(ROOT / "deploy" / "trends.toml")
    assert settings.kafka.replication == 3
    text = (ROOT / "deploy" / "trends.toml").read_text()
    named = set(re.findall(r"([a-z][a-z0-9-]*):\d+", text)) - {"http", "hdfs"}
    assert named
    assert named <= services.keys()
    assert tomllib.loads(text)["storm"]["nimbus"] == "nimbus:6627"


def test_the_image_holds_what_it_copies() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.*)", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source in let_in, source


def test_docker_compose_takes_the_file() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], check=False, capture_output=True).returncode:
        pytest.skip("docker has no compose plugin here")
    told = subprocess.run(
        [docker, "compose", "-f", ROOT / "docker-compose.yml", "config", "-q"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr


def test_the_dashboard_answers_to_the_name_by_which_prometheus_calls_it(services: dict[str, Service]) -> None:
    names = frozenset(read(ROOT / "deploy" / "trends.toml").serve.names)
    targets = yaml.safe_load((ROOT / "deploy" / "compose" / "targets" / "trends.yml").read_text())
    for target in (target for group in targets for target in group["targets"]):
        assert target.split(":")[0] in services
        assert Authenticator(None, names, wall_clock).is_own_host(target)
