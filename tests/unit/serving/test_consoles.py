"""What a terminal shows of data is that data: no word in brackets is a style to it, and no `:word:` a picture."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from rich.columns import Columns
from rich.table import Table

from batch_layer.publish import Change
from batch_layer.runner import Done, Outcome
from config.stack.doctor import Finding
from ingest.hours import Hour
from serving.cli import main
from serving.cli.batch_output import show as show_outcome
from serving.cli.commands.archive import _show as show_summary
from serving.cli.commands.status import _show as show_status
from serving.cli.consoles import console

HOSTILE = ["trends[local]", "[bold]loud[/bold]", "[/]", "[link=http://x]y[/link]", ":boom:", "[red", "a [0] b", "\\[x]"]


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("text", HOSTILE)
def test_doctor_shows_what_to_do_letter_by_letter(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    found = [Finding(text, "wrong", f"found {text}", f"`pip install '{text}'`")]
    monkeypatch.setattr("config.stack.doctor.examine", lambda _: found)
    told = CliRunner().invoke(main, ["doctor"])
    assert told.exit_code == 1, told.output
    for part in (text, f"found {text}", f"`pip install '{text}'`"):
        assert part in told.stdout
    assert json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)[0]["subject"] == text


def status_of(text: str) -> dict[str, Any]:
    source = {
        "name": text, "state": "failed", "since": "2017", "behind_s": 1, "gaps": [{"until": text}], "where": text,
        "why": text,
    }  # fmt: skip
    run = {"hours_done": 1, "hours_planned": 2, "posts": 3, "kind": text, "state": text, "started_at": "", "rule": text}
    server = {"name": text, "state": "ready", "address": text, "memory_mb": 1}
    return {
        "servers": [server],
        "sources": [source],
        "speed": {"error": text},
        "archive": {"topic": text, "rules": {text: 1}},
        "runs": [run],
        "rejects": {"topic": text, "outstanding": 3, "exact": False},
    }


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("text", HOSTILE)
def test_status_archive_and_runs_show_names_letter_by_letter(capsys: pytest.CaptureFixture[str], text: str) -> None:
    show_status(status_of(text))
    shown = capsys.readouterr().out
    assert shown.count(text) >= 11
    assert "at most 3" in shown
    show_summary(text, {text: {text: 1}}, as_json=False)
    assert capsys.readouterr().out.count(text) == 3
    outcome = Outcome("run", [Done(Hour(1), 1, 1, 1, True)], changes=[Change(Hour(1), (text,), (text,))])
    show_outcome(outcome, as_json=False)
    assert capsys.readouterr().out.count(f"#{text}") == 2


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "drawing",
    [str, lambda text: Table(text, title=text, caption=text), lambda text: Columns([text])],
    ids=["text", "table", "columns"],
)
def test_whatever_is_drawn_is_text(
    capsys: pytest.CaptureFixture[str], drawing: Callable[[str], Any], text: str
) -> None:
    console().print(drawing(text))
    assert text in capsys.readouterr().out
