"""Values from files: `…_FILE` in the environment and `…_file` in trends.toml, for every setting."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.harness import stack_settings
from config import redaction
from config.errors import UsageError
from config.redaction import redact
from config.settings import Settings, secret_files
from config.settings.secrets import write_private
from config.stack.paths import StackPaths
from config.stack.services import active_settings, settings_environment
from serving.cli.commands.config import settings_in_force

SECRET = "mongodb://me:password-of-mongo@db.example/"


@pytest.fixture(autouse=True)
def settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setattr(secret_files, "_warned", set())
    file = stack_settings.write(tmp_path / "trends.toml", {})
    with stack_settings.use(file):
        yield file


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    write_private(tmp_path / "secret", f"{SECRET}\n")
    return tmp_path / "secret"


@pytest.mark.parametrize(
    "variable",
    [
        "TRENDS_MONGO__URI_FILE",
        "TRENDS_POSTGRES__URL_FILE",
        "TRENDS_SERVE__TOKEN_FILE",
        "TRENDS_KAFKA__CONF__SASL_PASSWORD_FILE",
        "TRENDS_KAFKA__CONF__ssl.key.password_file",
        "TRENDS_SPARK__CONF__spark.hadoop.fs.s3a.secret.key_FILE",
    ],
)
def test_a_variable_names_a_file_whose_content_is_the_value_and_secret(
    variable: str, monkeypatch: pytest.MonkeyPatch, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(variable, str(secret))
    settings = Settings.read()
    assert SECRET in active_settings(settings) + str(settings.serve.token and settings.serve.token.get_secret_value())
    assert redact(SECRET) != SECRET
    assert SECRET not in str(list(settings_in_force(settings)))
    assert caplog.messages == []


def test_the_settings_file_may_name_files_too_and_the_environment_overrides_them(
    monkeypatch: pytest.MonkeyPatch, settings_file: Path, secret: Path
) -> None:
    settings_file.write_text(
        f'[mongo]\nuri_file = "{secret}"\n[kafka.conf]\nsasl.password_file = "{secret}"\n"sasl.username" = "me"\n'
    )
    assert Settings.read().mongo.uri.get_secret_value() == SECRET
    assert Settings.read().kafka.connection["sasl.password"] == SECRET
    shown = settings_in_force(Settings.read())
    assert ("mongo", "uri", "file") in {(each.section, each.key, each.source) for each in shown}
    monkeypatch.setenv("TRENDS_KAFKA__CONF__SASL_PASSWORD", "other")
    assert Settings.read().kafka.connection["sasl.password"] == "other"


def test_a_file_that_the_settings_file_above_names_is_beside_it(
    monkeypatch: pytest.MonkeyPatch, settings_file: Path, secret: Path
) -> None:
    settings_file.write_text(
        f'[mongo]\nuri_file = "{secret.name}"\n[kafka.conf]\nsasl.password_file = "{secret.name}"\n'
        f'"ssl.key.password_FILE" = "{secret.name}"\n[spark.conf]\n"spark.executorEnv.A_FILE" = "as-it-is"\n'
    )
    (settings_file.parent / "below").mkdir()
    with monkeypatch.context() as below:  # ends before the fixture does, which sets TRENDS_CONFIG back
        below.delenv("TRENDS_CONFIG")
        below.chdir(settings_file.parent / "below")
        settings = Settings.read()
    assert settings.mongo.uri.get_secret_value() == SECRET
    assert (settings.kafka.connection["sasl.password"], settings.kafka.connection["ssl.key.password"]) == (SECRET,) * 2
    assert settings.spark.conf["spark.executorEnv.A_FILE"] == "as-it-is"


def test_a_setting_that_is_itself_a_file_stays_one(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    monkeypatch.setenv("TRENDS_POSTGRES__PASSWORD_FILE", str(secret))
    monkeypatch.setenv("TRENDS_KAFKA__CONF__SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE", "/a/key")
    monkeypatch.setenv("TRENDS_SPARK__CONF__spark.executorEnv.AWS_WEB_IDENTITY_TOKEN_FILE", "/a/token")
    settings = Settings.read()
    assert settings.postgres.password_file == secret
    assert settings.kafka.connection["sasl.oauthbearer.assertion.private.key.file"] == "/a/key"
    assert settings.spark.conf["spark.executorEnv.AWS_WEB_IDENTITY_TOKEN_FILE"] == "/a/token"


def test_a_list_in_a_file_is_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "names").write_text('["trends.example"]')
    monkeypatch.setenv("TRENDS_SERVE__NAMES_FILE", str(tmp_path / "names"))
    assert Settings.read().serve.names == ("trends.example",)
    (tmp_path / "names").write_text("hunter2")
    with pytest.raises(UsageError, match=r"serve\.names_file") as told:
        Settings.read()
    assert "hunter2" not in str(told.value)


def test_a_file_that_others_can_read_is_warned_about_once(
    monkeypatch: pytest.MonkeyPatch, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret.chmod(0o644)
    monkeypatch.setenv("TRENDS_MONGO__URI_FILE", str(secret))
    with caplog.at_level(logging.WARNING):
        Settings.read()
        Settings.read()
    assert caplog.messages == [f"every user of this machine can read {secret} (mongo.uri_file): `chmod o= {secret}`"]


def test_a_file_that_is_missing_is_told_by_its_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRENDS_KAFKA__CONF__SASL_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"kafka\.conf\.sasl\.password_file: can't read .*none: No such file"):
        Settings.read()


def test_a_value_and_a_file_of_one_source_are_refused(settings_file: Path, secret: Path) -> None:
    settings_file.write_text(f'[mongo]\nuri = "mongodb://db/"\nuri_file = "{secret}"\n')
    with pytest.raises(UsageError, match="Keep one of the two"):
        Settings.read()


def test_a_child_gets_the_name_of_the_file_and_not_its_content(
    monkeypatch: pytest.MonkeyPatch, secret: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRENDS_MONGO__URI_FILE", str(secret))
    environment = settings_environment(StackPaths(tmp_path / "state", tmp_path))
    assert environment["TRENDS_MONGO__URI_FILE"] == str(secret)
    assert SECRET not in environment.values()


def test_a_child_in_another_folder_finds_the_paths_that_count_from_this_one(
    monkeypatch: pytest.MonkeyPatch, secret: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(secret.parent)
    given = {
        "TRENDS_MONGO__URI_FILE": secret.name,
        "TRENDS_HDFS__CA_FILE": "ca.pem",
        "TRENDS_KAFKA__CONF__SSL_CA_LOCATION": "ca.pem",
        "TRENDS_KAFKA__CONF__SASL_USERNAME": "ca.pem",
        "TRENDS_MONGO__DATABASE": "ca.pem",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    environment = settings_environment(StackPaths(tmp_path / "state", tmp_path))
    whole = {"TRENDS_MONGO__URI_FILE": secret, **dict.fromkeys(list(given)[1:3], secret.parent / "ca.pem")}
    assert {name: environment[name] for name in given} == given | {name: str(path) for name, path in whole.items()}
