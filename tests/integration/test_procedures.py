"""docs/procedures.md on real servers: backups of each store restored, a topic's settings, a rotated password."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from bson import Int64
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from psycopg import sql
from pydantic import SecretStr

from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.storage.postgres import connect
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from config.errors import TrendsError
from config.settings import Settings
from config.stack import launcher
from config.stack.paths import StackPaths
from ingest.kafka.topics import core_topics, create_topics
from serving.views.store import Store
from tests.support.cli import ROOT
from tests.support.posts import Sender, archive_all, archived, assert_exactly_once, some_posts


@contextmanager
def snapshot(settings: Settings, name: str) -> Iterator[str]:
    """The archive as a snapshot of HDFS keeps it, as `hdfs dfsadmin -allowSnapshot` and `-createSnapshot` make it."""
    root = settings.hdfs.root

    def ask(operation: str, **values: str) -> None:
        given = {"op": operation, "user.name": settings.hdfs.user, **values}
        verb = "DELETE" if operation == "DELETESNAPSHOT" else "PUT"
        requests.request(verb, f"{settings.hdfs.url}/webhdfs/v1{root}", params=given, timeout=30).raise_for_status()

    ask("ALLOWSNAPSHOT")
    ask("CREATESNAPSHOT", snapshotname=name)
    try:
        yield f"{root}/.snapshot/{name}"
    finally:
        ask("DELETESNAPSHOT", snapshotname=name)


def copy(store: HdfsStore, folder: str, to: str) -> None:
    """What `hadoop distcp` does."""
    for entry in store.entries(folder):
        if entry.is_folder:
            store.make_folder(f"{to}/{entry.name}")
            copy(store, f"{folder}/{entry.name}", f"{to}/{entry.name}")
        else:
            store.put(f"{to}/{entry.name}", store.get(f"{folder}/{entry.name}") or b"")


def elsewhere(settings: Settings, root: str) -> Settings:
    return settings.model_copy(update={"hdfs": settings.hdfs.model_copy(update={"root": root})})


def test_a_restored_snapshot_of_the_archive_goes_on_with_what_kafka_has_since(settings: Settings) -> None:
    posts = some_posts(60)
    sender = Sender(settings)
    sender.send(posts[:40])
    archive_all(settings)
    store = HdfsStore(settings.hdfs)
    with snapshot(settings, "monday") as kept:
        sender.send(posts[40:50])
        archive_all(settings)
        restored = elsewhere(settings, f"{settings.hdfs.root}-restored")
        copy(store, kept, restored.hdfs.root)
    store.delete(settings.hdfs.root, everything_below=True)
    assert archived(settings) == 0
    assert archived(restored) == 40
    sender.send(posts[50:])
    assert archive_all(restored).posts == 20
    assert_exactly_once(restored, posts)
    assert ledger_of(restored).identity is not None


def test_a_topic_keeps_the_setting_that_an_operator_gave_it(settings: Settings) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap})
    topic = ConfigResource(ResourceType.TOPIC, settings.kafka.posts)

    def retention() -> str:
        (described,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, settings.kafka.posts)]).values()
        return str(described.result()["retention.ms"].value)

    before = retention()
    entry = ConfigEntry("retention.ms", "1209600000", incremental_operation=AlterConfigOpType.SET)
    topic.add_incremental_config(entry)
    for done in admin.incremental_alter_configs([topic]).values():
        done.result()
    create_topics(settings.kafka, core_topics(settings.kafka))
    assert before != retention() == "1209600000"


def test_a_dump_of_mongodb_restores_every_document_as_it_was(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    environment = stack_settings.environment(settings_file)

    def copy_mongo(verb: str) -> str:
        command = [sys.executable, "-m", "deploy.mongo_copy", verb, str(tmp_path / "dump")]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr.strip()

    with Store(settings.mongo) as store:
        store.prepare()
        database = store.client[settings.mongo.database]
        database.rules.insert_one({"_id": "2", "ignore": ["é"], "at": Int64(5), "n": 7, "weight": 1.5})
        database.runs.insert_many([{"_id": f"r{number}", "hours": list(range(number))} for number in range(2_500)])

        def everything() -> dict[str, list[bytes]]:
            names = database.list_collection_names()
            raw = database.with_options(codec_options=CodecOptions(document_class=RawBSONDocument))
            return {
                name: sorted(bytes(each.raw) for each in raw[name].find()) for name in names if raw[name].find_one()
            }

        before = everything()
        assert copy_mongo("dump") == "2,501 documents"
        assert (tmp_path / "dump").stat().st_mode & 0o777 == 0o700
        database.runs.delete_many({"_id": {"$gt": "r2"}})
        database.rules.update_one({"_id": "2"}, {"$set": {"ignore": []}})
        database.runs.insert_one({"_id": "later"})
        assert copy_mongo("restore") == "2,501 documents"
        assert everything() == before


def test_the_folder_of_postgres_at_rest_is_a_backup(settings_with_postgres: Settings, tmp_path: Path) -> None:
    settings = settings_with_postgres
    data = StackPaths.of(settings.stack).data("postgres")

    def at_rest(do: Callable[[], object]) -> None:
        launcher.down(settings, lambda *_: None, ["postgres"])
        do()
        launcher.up(settings, ["postgres"], lambda *_: None)

    def restore() -> None:
        shutil.rmtree(data)
        shutil.copytree(tmp_path / "backup", data)

    with connect(settings, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    at_rest(lambda: shutil.copytree(data, tmp_path / "backup"))
    with connect(settings, autocommit=True) as connection:
        connection.execute("DROP TABLE kept")
    at_rest(restore)
    with connect(settings) as connection:
        assert connection.execute("SELECT count(*), sum(n) FROM kept").fetchone() == (1000, 500500)


def test_a_rotated_password_is_read_from_its_file_and_open_sessions_go_on(
    settings_with_postgres: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    role = sql.Identifier(f"rotated_{settings_with_postgres.postgres.database}")
    name = role.as_string(None)[1:-1]
    own = settings_with_postgres

    def give(word: str, text: str) -> None:
        with connect(own, "postgres", autocommit=True) as connection:
            connection.execute(sql.SQL(f"{word} ROLE {{}} LOGIN PASSWORD {{}}").format(role, sql.Literal(text)))
        file.write_text(text)

    give("CREATE", "first-password-of-it")
    given = own.postgres.model_copy(
        update={
            "url": SecretStr(f"postgresql://{name}@127.0.0.1:{own.stack.postgres_port}/postgres"),
            "password_file": file,
        }
    )
    client = own.model_copy(update={"postgres": given})
    with connect(client, "postgres", autocommit=True) as open_session:
        give("ALTER", "second-password-of-it")
        assert open_session.execute("SELECT 1").fetchone() == (1,)
    with connect(client, "postgres") as connection:
        assert connection.execute("SELECT current_user").fetchone() == (name,)
    file.write_text("first-password-of-it")
    with pytest.raises(TrendsError, match="authentication failed"):
        connect(client, "postgres")
    with connect(own, "postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(role))
