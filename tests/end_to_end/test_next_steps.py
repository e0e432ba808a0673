"""What the demo and the README say to type next has an answer on the posts that were loaded, recorded or of today."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch_layer.plan import Span
from batch_layer.runner import BatchRunner
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from ingest.rule.hashtags import AS_IS
from serving.cli import main
from serving.cli.next_steps import next_steps
from serving.query.suggestions import day, explain, rising, tag, top
from serving.views.documents import HASHTAGS
from tests.support.cli import ROOT, ask, run
from tests.support.wait import until_the_hour_lasts

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"
BUSIEST = Hour.parse("2013-04-16T03")
NOT_A_QUESTION = ("make", "trends ingest", "trends status", "trends verify")
"""What stops or adds something, or looks at services that do not run here."""


def questions(section: str) -> list[str]:
    """The commands of a part of the README."""
    return re.findall(r"^\$ (trends .*)$", section, re.MULTILINE)


def planned(words: list[str]) -> None:
    """A recomputation has hours to compute; Spark need not start for that to be seen, and other tests start it."""
    hours = [Hour.parse(words[words.index(name) + 1]) if name in words else None for name in ("--since", "--until")]
    settings = Settings.read()
    layer = BatchRunner(settings, lambda: AS_IS, wall_clock)
    try:
        assert layer.plan_range(Span(*hours)).hours, words
    finally:
        layer.close()


def typed(command: str, folder: Path) -> None:
    """What a user types in a folder; it must have an answer."""
    words = shlex.split(command)[1:]
    if words[0] == "recompute":
        planned(words)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, f"{command}\n{told.output}"


@pytest.mark.timeout(900)
def test_every_next_step_has_an_answer_on_what_was_loaded(
    settings: Settings, settings_file: Path, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    query_part = (ROOT / "README.md").read_text().split("\n## Query\n")[1].split("\n## ")[0]
    recorded, today = query_part.split("\n### The hour in progress\n")
    today, again = today.split("\n### Correct the rule\n")
    assert len(questions(recorded)) > 6
    assert len(questions(today)) > 3
    ask("ingest", "file", str(test_data / BOSTON))
    run("archive", "--until-drained")
    run("batch", "run")
    steps = [each.command for each in next_steps(BUSIEST, "prayforboston", now_known=False)]
    asked = [each for each in steps if not each.startswith(NOT_A_QUESTION)]
    assert len(asked) == len(steps) - 4
    for command in [*asked, *questions(recorded), *questions(again)]:
        typed(command, tmp_path)
    _hints_work(tmp_path)

    until_the_hour_lasts(minutes=6, since=3)
    run("ingest", "sample", "--posts", "2000")
    run("archive", "--until-drained")
    run("batch", "run")
    for command in questions(today):
        typed(command, tmp_path)


def _hints_work(folder: Path) -> None:
    """A question about hours without posts names its own command, about hours that have some."""
    for words in (
        ["top"],
        ["top", "--last", "1h"],
        ["day"],
        ["rising"],
        ["tag", "#PrayForBoston"],
        ["explain"],
        ["recompute", "--since", "now-3h"],
        ["batch", "hour", "now-3h"],
    ):
        told = CliRunner().invoke(main, words)
        assert told.exit_code == 3, f"{words}\n{told.output}"
        (hint,) = re.findall(r"try `(trends .*?)`", told.stderr)
        name = "batch hour" if words[0] == "batch" else words[0]
        assert hint.startswith(f"trends {name} "), f"{words}: {hint}"
        if words[0] not in ("recompute", "batch"):
            typed(hint, folder)


def test_a_suggestion_is_about_the_newest_hour_and_keeps_the_lens() -> None:
    first, last = Hour.parse("2013-04-10T00"), Hour.parse("2013-04-20T07")
    bigrams = HASHTAGS._replace(kind="bigram")
    assert top(first, last, bigrams) == "trends top --hour 2013-04-20T07 --kind bigram"
    assert rising(first, last, HASHTAGS) == "trends rising --hour 2013-04-20T07"
    assert day(first, last, HASHTAGS) == "trends day --date 2013-04-20"
    assert explain(first, last, HASHTAGS) == "trends explain --hour 2013-04-20T07"
    said = tag("new york; rm")(first, last, bigrams)
    assert said == "trends tag 'new york; rm' --since 2013-04-13T08 --until 2013-04-20T08 --kind bigram"
    assert tag("a")(last, last, HASHTAGS) == "trends tag a --since 2013-04-20T07 --until 2013-04-20T08"
