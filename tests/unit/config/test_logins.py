"""Logins: where a password comes from, and that no message and no command shows it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.harness import stack_settings
from config import redaction
from config.errors import UsageError
from config.redaction import redact
from config.settings import Settings, secrets, section_types
from config.settings.logins import hive_login, local_password_file, postgres_address, postgres_login
from config.stack import launcher
from config.stack.services import active_settings
from serving.cli.commands.config import settings_in_force

SECRET = "p@ss/word-of-a-role"
URL = "postgresql://reader:p%40ss%2Fword-of-a-role@db.example:6543/weather?sslmode=verify-full"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_known", set())
    with stack_settings.use(stack_settings.write(tmp_path / "trends.toml", {})):
        yield


def reading(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"TRENDS_{name}", value)
    return Settings.read()


def test_a_url_gives_every_part_of_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = reading(monkeypatch, POSTGRES__URL=URL)
    assert postgres_login(settings) == {
        "host": "db.example", "port": "6543", "user": "reader", "password": SECRET, "dbname": "weather",
        "sslmode": "verify-full",
    }  # fmt: skip
    assert postgres_login(settings, "other")["dbname"] == "other"
    assert postgres_address(settings) == "db.example:6543"


def test_the_local_server_has_a_password_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = reading(monkeypatch, STACK__STATE=str(tmp_path), STACK__POSTGRES_PORT="20001")
    secrets.write_private(local_password_file(settings.stack), SECRET)
    login = postgres_login(settings)
    assert (login["host"], login["port"], login["dbname"]) == ("127.0.0.1", "20001", "trends")
    assert login["password"] == SECRET
    assert redact(f"no {SECRET}") == "no ***"


@pytest.mark.parametrize("url", ["db.example", "mysql://db.example/a", "postgresql://db.example/?nothing=such"])
def test_what_is_no_url_is_refused_without_its_text(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    settings = reading(monkeypatch, POSTGRES__URL=f"{url}&password={SECRET}")
    with pytest.raises(UsageError, match=r"postgres\.url: not a PostgreSQL URL") as refused:
        postgres_login(settings)
    assert SECRET not in str(refused.value)


def test_a_file_gives_a_password_without_the_end_of_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{SECRET}\r\n")
    file = str(tmp_path / "password")
    settings = reading(
        monkeypatch, POSTGRES__URL="postgresql://a@b/c", POSTGRES__PASSWORD_FILE=file, HIVE__PASSWORD_FILE=file
    )
    assert postgres_login(settings)["password"] == hive_login(settings)["password"] == SECRET
    assert redact(f"no {SECRET}") == "no ***"
    missing = reading(monkeypatch, HIVE__PASSWORD_FILE=str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"hive\.password_file: can't read .*: No such file"):
        hive_login(missing)


def test_a_hiveserver2_is_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hive_login(Settings.read()) == {
        "host": "127.0.0.1",
        "port": 10000,
        "user": "trends",
        "auth_mechanism": "PLAIN",
    }
    other = reading(monkeypatch, HIVE__URI="hive.example:10001", HIVE__AUTH="nosasl", HIVE__USER="me")
    assert hive_login(other) == {"host": "hive.example", "port": 10001, "user": "me", "auth_mechanism": "NOSASL"}
    for uri in ("hive.example", "hive.example:many", "jdbc:hive2://hive.example:10000"):
        with pytest.raises(UsageError, match=r"hive\.uri"):
            hive_login(reading(monkeypatch, HIVE__URI=uri))


def test_the_password_of_a_url_is_secret_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = reading(monkeypatch, POSTGRES__URL=URL)
    assert redact(f"{SECRET} p%40ss%2Fword-of-a-role {URL}") == "*** *** ***"
    shown = [each for each in settings_in_force(settings) if each.section == "postgres"]
    assert {each.key: each.value for each in shown}["url"] == "***"
    assert SECRET not in json.dumps([str(each) for each in shown]) + repr(settings)
    assert secrets.is_secret("TRENDS_POSTGRES__URL", section_types())
    assert not secrets.is_secret("TRENDS_POSTGRES__DATABASE", section_types())


def test_a_service_starts_anew_with_another_url(monkeypatch: pytest.MonkeyPatch) -> None:
    first = active_settings(reading(monkeypatch, POSTGRES__URL=URL))
    assert active_settings(reading(monkeypatch, POSTGRES__URL=URL)) == first
    assert active_settings(reading(monkeypatch, POSTGRES__URL=URL.replace("word", "WORD"))) != first


def test_hive_brings_the_servers_that_it_needs() -> None:
    assert launcher.with_needs(["hive", "kafka"]) == ["hive", "kafka", "postgres", "namenode", "datanode"]
    assert launcher.with_needs(["namenode"]) == ["namenode"]
    assert launcher.with_needs([]) == []
