"""Hours that were computed by several versions of the rule: what an answer says of them, and how that is mended."""

import ast
import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.quantity import quantity
from ingest.hours import Hour
from ingest.rule import hashtags
from ingest.rule.hashtags import Rule
from ingest.rule.rule_text import HASHTAG_CODE, phrases_text, rebuilt, text_of
from serving.answers.day import Day, grid
from serving.answers.history import history
from serving.answers.merge import View, sum_hours
from serving.answers.rising import rising
from serving.answers.rule_versions import Rules, rules_of
from serving.render.charts.html_report import html_report
from serving.render.charts.picture import bump_picture, curve_picture, heat_picture
from serving.render.json_answers import day_json, history_json, hours_json, range_json, rising_json
from serving.render.tables import day_table, history_table, rising_table
from serving.render.text import table
from tests.support.rendering import BASE, svg_texts, terminal_lines, view

UTC = ZoneInfo("UTC")
OLD, NEW = "1", "1+3f9a0c2b"
MEND = f"trends recompute --since {BASE.plus(2)} --until {BASE.plus(4)}"


def of(hour: int, rule: str | None, state: Any = "final") -> View:
    return replace(view(BASE.plus(hour), ("a", 5 + hour), ("b", 3)), rule=rule, state=state)


MIXED = [of(0, OLD), of(1, OLD), of(2, NEW), of(3, NEW)]


def now_old() -> str:
    return OLD


def the_day(views: list[View] = MIXED) -> Day:
    return grid(views, BASE, BASE.plus(4), 10, rule_now=now_old)


def test_one_version_is_no_news_and_the_rule_of_now_is_not_asked_for() -> None:
    def asked() -> str:
        raise AssertionError

    rules = rules_of([of(0, OLD), of(1, OLD), of(2, None)], asked)
    assert (dict(rules.hours), rules.mend, rules.sentence) == ({OLD: 2}, None, "")


def test_the_hours_of_other_versions_than_that_of_now_are_named_and_no_others() -> None:
    rules = rules_of(reversed(MIXED), now_old)
    assert dict(rules.hours) == {OLD: 2, NEW: 2}
    assert rules.mend == MEND
    assert rules.sentence == (
        "computed by 2 versions of the rule, so counts do not compare: rule 1 in 2 hours, rule 1+3f9a0c2b in 2 hours; "
        f"`{MEND}` computes them by one"
    )
    whole = f"trends recompute --since {BASE} --until {BASE.plus(4)}"
    assert rules_of(MIXED).mend == rules_of(MIXED, lambda: "2").mend == whole, "nobody knows, or none has it"


def test_an_hour_that_is_not_complete_is_computed_by_the_command_that_computes_such_hours() -> None:
    rules = rules_of([of(0, OLD), of(1, NEW, "provisional")], now_old)
    assert rules.mend == f"trends batch hour {BASE.plus(1)}"


@given(st.lists(st.tuples(st.sampled_from([OLD, NEW, "0", None]), st.sampled_from(["final", "provisional"]))))
def test_once_the_command_has_run_nothing_is_left_to_mend(hours: list[tuple[str | None, str]]) -> None:
    views = [of(at, rule, state) for at, (rule, state) in enumerate(hours)]
    for _ in range(len(views) + 1):
        mend = rules_of(views, now_old).mend
        if mend is None:
            break
        words = mend.split()
        since = Hour.parse(words[3])
        until = Hour.parse(words[5]) if "recompute" in mend else since.plus(1)
        state = "final" if "recompute" in mend else "provisional"
        done = [
            replace(each, rule=OLD) if each.rule and since <= each.hour < until and each.state == state else each
            for each in views
        ]
        assert done != views, "the command does something"
        views = done
    assert len({each.rule for each in views if each.rule}) < 2


def test_json_of_every_answer_names_the_versions_and_the_command() -> None:
    tag = history_json(history("a", MIXED, BASE, BASE.plus(4), now_old))
    answers: list[Mapping[str, Any]] = [
        range_json(sum_hours(MIXED, BASE, BASE.plus(4), 10, now_old)),
        day_json(the_day()),
        rising_json(rising(MIXED[-1], MIXED[:-1], BASE, 10, 0, rule_now=now_old)),
        tag,
        hours_json(MIXED, rules_of(MIXED, now_old)),
    ]
    for told in answers:
        assert json.loads(json.dumps(told))["rules"] == {OLD: 2, NEW: 2}
        assert told["mend"] == MEND
    assert [each["rule"] for each in tag["hours"]] == [OLD, OLD, NEW, NEW]
    assert range_json(sum_hours(MIXED[:2], BASE, BASE.plus(4), 10))["mend"] is None


def test_the_first_hour_of_a_day_is_compared_with_one_of_another_version() -> None:
    day = grid([of(1, OLD), of(2, NEW), of(3, NEW)], BASE.plus(2), BASE.plus(4), 10, rule_now=now_old)
    assert day.rules.mend == MEND


def test_tables_say_it_below() -> None:
    tables = [
        table(sum_hours(MIXED, BASE, BASE.plus(4), 10, now_old), "title"),
        day_table(the_day(), UTC, 300),
        rising_table(rising(MIXED[-1], MIXED[:-1], BASE, 10, 0, rule_now=now_old), UTC),
        history_table(history("a", MIXED, BASE, BASE.plus(4), now_old), UTC),
    ]
    for each in tables:
        said = " ".join(" ".join(terminal_lines(each, 300)).split())
        assert f"so counts do not compare: rule {OLD} in 2 hours, rule {NEW}" in said
        assert f"`{MEND}`" in said


@pytest.mark.parametrize("views", [MIXED, MIXED[:2]], ids=["mixed", "of one version"])
def test_pictures_and_the_page_say_it(views: list[View]) -> None:
    day = the_day(views)
    pictures = [bump_picture(day, UTC), heat_picture(day, UTC)]
    pictures.append(curve_picture(history("a", views, BASE, BASE.plus(4), now_old), UTC))
    mixed = views is MIXED
    for picture in pictures:
        assert any(MEND in text for text in svg_texts(picture)) == mixed
        assert any("versions of the rule" in text for text in svg_texts(picture)) == mixed
    page = html_report(day, UTC)
    assert (f"<code>{MEND}</code>" in page) == mixed
    assert ("versions of the rule" in page) == mixed


def test_many_versions_are_counted_and_the_first_are_named() -> None:
    rules = Rules({str(number): 1 for number in range(5)}, "trends recompute --all")
    assert rules.mixture.endswith(": rule 0 in 1 hour, rule 1 in 1 hour, rule 2 in 1 hour and 2 more")


def test_a_text_holds_the_code_and_the_corrections_and_makes_the_rule_again() -> None:
    rule = Rule.with_corrections(["#FF", "b"], {"Nyc": "newyork", "a.b$": "c"})
    text = text_of(rule)
    assert text.version == rule.version
    assert (text.ignore, dict(text.aliases)) == (("b", "ff"), {"nyc": "newyork", "a.b$": "c"})
    assert text.code["ingest.rule.hashtags"] == inspect.getsource(hashtags)
    assert rebuilt(text) == rule
    assert rebuilt(text._replace(version="0+3f9a0c2b")) is None, "of code that is not here"
    assert rebuilt(phrases_text()) is None


def test_a_text_has_every_module_of_ours_that_finds_hashtags() -> None:
    """A helper that is moved out of the rule's module is a part of the rule."""
    data = {"ingest.post"}
    for name in HASHTAG_CODE:
        tree = ast.parse(inspect.getsource(__import__(name, fromlist=["_"])))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        ours = {each for each in imported if each.startswith("ingest")}
        assert ours - data <= set(HASHTAG_CODE)


def test_a_quantity_reads_right() -> None:
    assert [quantity(count, "reject") for count in (0, 1, 2, 1_234)] == [
        "0 rejects",
        "1 reject",
        "2 rejects",
        "1,234 rejects",
    ]
    assert quantity(2, "entry", "entries") == "2 entries"
