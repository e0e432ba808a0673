"""`kafka.conf`: its spellings, its secrets, and the options that it refuses."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.harness import stack_settings
from config import redaction
from config.errors import UsageError
from config.redaction import redact
from config.settings import KafkaSettings, Settings
from config.settings.kafka_options import RESERVED, is_secret_option
from config.stack.services import active_settings
from ingest.kafka import client
from serving.cli.commands.config import settings_in_force

PASSWORD = "password-of-a-broker"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setattr(redaction, "_known", set())
    file = stack_settings.write(tmp_path / "trends.toml", {})
    with stack_settings.use(file):
        yield file


def test_every_client_gets_the_options_beside_the_brokers() -> None:
    kafka = KafkaSettings(bootstrap="b:1", conf={"security.protocol": "SASL_SSL", "sasl.password": PASSWORD})
    assert kafka.connection == {
        "bootstrap.servers": "b:1",
        "security.protocol": "SASL_SSL",
        "sasl.password": PASSWORD,
    }


def test_a_name_is_the_same_as_a_shell_exports_it_with_and_without_quotes(
    monkeypatch: pytest.MonkeyPatch, nothing_known: Path
) -> None:
    nothing_known.write_text(
        '[kafka.conf]\nsasl.mechanism = "PLAIN"\n"sasl.username" = "file"\nsasl.password = "file"\n'
        "enable.ssl.certificate.verification = false\nsocket.timeout.ms = 5000\n"
    )
    monkeypatch.setenv("TRENDS_KAFKA__CONF__SASL_PASSWORD", PASSWORD)
    monkeypatch.setenv("TRENDS_KAFKA__CONF__sasl.username", "environment")
    assert Settings.read().kafka.connection == {
        "bootstrap.servers": "127.0.0.1:9092",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "environment",
        "sasl.password": PASSWORD,
        "enable.ssl.certificate.verification": "false",
        "socket.timeout.ms": "5000",
    }


def test_a_password_is_nowhere_but_in_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_KAFKA__CONF", json.dumps({"sasl.password": PASSWORD, "sasl.username": "me"}))
    settings = Settings.read()
    assert PASSWORD not in f"{settings!r} {settings} {settings.model_dump_json()}"
    shown = {each.key: each.value for each in settings_in_force(settings) if each.section == "kafka"}
    assert shown["conf"] == {"sasl.password": "***", "sasl.username": "me"}
    assert redact(PASSWORD) == "***"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("sasl.password", True),
        ("SASL_PASSWORD", True),
        ("sasl.oauthbearer.client.secret", True),
        ("sasl.oauthbearer.config", True),
        ("ssl.key.pem", True),
        ("ssl.key.password", True),
        ("ssl.keystore.password", True),
        ("sasl.oauthbearer.assertion.private.key.passphrase", True),
        ("sasl.oauthbearer.token.endpoint.url", False),
        ("ssl.key.location", False),
        ("ssl.certificate.pem", False),
        ("sasl.username", False),
    ],
)
def test_an_option_is_secret_by_its_name(name: str, secret: bool) -> None:
    assert is_secret_option(name) is secret


@pytest.mark.parametrize("name", [*sorted(RESERVED), "bootstrap.servers", "TRANSACTIONAL_ID"])
def test_an_option_on_which_the_guarantees_rest_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TRENDS_KAFKA__CONF__{name}", "hunter2")
    with pytest.raises(UsageError, match=name.lower().replace("_", r"\.")) as refused:
        Settings.read()
    assert "hunter2" not in str(refused.value)


def test_an_option_that_librdkafka_refuses_is_a_usage_error() -> None:
    builds: tuple[Callable[[KafkaSettings], object], ...] = (
        client.admin,
        lambda kafka: client.consumer(kafka, "any"),
        lambda kafka: client.producer(kafka, {"transactional.id": "any"}),
    )
    for conf, told in (({"ssl.ca.place": "x"}, "ssl.ca.place"), ({"security.protocol": "none"}, "security.protocol")):
        for build in builds:
            with pytest.raises(UsageError, match=told):
                build(KafkaSettings.model_validate({"conf": conf}))


def test_programs_restart_when_a_password_changes() -> None:
    told = [
        active_settings(Settings(kafka=KafkaSettings.model_validate({"conf": {"sasl.password": password}})))
        for password in ("one", "two", "two")
    ]
    assert told[0] != told[1] == told[2]
