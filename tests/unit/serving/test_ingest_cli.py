"""`trends ingest` and `trends rejects`: what is typed, before any server is asked."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config.errors import UsageError
from config.settings import Settings
from serving.cli import main
from serving.cli.commands.ingest import ingest
from serving.cli.commands.rejects import rejects


def typed(*words: str) -> Result:
    return CliRunner().invoke(ingest, words, obj=Settings(kafka={"bootstrap": "127.0.0.1:1"}), **main.context_settings)


@pytest.mark.parametrize("rate", ["0", "fast", "-1", "5/min", "1e3", "٣"])
def test_a_rate_that_makes_no_sense_is_refused(rate: str) -> None:
    result = typed("sample", "--rate", rate)
    assert result.exit_code == 2
    assert "500/s" in result.output


@pytest.mark.parametrize(
    "words",
    [("file",), ("file", "x.csv", "--format", "xml"), ("file", "x.csv", "--limit", "0"), ("sample", "--posts", "0"),
     ("sample", "--end", "soon"), ("sample", "--hours", "x"), ("mastodon",),
     ("x", "--backfill", "6"), ("jetstream", "--limit", "0")],
)  # fmt: skip
def test_what_can_not_be_understood_is_a_usage_error(words: tuple[str, ...]) -> None:
    assert typed(*words).exit_code == 2


def test_a_file_that_is_not_there_is_said_before_any_server_is_asked(tmp_path: Path) -> None:
    result = typed("file", str(tmp_path / "none.csv"))
    assert isinstance(result.exception, UsageError)
    assert "none.csv" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x", "--sample"), "TRENDS_X__TOKEN"),
        (("x", "--sample", "--rule", "cats"), "--sample takes no --rule"),
        (("mastodon", "--server", "https://a.example"), "TRENDS_MASTODON__TOKEN"),
        (("jetstream", "--since", "whenever"), "whenever"),
        (("jetstream", "--since", "2099-01-01"), "2099-01-01"),
        (("jetstream", "--since", "5000w"), "5000w"),
        (("jetstream", "--zstd-dictionary", "none"), "none: can't be read"),
    ],
)
def test_what_a_live_service_lacks_is_said_before_any_server_is_asked(words: tuple[str, ...], said: str) -> None:
    result = typed(*words)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


@pytest.mark.parametrize("place", ["x", "1", "0@", "@1", "-1@2", "0@9999999999999999999999"])
def test_a_place_that_is_none_is_refused_with_an_example(place: str) -> None:
    result = CliRunner().invoke(rejects, ["show", "--", place], obj=Settings(), **main.context_settings)
    assert isinstance(result.exception, UsageError)
    assert "0@12" in str(result.exception)
