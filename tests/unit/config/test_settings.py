"""Settings: where a value comes from, and that nothing is taken in silence."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import UsageError
from config.settings import KafkaSettings, Settings, section_types
from config.settings.field_docs import field_docs
from config.stack import launcher


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no file of the developer's."""
    monkeypatch.setattr("os.environ", {})
    monkeypatch.chdir(tmp_path)


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "trends.toml"
    file.write_text('[kafka]\nbootstrap = "file:1"\nposts = "p-file"\nhashtags = "h-file"\n')
    monkeypatch.setenv("TRENDS_KAFKA__BOOTSTRAP", "env:1")
    monkeypatch.setenv("TRENDS_KAFKA__POSTS", "p-env")
    kafka = Settings.read(kafka={"bootstrap": "flag:1"}).kafka
    assert (kafka.bootstrap, kafka.posts, kafka.hashtags, kafka.rejects) == ("flag:1", "p-env", "h-file", "rejects")


def test_the_variable_that_other_programs_of_kafka_read_names_the_brokers_unless_ours_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "trends.toml").write_text('[kafka]\nbootstrap = "file:1"\n')
    monkeypatch.setenv("BOOTSTRAP_SERVERS", "")
    assert Settings.read().kafka.bootstrap == "file:1"
    monkeypatch.setenv("BOOTSTRAP_SERVERS", "other:1,other:2")
    assert Settings.read().kafka.bootstrap == "other:1,other:2"
    monkeypatch.setenv("TRENDS_KAFKA", '{"bootstrap": "ours:1"}')
    assert Settings.read().kafka.bootstrap == "ours:1"
    monkeypatch.setenv("TRENDS_KAFKA__BOOTSTRAP", "ours:2")
    assert Settings.read().kafka.bootstrap == "ours:2"


def test_an_unknown_key_in_the_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "trends.toml").write_text("[kafka]\nbootstap = 1\n")
    with pytest.raises(UsageError, match="bootstap"):
        Settings.read()


@pytest.mark.parametrize(
    "name", ["TRENDS_KAFKA__BOOTSTAP", "TRENDS_KAFAK__BOOTSTRAP", "TRENDS_KAFKA_BOOTSTRAP", "TRENDS_X"]
)
def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(UsageError):
        Settings.read()


@pytest.mark.parametrize(
    "text", ["[kafka\n", "[kafka]\npartitions = 0\n", '[kafka]\npartitions = "many"\n', "kafka = 3\n"]
)
def test_a_file_that_makes_no_sense_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "trends.toml").write_text(text)
    with pytest.raises(UsageError):
        Settings.read()


def test_a_file_that_is_named_and_missing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match=r"none\.toml"):
        Settings.read()


def test_settings_are_frozen() -> None:
    settings = Settings.read()
    with pytest.raises(ValidationError):
        settings.kafka.posts = "other"  # type: ignore[misc] # that is the point
    with pytest.raises(ValidationError):
        settings.kafka = KafkaSettings()  # type: ignore[misc] # that is the point


def test_secrets_are_not_shown_and_not_in_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_MONGO__URI", "mongodb://me:hunter2@db/")
    settings = Settings.read()
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.mongo.uri.get_secret_value() == "mongodb://me:hunter2@db/"
    monkeypatch.setenv("TRENDS_MONGO__URI", '{"password": "hunter2"}')
    monkeypatch.setenv("TRENDS_MONGO__TIMEOUT_S", "hunter2")
    with pytest.raises(UsageError) as refused:
        Settings.read()
    assert "hunter2" not in str(refused.value)


def test_lists_and_tables_of_the_environment_are_json_and_a_longer_name_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "trends.toml").write_text('[spark.conf]\n"spark.a" = "file"\n"spark.b" = "file"\n')
    monkeypatch.setenv("TRENDS_SPARK__CONF", '{"spark.a": "environment"}')
    monkeypatch.setenv("TRENDS_RULE", '{"ignore": ["ff"], "aliases": {"a": "b"}}')
    monkeypatch.setenv("TRENDS_RULE__IGNORE", '["rt", "日本"]')
    monkeypatch.setenv("TRENDS_STACK__STORM_WORKER_PORTS", "[1, 2]")
    monkeypatch.setenv("TRENDS_BATCH__KEEP", "20")
    settings = Settings.read()
    assert settings.spark.conf == {"spark.a": "environment", "spark.b": "file"}
    assert (settings.rule.ignore, settings.rule.aliases) == (("rt", "日本"), {"a": "b"})
    assert settings.stack.storm_worker_ports == (1, 2)
    assert settings.batch.keep == 20


@pytest.mark.parametrize("name", ["TRENDS_RULE", "TRENDS_RULE__IGNORE", "TRENDS_SPARK__CONF"])
def test_what_is_to_be_json_and_is_not_is_refused_by_name_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hunter2")
    with pytest.raises(UsageError, match=name) as refused:
        Settings.read()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("section", section_types())
def test_every_setting_says_what_it_is_for(section: str) -> None:
    of = section_types()[section]
    told = field_docs(of)
    assert told.keys() == of.model_fields.keys()
    assert all(text.endswith((".", ")", "`")) for text in told.values()), told


def test_the_file_is_looked_for_upwards_and_its_folder_holds_the_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "trends.toml").write_text('[kafka]\nposts = "above"\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    found = Settings.read()
    assert (found.kafka.posts, found.stack.state) == ("above", tmp_path / "state")
    assert found.feeds.folder == tmp_path / "feeds"
    assert found.stack.cache is None
    (below.parent / "trends.toml").write_text('[stack]\nstate = "mine"\n')
    assert Settings.read().stack.state == below.parent / "mine"
    monkeypatch.setenv("TRENDS_STACK__STATE", "typed")
    assert Settings.read().stack.state == Path("typed")
    monkeypatch.setenv("TRENDS_CONFIG", str(tmp_path / "trends.toml"))
    assert Settings.read().kafka.posts == "above"


def test_a_file_above_that_another_user_wrote_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "trends.toml").touch()
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    if (tmp_path / "trends.toml").stat().st_uid == 0:
        os.chown(tmp_path / "trends.toml", 4712, -1)
    monkeypatch.chdir(below)
    with pytest.raises(UsageError, match="belongs to another user"):
        Settings.read()
    monkeypatch.chdir(tmp_path)
    assert Settings.read() == Settings()


def test_an_offset_moves_every_default_port_and_none_that_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "trends.toml").write_text('[stack]\nport_offset = 100\n[hdfs]\nurl = "http://127.0.0.1:5"\n')
    monkeypatch.setenv("TRENDS_STACK__HIVE_PORT", "77")
    found = Settings.read()
    assert (found.kafka.bootstrap, found.hdfs.url) == ("127.0.0.1:9192", "http://127.0.0.1:5")
    assert (found.stack.hive_port, found.serve.port) == (77, 8100)
    monkeypatch.delenv("TRENDS_STACK__HIVE_PORT")
    (tmp_path / "trends.toml").unlink()
    monkeypatch.setenv("TRENDS_STACK__PORT_OFFSET", "100")

    def ports(settings: Settings) -> list[int]:
        servers = [*launcher.servers(settings), *launcher.optional_servers(settings)]
        return [port.number for server in servers for port in server.ports()]

    assert ports(Settings.read()) == [port + 100 for port in ports(Settings())]


@pytest.mark.parametrize("offset", ["-1", "20001", "many"])
def test_an_offset_that_leads_nowhere_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, offset: str) -> None:
    monkeypatch.setenv("TRENDS_STACK__PORT_OFFSET", offset)
    with pytest.raises(UsageError, match=r"stack\.port_offset"):
        Settings.read()


def test_a_section_that_is_no_table_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "trends.toml").write_text("stack = 5\n")
    with pytest.raises(UsageError, match="stack: "):
        Settings.read()


def test_a_link_of_another_user_to_a_file_of_ours_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours, link, below = tmp_path / "ours.toml", tmp_path / "trends.toml", tmp_path / "below"
    ours.touch()
    below.mkdir()
    link.symlink_to(ours)
    if os.geteuid() != 0:
        pytest.skip("only root can make a link of somebody else")
    os.chown(link, 4712, -1, follow_symlinks=False)
    monkeypatch.chdir(below)
    with pytest.raises(UsageError, match="belongs to another user"):
        Settings.read()
