"""Secrets: no message holds one, no child finds one in its environment, and who needs one reads it from a file."""

import json
import logging
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.harness import stack_settings
from config import redaction
from config.errors import TrendsError, UsageError
from config.redaction import RedactingFormatter, redact
from config.settings import Settings, secrets, section_types
from config.stack.paths import StackPaths
from config.stack.server import Program
from config.stack.services import pass_secrets_on, settings_environment
from serving.cli.commands.config import settings_in_force

URI = "mongodb://reader:p%40ss%2Fword@db.example:27017/?replicaSet=rs0&authSource=admin"
TOKEN = "token-of-a-dashboard"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_known", set())
    with stack_settings.use(stack_settings.write(tmp_path / "trends.toml", {})):
        yield


def test_an_error_holds_no_secret_of_the_settings_in_any_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_MONGO__URI", URI)
    monkeypatch.setenv("TRENDS_SERVE__TOKEN", TOKEN)
    Settings.read()
    error = TrendsError(f"no {URI}", where=f"at {TOKEN}", next_step="try p@ss/word or p%40ss%2Fword or reader:")
    assert str(error) == "at ***: no ***. try *** or *** or reader:"
    assert (error.what, error.where) == ("no ***", "at ***")


def test_settings_that_are_refused_are_known_secrets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_X", json.dumps({"token": "token-of-x", "nothing_such": 1}))
    with pytest.raises(UsageError):
        Settings.read()
    assert redact("token-of-x") == "***"


def test_a_connection_string_without_credentials_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    options = "replicaSet=rs0&tlsCertificateKeyFilePassword=abcd"
    monkeypatch.setenv("TRENDS_MONGO__URI", f"mongodb://db.example:27017/?{options}")
    Settings.read()
    assert redact("mongodb://db.example:27017/ rs0 abcd") == "mongodb://db.example:27017/ rs0 ***"


def test_a_log_line_holds_no_secret_not_even_in_its_traceback() -> None:
    redaction.remember(TOKEN)
    try:
        raise ValueError(f"bad {TOKEN}")
    except ValueError:
        record = logging.LogRecord("any", logging.ERROR, "", 0, "at %s", (TOKEN,), sys.exc_info())
    line = RedactingFormatter("%(message)s").format(record)
    assert TOKEN not in line
    assert "at ***" in line
    assert "ValueError: bad ***" in line


def test_what_another_program_said_is_redacted_in_the_error_that_shows_it() -> None:
    redaction.remember(TOKEN)
    program = Program([sys.executable, "-c", f"import sys; sys.exit('environment: {TOKEN}')"])
    with pytest.raises(TrendsError, match=r"environment: \*\*\*"):
        program.run("any")


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("TRENDS_MONGO__URI", True),
        ("TRENDS_MONGO", True),
        ("TRENDS_SERVE__TOKEN", True),
        ("TRENDS_SPARK__CONF__spark.hadoop.fs.s3a.secret.key", True),
        ("TRENDS_SPARK__CONF__kafka.sasl.jaas.config", True),
        ("TRENDS_SPARK__CONF", True),
        ("TRENDS_SPARK__CONF__spark.cores.max", False),
        ("TRENDS_SPARK__MASTER", False),
        ("TRENDS_MONGO__DATABASE", False),
        ("TRENDS_KAFKA", True),
        ("TRENDS_KAFKA__CONF", True),
        ("TRENDS_KAFKA__CONF__SASL_PASSWORD", True),
        ("TRENDS_KAFKA__CONF__ssl.key.pem", True),
        ("TRENDS_KAFKA__CONF__SSL__KEY__PEM", True),
        ("TRENDS_KAFKA__CONF__SASL_USERNAME", False),
        ("TRENDS_KAFKA__BOOTSTRAP", False),
        ("TRENDS_MONGO__URI_FILE", False),
        ("AWS_SECRET_ACCESS_KEY", False),
    ],
)
def test_a_variable_is_secret_by_the_settings_that_it_gives(variable: str, secret: bool) -> None:
    assert secrets.is_secret(variable, section_types()) is secret


def test_a_server_gets_no_setting_but_those_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_SERVE__TOKEN", TOKEN)
    given = Program(["any"], {"TRENDS_CONFIG": "file"}).full_environment()
    assert {name: value for name, value in given.items() if name.startswith("TRENDS_")} == {"TRENDS_CONFIG": "file"}


def test_a_service_reads_the_secrets_that_it_needs_from_a_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRENDS_MONGO__URI", URI)
    monkeypatch.setenv("TRENDS_SERVE__TOKEN", TOKEN)
    monkeypatch.setenv("TRENDS_KAFKA__POSTS", "other")
    monkeypatch.setenv("BOOTSTRAP_SERVERS", "b1.example:9092")
    paths = StackPaths(tmp_path / "state", tmp_path)
    pass_secrets_on(paths)
    environment = settings_environment(paths)
    assert environment["BOOTSTRAP_SERVERS"] == "b1.example:9092"
    assert URI not in environment.values()
    assert TOKEN not in environment.values()
    file = Path(environment[secrets.FILE] or "")
    assert file.stat().st_mode & 0o077 == 0
    assert TOKEN not in file.read_text()
    code = "import config.settings as c; s = c.Settings.read(); print(s.mongo.uri.get_secret_value(), s.kafka.posts)"
    child = Program([sys.executable, "-c", code], environment)
    told = subprocess.run(child.command, env=child.full_environment(), capture_output=True, text=True, check=True)
    assert told.stdout.split() == [URI, "other"]
    monkeypatch.delenv("TRENDS_MONGO__URI")
    pass_secrets_on(paths)
    assert not file.exists()
    assert secrets.FILE not in settings_environment(paths)


def test_a_file_of_secrets_that_is_none_is_told_without_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken").write_text(f'["{TOKEN}"')
    monkeypatch.setenv(secrets.FILE, str(tmp_path / "broken"))
    with pytest.raises(UsageError, match=secrets.FILE) as told:
        Settings.read()
    assert TOKEN not in str(told.value)


def test_a_variable_counts_more_than_the_file_of_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secrets.write_private(tmp_path / "file", json.dumps({"TRENDS_MONGO__URI": URI}))
    monkeypatch.setenv(secrets.FILE, str(tmp_path / "file"))
    assert Settings.read().mongo.uri.get_secret_value() == URI
    monkeypatch.setenv("TRENDS_MONGO__URI", "mongodb://127.0.0.1:1/")
    assert Settings.read().mongo.uri.get_secret_value() == "mongodb://127.0.0.1:1/"


def test_the_configuration_hides_secrets_of_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = {"spark.hadoop.fs.s3a.secret.key": "very-secret", "spark.cores.max": "2"}
    monkeypatch.setenv("TRENDS_SPARK__CONF", json.dumps(conf))
    shown = {each.key: each.value for each in settings_in_force(Settings.read()) if each.section == "spark"}
    assert shown["conf"] == {"spark.hadoop.fs.s3a.secret.key": "***", "spark.cores.max": "2"}
    assert redact("very-secret") == "***"


def test_the_fingerprint_of_a_program_does_not_give_a_password_away(tmp_path: Path) -> None:
    """With the same text, another state folder has another fingerprint: nobody can try passwords against it."""
    first, second = StackPaths(tmp_path / "one", tmp_path), StackPaths(tmp_path / "two", tmp_path)
    assert first.fingerprint("password") == first.fingerprint("password")
    assert first.fingerprint("password") != second.fingerprint("password")
    assert (tmp_path / "one" / "supervisor" / "key").stat().st_mode & 0o077 == 0


def test_threads_that_write_one_private_file_do_not_meet(tmp_path: Path) -> None:
    """Services that `trends up` prepares side by side leave the same secrets."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: secrets.write_private(tmp_path / "own" / "file", TOKEN), range(400)))
    (file,) = (tmp_path / "own").iterdir()
    assert (file.name, file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("file", TOKEN, 0o600)


def test_a_private_file_that_can_not_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "own" / "folder").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        secrets.write_private(tmp_path / "own" / "folder", TOKEN)
    assert [each.name for each in (tmp_path / "own").iterdir()] == ["folder"]
