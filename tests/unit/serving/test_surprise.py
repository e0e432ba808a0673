"""Phrases by surprise: the score against a plain computation, the order, the fallback, phrases of one saying."""

import json
from math import isclose, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.hours import Hour
from serving.answers import surprise
from serving.answers.merge import View, places, sum_hours
from serving.answers.rising import SURE, Baseline
from serving.answers.scores import Score
from serving.answers.surprise import DAYS_BEFORE, by_surprise
from serving.render.json_answers import hour_json, range_json
from serving.render.rows import top_rows
from serving.render.text import caption
from serving.views.documents import Lens, Row, rank

HOUR = Hour.parse("2017-01-06T07")
BIGRAM = Lens("bigram")


def view(counts: dict[str, int], hour: Hour = HOUR, rule: str = "phrases-3") -> View:
    rows = tuple(Row(tag, tag.title(), count) for tag, count in rank(counts))
    return View(hour, "batch", "final", rows, 0, sum(counts.values()), len(rows), 9, rule, 0, lens=BIGRAM)


def before(*hours: dict[str, int], rule: str = "phrases-3") -> Baseline:
    made = Baseline()
    for at, counts in enumerate(hours):
        made.add(view(counts, HOUR.plus(at - len(hours)), rule))
    return made


def g2(now: int, had: int, all_now: int, all_had: int) -> float:
    """The textbook's form: entropies of the table, its rows and its columns."""

    def entropy(*counts: int) -> float:
        total = sum(counts)
        return sum(count * log(count / total) for count in counts if count)

    cells = (now, had, all_now - now, all_had - had)
    columns = (now + had, all_now + all_had - now - had)
    return 2 * (entropy(*cells) - entropy(all_now, all_had) - entropy(*columns))


def test_an_everyday_phrase_yields_to_a_topic_of_the_day() -> None:
    answer = by_surprise(
        view({"good morning": 50, "marathon bombing": 12, "happy birthday": 20}),
        before({"good morning": 500, "happy birthday": 260, "coffee break": 90}), HOUR, 2,
    )  # fmt: skip
    assert [(row.tag, row.count) for row in answer.rows] == [("marathon bombing", 12), ("good morning", 50)]
    assert answer.surprise
    assert answer.surprise.scores[1].score < SURE < answer.surprise.scores[0].score
    assert answer.surprise.scores[0].expected == 0
    assert (answer.surprise.since, answer.surprise.until) == (HOUR.plus(-DAYS_BEFORE), HOUR)


words = st.sampled_from(["a", "b", "c", "d"])
counts = st.dictionaries(st.tuples(words, words).map(" ".join), st.integers(1, 30), min_size=1, max_size=16)


@given(counts, st.lists(counts, min_size=1, max_size=3), st.integers(1, 20))
def test_rows_are_the_phrases_by_a_plain_computation(now: dict[str, int], past: list[dict[str, int]], n: int) -> None:
    answer = by_surprise(view(now), before(*past), HOUR, n)
    assert answer.surprise
    had = {tag: sum(each.get(tag, 0) for each in past) for tag in now}
    all_now, all_had = sum(now.values()), sum(sum(each.values()) for each in past)
    for row, score in zip(answer.rows, answer.surprise.scores, strict=True):
        expected = had[row.tag] * all_now / all_had
        assert (score.before, isclose(score.expected, expected)) == (had[row.tag], True)
        assert isclose(abs(score.score), g2(row.count, had[row.tag], all_now, all_had), abs_tol=1e-9)
        assert (score.score >= 0) == (row.count >= expected) or isclose(score.score, 0, abs_tol=1e-9)
    keys = [(-score.score, -row.count, row.tag) for row, score in zip(answer.rows, answer.surprise.scores, strict=True)]
    assert keys == sorted(keys)
    joined = [other.tag for score in answer.surprise.scores for other in score.others]
    assert len({*joined, *(row.tag for row in answer.rows)}) == len(joined) + len(answer.rows) <= len(now)
    assert by_surprise(view(dict(reversed(now.items()))), before(*past), HOUR, n) == answer


def test_ties_have_one_rank_and_are_counted_beyond_the_last_row() -> None:
    answer = by_surprise(view({"a b": 2, "c d": 2, "e f": 2, "g h": 9}), before({"x y": 9}), HOUR, 3)
    assert [(place, row.tag) for place, row in zip(places(answer), answer.rows, strict=True)] == [
        (1, "g h"), (2, "a b"), (2, "c d"),
    ]  # fmt: skip
    assert answer.tied_beyond == 1


def test_phrases_of_one_saying_are_one_row() -> None:
    template = {"win a": 500, "a free": 500, "free phone": 500, "phone today": 499}
    answer = by_surprise(view({**template, "free speech": 40, "fire drill": 30}), before({"x y": 900}), HOUR, 10)
    assert answer.surprise
    assert [row.tag for row in answer.rows] == ["a free", "free speech", "fire drill"]
    assert answer.surprise.scores[0].saying == "Win A Free Phone Today"
    assert [other.tag for other in answer.surprise.scores[0].others] == ["win a", "free phone", "phone today"]
    assert [score.saying for score in answer.surprise.scores[1:]] == ["Free Speech", "Fire Drill"]


def test_a_saying_of_trigrams_overlaps_by_two_words_and_ends_where_it_began() -> None:
    counted = {"a b c": 9, "b c d": 9, "c d x": 3, "d e f": 9, "p p p": 8}
    answer = by_surprise(view(counted), before({"x y z": 900}), HOUR, 10)
    assert answer.surprise
    assert [score.saying for score in answer.surprise.scores] == ["A B C D", "D E F", "P P P", "C D X"]


def test_without_data_before_the_rows_are_by_count_and_the_answer_says_so() -> None:
    answer = by_surprise(view({"a b": 2, "c d": 5, "e f": 2}), before(), HOUR, 2)
    assert [row.tag for row in answer.rows] == ["c d", "a b"]
    assert answer.tied_beyond == 1
    assert "by count: no data in 2017-01-03T07 to 2017-01-06T07" in caption(answer)
    told = hour_json(answer)
    assert (told["by"], told["surprise"]["fallback"]) == ("count", "no data in 2017-01-03T07 to 2017-01-06T07")
    assert told["top"][0].keys() == {"rank", "tag", "shown", "count"}


def test_json_and_csv_keep_their_keys_and_add_scores() -> None:
    plain, past = view({"a b": 2, "c d": 5}), before({"a b": 9})
    answer = by_surprise(plain, past, HOUR, 2)
    told = json.loads(json.dumps(hour_json(answer)))
    assert told.keys() - hour_json(plain).keys() == {"by", "surprise"}
    assert told["top"][0].keys() - hour_json(plain)["top"][0].keys() == {
        "score",
        "before",
        "expected",
        "saying",
        "others",
    }
    assert [column.name for column in top_rows(plain).columns] == [
        column.name for column in top_rows(answer).columns[:-3]
    ]  # fmt: skip
    assert [column.name for column in top_rows(answer).columns[-3:]] == ["score", "before", "expected"]
    whole = by_surprise(sum_hours([plain], HOUR, HOUR.plus(1), None), past, HOUR, 2)
    assert range_json(whole)["top"] == told["top"]


@pytest.mark.parametrize("rule", ["phrases-2+stop-words-2025.11.4", "phrases-3"])
def test_days_before_of_another_version_are_marked(rule: str) -> None:
    answer = by_surprise(view({"a b": 2}), before({"a b": 9}, rule=rule), HOUR, 2, lambda: "phrases-3")
    assert answer.surprise
    assert (answer.surprise.rules.mend is not None) == (rule != "phrases-3")


def test_phrases_that_cannot_join_a_saying_cost_it_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def is_near(each: tuple[Row, Score], head: tuple[Row, Score]) -> bool:
        compared.append(f"{head[0].tag}, {each[0].tag}")
        return False

    monkeypatch.setattr(surprise, "_is_near", is_near)
    heads = {f"head{n} x": 900 for n in range(50)}
    rare, less, everyday = (
        {f"x {kind}{n}": count for n in range(500)} for kind, count in (("r", 2), ("l", 9), ("e", 900))
    )
    had = dict.fromkeys(everyday, 90_000)
    answer = by_surprise(view({**heads, **rare, **less, **everyday}), before({**had, "else where": 9}), HOUR, 50)
    assert {row.tag for row in answer.rows} == heads.keys()
    assert compared == []
