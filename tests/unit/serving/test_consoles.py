"""What a terminal shows of data is that data: no word in brackets is a style to it, and no `:word:` a picture."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from rich.columns import Columns
from rich.table import Table

from batch_layer.feeds.stage_model import StageStatus
from batch_layer.publish import Change
from batch_layer.runs.outcome import Outcome, PublishedHour
from config.stack.doctor import Finding
from config.stack.status import ServerState
from ingest.hours import Hour
from serving.answers.explanation import Unknown
from serving.cli import main
from serving.cli.batch_output import show as show_outcome
from serving.cli.commands.archive import _show as show_summary
from serving.cli.commands.status import _show as show_status
from serving.cli.consoles import console
from serving.status.model import (
    AlertsStatus,
    ArchiveStatus,
    FeedStatus,
    GapStatus,
    HoursStatus,
    RejectsStatus,
    RunStatus,
    SourceStatus,
    Status,
    TopsStatus,
)

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


def status_of(text: str) -> Status:
    archive = ArchiveStatus(text, text, 1, 1, 1, 1, 1, 1, text, text, text, None, [text], [])
    return Status(
        servers=[ServerState(text, "running", 1, 1, 1, text, external=False)],
        sources=[SourceStatus(text, "failed", "2017", "2017", text, text, None, 1, {}, [GapStatus("", text, text)])],
        speed=Unknown(text),
        archive=archive,
        hours=HoursStatus(1, 1, 1, text, {text: 1}),
        runs=[RunStatus(text, text, None, None, text, 2, 1, 3, text, "", None, None, None)],
        rejects=RejectsStatus(text, 3, exact=False, oldest=None),
        feeds=[FeedStatus(text, [StageStatus(text, "csv", "failed", text, text, error=text)], text)],
        tops=TopsStatus(text, 2, text),
        alerts=AlertsStatus(1, 2, 3, [text]),
    )


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("text", HOSTILE)
def test_status_archive_and_runs_show_names_letter_by_letter(capsys: pytest.CaptureFixture[str], text: str) -> None:
    show_status(status_of(text))
    shown = capsys.readouterr().out
    assert shown.count(text) >= 11
    assert "at most 3" in shown
    show_summary(text, {text: {text: 1}}, as_json=False)
    assert capsys.readouterr().out.count(text) == 3
    outcome = Outcome("run", [PublishedHour(Hour(1), 1, 1, 1, True)], changes=[Change(Hour(1), (text,), (text,))])
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
