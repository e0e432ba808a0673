"""A secure stack's files, how settings connect by them, and that no stack changes from plain to secure or back."""

import socket
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pymongo import MongoClient
from pymongo.errors import InvalidOperation, PyMongoError

from config.errors import UsageError
from config.redaction import redact
from config.settings import Settings, TopsSettings
from config.settings.logins import postgres_login
from config.settings.secrets import write_private
from config.settings.secure_stack import SecureFiles
from config.stack import launcher
from config.stack.paths import StackPaths
from config.stack.server import NeedsSetUp
from config.stack.servers import kafka
from config.stack.servers.mongo import Mongo
from config.stack.servers.secure import certificates, kafka_rights, material, mongo_users
from serving.cli import main


def settings_in(folder: Path, secure: bool | None = True, **tables: dict[str, object]) -> Settings:
    return Settings.of({"stack": {"state": str(folder), "secure": secure}, **tables})


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    """The settings of a secure stack that has everything but servers."""
    return launcher.prepare(settings_in(tmp_path))


def test_every_client_of_a_secure_stack_connects_as_its_user_over_tls(tmp_path: Path, made: Settings) -> None:
    files = SecureFiles.of(made.stack)
    write_private(tmp_path / "conf" / "postgres" / "password", "of postgres")
    kafka = made.kafka.connection
    assert (kafka["security.protocol"], kafka["sasl.mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (kafka["sasl.username"], kafka["sasl.password"]) == ("trends", files.password("kafka-trends"))
    uri = made.mongo.uri.get_secret_value()
    assert uri.startswith(f"mongodb://trends:{files.password('mongo-trends')}@127.0.0.1:27017/?replicaSet=rs0&")
    assert "tls=true" in uri
    assert (made.hdfs.url, made.hdfs.ca_file) == ("https://127.0.0.1:9870", files.ca)
    postgres = postgres_login(made)
    assert (postgres["sslmode"], postgres["sslrootcert"]) == ("verify-full", str(files.ca))


def test_later_commands_need_no_option(tmp_path: Path, made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_STACK__STATE", str(tmp_path))
    monkeypatch.setenv("TRENDS_CONFIG", str(tmp_path / "trends.toml"))
    (tmp_path / "trends.toml").write_text("")
    found = Settings.read()
    assert found.stack.secure is None
    assert (found.kafka, found.mongo, found.hdfs) == (made.kafka, made.mongo, made.hdfs)


def test_servers_elsewhere_and_logins_of_the_settings_stay_as_they_are(tmp_path: Path, made: Settings) -> None:
    elsewhere = settings_in(
        tmp_path,
        kafka={"bootstrap": "kafka.example:9092"},
        mongo={"uri": "mongodb://db.example/?replicaSet=rs0"},
        hdfs={"url": "http://hdfs.example:9870", "name_node": "hdfs://hdfs.example:8020"},
    )
    assert elsewhere.with_local_logins() == elsewhere
    own = settings_in(tmp_path, kafka={"conf": {"sasl.username": "me"}}, mongo={"uri": "mongodb://me:pass@localhost/"})
    assert own.with_local_logins().kafka.connection["sasl.username"] == "me"
    assert own.with_local_logins().mongo == own.mongo
    assert Mongo(own.with_local_logins(), StackPaths.of(own.stack)).ports() == []


def test_files_are_for_their_user_alone_and_messages_hold_no_password(made: Settings) -> None:
    files = SecureFiles.of(made.stack)
    found = [path for path in files.folder.rglob("*") if path.is_file()]
    assert len(found) > 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (files.folder, files.folder / "passwords")} == {0o700}
    assert redact(f"bad {files.password('mongo-admin')}") == "bad ***"
    assert files.password("kafka-trends") not in repr(made)


def test_a_certificate_is_renewed_before_it_ends_and_passwords_stay(made: Settings) -> None:
    files = SecureFiles.of(made.stack)
    before, password, ca = material.serial(files), files.password("store"), files.ca.read_text()
    now = certificates.now()
    assert not material.renew(files, now + timedelta(days=300))
    assert material.serial(files) == before
    assert material.renew(files, now + timedelta(days=380))
    assert material.serial(files) != before
    assert (files.password("store"), files.ca.read_text()) == (password, ca)


def test_a_plain_stack_with_data_does_not_become_a_secure_one(tmp_path: Path) -> None:
    (tmp_path / "data" / "kafka" / "posts-0").mkdir(parents=True)
    with pytest.raises(UsageError, match="is plain, and its servers have data: it can't become a secure one"):
        launcher.prepare(settings_in(tmp_path, None), secure=True)
    assert not SecureFiles.of(settings_in(tmp_path).stack).ca.exists()


def test_a_secure_stack_does_not_become_a_plain_one(tmp_path: Path, made: Settings) -> None:
    with pytest.raises(UsageError, match="is secure, and stack"):
        launcher.prepare(settings_in(tmp_path, False))
    assert launcher.prepare(settings_in(tmp_path, None)).kafka == made.kafka


def test_a_plain_stack_gets_no_file(tmp_path: Path) -> None:
    plain = settings_in(tmp_path / "state", None)
    assert launcher.prepare(plain) is plain
    assert not (tmp_path / "state").exists()


def test_hive_is_no_part_of_a_secure_stack(made: Settings) -> None:
    with pytest.raises(UsageError, match="asks nobody for a password"):
        launcher.up(made, ["hive"], lambda *_: None)


def test_rights_are_for_names_of_the_platform_alone(made: Settings) -> None:
    rights = kafka_rights.rights_of(made.kafka)
    assert {name for kind, name, *_ in rights if kind == "TOPIC"} == {"posts", "hashtags", "rejects", "cursors"}
    assert not [right for right in rights if right[1] in ("", "*")]
    assert {act for *_, act in rights} == {"CREATE", "READ", "WRITE"}
    assert "DELETE" in {act for *_, act in kafka_rights.topic_rights(["copies"], clears=True)}
    assert kafka_rights.missing(made, rights) == rights
    assert kafka_rights.rights_of_tops(TopsSettings()) == []
    of_tops = kafka_rights.rights_of_tops(TopsSettings(enabled=True, topic="ranked"))
    assert {name for _, name, *_ in of_tops} == {"ranked", "ranked.reader"}
    assert {act for *_, act in of_tops} == {"CREATE", "READ", "WRITE", "DESCRIBE_CONFIGS"}


def test_a_client_that_gets_no_answer_is_closed(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """`trends up` asks every 0.4 s: each client that stays has threads of its own."""
    opened: list[MongoClient[dict[str, object]]] = []
    monkeypatch.setattr(mongo_users, "ANSWER_MS", 50)
    direct = mongo_users._direct

    def open_one(uri: str) -> MongoClient[dict[str, object]]:
        opened.append(direct(uri))
        return opened[-1]

    monkeypatch.setattr(mongo_users, "_direct", open_one)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PyMongoError):
        mongo_users.owner(SecureFiles.of(made.stack), f"127.0.0.1:{silent.getsockname()[1]}")
    (client,) = opened
    with pytest.raises(InvalidOperation):  # of a closed one
        client.admin.command("ping")


def test_a_name_that_nobody_knows_makes_no_stack_secure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRENDS_STACK__STATE", str(tmp_path / "state"))
    done = CliRunner().invoke(main, ["up", "--secure", "kafak"])
    assert done.exit_code == 2
    assert "no such server or feed: kafak" in done.output
    assert not (tmp_path / "state").exists()


def test_looking_whether_kafka_answers_gives_no_rights(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Settings] = []
    monkeypatch.setattr(kafka, "connects", lambda _: True)

    def give(settings: Settings, _: SecureFiles) -> bool:
        given.append(settings)
        return True

    monkeypatch.setattr(kafka_rights, "give", give)
    broker = kafka.Kafka(made, StackPaths.of(made.stack))
    assert broker.ready()
    assert given == []
    assert isinstance(broker, NeedsSetUp)
    assert broker.set_up()
    assert given == [made]
