"""Adoption of `params.json` and `config.json`: each key becomes something or is named, and no secret is shown."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from config.errors import UsageError
from config.settings import Settings
from ingest.feeds.declaration.adoption import Adoption, adopt
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import HiveSink, PostRecords

PARAMS = {
    "topic": "Tweets.1", "host_hive": "hive.example", "user_hive": "etl", "password_hive": "sesame-7",
    "database_hive": "social", "table_hive": "Tweets", "lenght_bloc": 31, "cluster": "b1.example,b2.example:9093",
    "server_port": "6667", "zookieper_port": 2181, "log_file": "logger_kafka/producer.log", "colour": "red",
}  # fmt: skip
CONFIG = {"CONSUMER_KEY": "ck-sesame", "CONSUMER_SECRET": "cs-sesame", "ACCESS_TOKEN": "at-sesame"}


def adoption(folder: Path, *contents: Any) -> Adoption:
    files = []
    for number, content in enumerate(contents):
        file = folder / f"{number}.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        files.append(file)
    return adopt(files)


def test_the_recipes_files_become_a_feed_and_settings(tmp_path: Path) -> None:
    found = adoption(tmp_path, PARAMS, CONFIG)
    path = tmp_path / "mine.toml"
    path.write_text(found.text)
    feed = FeedFile(path).feed({"tag": "bigdata"}, {}).declaration
    assert feed.topic is not None
    assert isinstance(feed.source, PostRecords)
    assert isinstance(feed.sinks["hive"], HiveSink)
    assert (feed.topic.name, feed.source.from_, feed.source.tag) == ("Tweets.1", "x", "bigdata")
    assert (feed.sinks["hive"].table, feed.sinks["hive"].packet.messages) == ("tweets", 31)
    comments = "\n".join(line.removeprefix("#   ") for line in found.text.splitlines() if line.startswith("#   "))
    tables = tomllib.loads(comments)
    Settings.of(tables)
    assert tables == {
        "kafka": {"bootstrap": "b1.example:6667,b2.example:9093"},
        "hive": {"uri": "hive.example:10000", "user": "etl", "database": "social"},
    }


def test_each_key_is_in_the_report_and_an_unknown_one_by_name(tmp_path: Path) -> None:
    found = adoption(tmp_path, PARAMS, CONFIG)
    assert [each.key for each in found.report] == [*PARAMS, *CONFIG]
    assert [each.key for each in found.unknown] == ["colour"]
    became = {each.key: each.became for each in found.report}
    assert became["lenght_bloc"] == "sinks.hive.packet.messages"
    assert "ZooKeeper" in became["zookieper_port"]
    assert "hive.password_file" in became["password_hive"]
    assert "x.token_file" in became["CONSUMER_SECRET"]


def test_no_secret_is_in_the_file_or_the_report(tmp_path: Path) -> None:
    found = adoption(tmp_path, PARAMS, {"twitter": CONFIG})
    assert "sesame" not in found.text + str(found.report)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topic", 'x"\n[source]'), ("table_hive", "a; DROP TABLE b"), ("host_hive", "h/../x"), ("cluster", "a b:x"),
        ("cluster", 'b"'), ("lenght_bloc", -5), ("lenght_bloc", "many"), ("server_port", 70_000), ("user_hive", "a\nb"),
        ("database_hive", "sesame-7 in a wrong place"),
    ],
)  # fmt: skip
def test_a_value_that_can_not_be_is_refused_by_its_key_and_never_shown(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(UsageError) as error:
        adoption(tmp_path, {key: value})
    assert key in str(error.value)
    assert str(value) not in str(error.value).replace(str(tmp_path), "")


@pytest.mark.parametrize("content", ["", "[1]", '{"password_hive": "sesame-7"', "\x00"])
def test_a_file_that_is_no_json_object_is_refused_without_its_content(tmp_path: Path, content: str) -> None:
    with pytest.raises(UsageError, match="no JSON object") as error:
        adoption(tmp_path, content)
    assert "sesame" not in str(error.value)
    with pytest.raises(UsageError, match="can't read it"):
        adopt([tmp_path / "none.json"])
