"""What `trends watch` says of what it sees."""

import json
from zoneinfo import ZoneInfo

import pytest

from serving.cli.commands import watch
from serving.query.lenses import why_not_sent
from tests.support.rendering import BASE, view

FIRST, SECOND = view(BASE, ("a", 1)), view(BASE, ("a", 2))
LOOKS: list[watch.Seen] = [
    (BASE, None, ""),
    (BASE, FIRST, ""),
    (BASE, FIRST, ""),
    (BASE, FIRST, "MongoDB: gone"),
    (BASE, SECOND, ""),
    (BASE.plus(1), None, ""),
]


def test_each_change_is_one_line_and_trouble_is_told_beside(capsys: pytest.CaptureFixture[str]) -> None:
    watch._print_json(iter(LOOKS))
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [(line["hour"], [row["count"] for row in line["top"]]) for line in lines] == [
        (str(BASE), []), (str(BASE), [1]), (str(BASE), [2]), (str(BASE.plus(1)), [])
    ]  # fmt: skip
    assert told.err == "MongoDB: gone\n"


def test_without_a_terminal_each_change_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    watch._show(iter(LOOKS), ZoneInfo("UTC"))
    told = capsys.readouterr().out
    assert told.count("#a") == 3, "once as it was, once with the trouble, once changed"
    assert told.count("No data for this hour yet") == 2
    assert "MongoDB: gone" in told


def test_phrases_that_nobody_sends_are_said_to_be_missing_for_that_reason(capsys: pytest.CaptureFixture[str]) -> None:
    why = why_not_sent("bigram", ("trigram",))
    assert "no bigrams unless `ingest.kinds` sends them" in why
    watch._print_json(iter(LOOKS), why)
    assert capsys.readouterr().err == f"{why}\nMongoDB: gone\n", "once, however many hours have none"
    watch._show(iter(LOOKS), ZoneInfo("UTC"), why)
    told = capsys.readouterr().out.replace("\n", " ")
    assert "No use has been counted" not in told
    assert told.count("no bigrams unless") == 2


def test_what_is_sent_may_only_not_have_come_yet() -> None:
    assert (why_not_sent("hashtag", ()), why_not_sent("bigram", ("bigram", "trigram"))) == ("", "")
