"""`trends config`: what it prints is a settings file that says the same, without its secrets."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.settings import Settings
from serving.cli import main

FILE = """
[kafka]
bootstrap = "broker:9092"
[kafka.conf]
"sasl.mechanism" = "PLAIN"
"sasl.password" = "sesame word"
[mongo]
uri = "mongodb://user:sesame@db/?replicaSet=rs0"
[spark.conf]
"spark.executor.memory" = "2g"
"spark.ssl.keyPassword" = "sesame word"
"a \\"b\\" 😀" = "\\u007f"
[rule]
ignore = ["a\\\\b", "😀"]
[rule.aliases]
"rock'n'roll" = "rock"
[hdfs]
earlier = ["/a", "/b"]
[x]
token = "sesame"
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no file of the developer's."""
    monkeypatch.setattr("os.environ", {})
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text", ["", FILE], ids=["defaults", "file"])
def test_what_it_prints_is_toml_that_says_the_same_but_for_secrets(tmp_path: Path, text: str) -> None:
    (tmp_path / "trends.toml").write_text(text, encoding="utf-8")
    before = Settings.read()
    printed = CliRunner().invoke(main, ["config"]).stdout
    assert "sesame" not in printed
    tables = tomllib.loads(printed)
    if text:
        assert printed.count('= "***"') >= 3
        for table, key in (("kafka", "sasl.password"), ("spark", "spark.ssl.keyPassword")):
            assert tables[table]["conf"].pop(key, None) is None
            tables[table]["conf"][key] = "sesame word"
        tables["mongo"]["uri"] = before.mongo.uri
    after = Settings.of(tables)
    assert after.model_dump() == before.model_dump()
    assert after.section("x") == before.section("x").model_copy(update={"token": None})
