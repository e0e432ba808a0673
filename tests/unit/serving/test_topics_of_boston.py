"""The first ten phrases of recorded posts are what a person calls a topic, and what a plain computation finds.

The oracle shares with the project how words are cut, which tests of their own judge, and nothing else: neither the
ranking nor the score.
"""

import csv
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import log
from pathlib import Path

import pytest

from batch_layer.rank import Further, PostFields, rank_hour
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from ingest.rule.phrases import runs
from serving.answers.merge import Range, View, sum_hours
from serving.answers.rising import Baseline
from serving.answers.surprise import DAYS_BEFORE, by_surprise
from serving.views.documents import Lens

FILE = Path("crisislex_t6") / "2013_Boston_Bombings-ontopic_offtopic.csv"
BIGRAM = Lens("bigram")
Posts = dict[datetime, list[tuple[str, str]]]
"""Id and text of each post, by hour."""


@pytest.fixture(scope="module")
def posts(test_data: Path) -> Posts:
    found: Posts = defaultdict(list)
    with (test_data / FILE).open(newline="", encoding="utf-8") as file:
        for number, text, *_ in list(csv.reader(file))[1:]:
            ms = (int(number.strip("'")) >> 22) + 1288834974657
            found[datetime.fromtimestamp(ms // 3_600_000 * 3600, UTC)].append((number, text))
    return found


@pytest.fixture(scope="module")
def views(posts: Posts) -> dict[Hour, View]:
    """Each hour as the batch layer ranks it: posts name no language."""
    made = {}
    for at, of_hour in posts.items():
        hour = Hour.of(int(at.timestamp() * 1000))
        fields = [PostFields("x", number, text, None) for number, text in of_hour]
        ranking = dict(rank_hour(fields, AS_IS, 1_000, Further(("bigram",))).further)[BIGRAM]
        rows, tied, uses, tags = ranking.rows, ranking.tied_beyond, ranking.uses, ranking.tags
        made[hour] = View(hour, "batch", "final", rows, tied, uses, tags, ranking.posts, "r", 0, lens=BIGRAM)
    return made


def answered(views: dict[Hour, View], since: str, until: str, n: int = 10) -> View | Range:
    first, end = Hour.parse(since), Hour.parse(until)
    before = Baseline()
    for hour in sorted(views):
        if first.plus(-DAYS_BEFORE) <= hour < first:
            before.add(views[hour])
    hours = [views[hour] for hour in sorted(views) if first <= hour < end]
    if len(hours) == 1:
        return by_surprise(hours[0], before, first, n)
    return by_surprise(sum_hours(hours, first, end, None), before, first, n)


def oracle(posts: Posts, since: str, until: str) -> list[tuple[str, int]]:
    """Phrases with their uses by signed G2 against the three days before, each saying once."""
    begin, end = (datetime.fromisoformat(f"{at}:00+00:00") for at in (since, until))
    now = used(posts, begin, end)
    had = used(posts, begin - timedelta(days=3), begin)
    all_now, all_had = now.total(), had.total()

    def score(phrase: str) -> float:
        table = ((now[phrase], all_now), (had[phrase], all_had))
        expected = (now[phrase] + had[phrase]) / (all_now + all_had)
        terms = [
            part * log(part / (share * whole))
            for count, whole in table
            for part, share in ((count, expected), (whole - count, 1 - expected))
            if part
        ]
        return 2 * sum(terms) * (1 if now[phrase] / all_now >= had[phrase] / all_had else -1)

    scores = {phrase: round(score(phrase), 9) for phrase in now}
    free = sorted(now, key=lambda each: (-scores[each], -now[each], each))
    first: list[tuple[str, int]] = []
    while len(first) < 10:
        head = free.pop(0)
        first.append((head, now[head]))
        saying = head.split()
        alike = {
            each for each in free if now[head] <= 2 * now[each] <= 4 * now[head] and 2 * scores[each] >= scores[head]
        }
        for side in (1, 0):  # what begins with the last word of the saying, then what ends with its first
            at = head if now[head] > 2 else ""
            while at:
                fit = [
                    each
                    for each in free
                    if each in alike and now[each] > 2 and each.split()[1 - side] == at.split()[side]
                ]
                at = next((each for each in fit if each.split()[side] not in saying), "")
                if at:
                    free.remove(at)
                    saying.append(at.split()[side])
    return first


def used(posts: Posts, begin: datetime, end: datetime) -> Counter[str]:
    """The uses of each bigram, once a post, each post once an hour."""
    counts: Counter[str] = Counter()
    for at, of_hour in posts.items():
        if begin <= at < end:
            for text in dict(reversed(of_hour)).values():
                counts.update({f"{a} {b}" for run, _ in runs(text, None) for a, b in pairwise(run)})
    return counts


TOPICS = {
    ("2013-04-15T19", "2013-04-16T07"): [
        "8 year", "boston marathon", "sandy hook", "boston's explosions", "boston bombing", "prayers go",
        "marathon bombing", "marathon explosions", "heart goes", "boston police",
    ],
    ("2013-04-17T17", "2013-04-17T20"): [
        "bombing suspect", "law enforcement", "cnn reports", "arrest imminent", "marathon bombing",
        "marathon bombings", "arrest made", "bomb suspect", "boston marathon", "federal court",
    ],
    ("2013-04-18T00", "2013-04-18T12"): [
        "14 year", "homeless man", "bomb threa", "national anthem", "first home", "plant explosion", "bruins fans",
        "prayforboston prayfortexas", "killed three", "prayfortexas prayforboston",
    ],
    ("2013-04-19T12", "2013-04-19T13"): [
        "bombing shot", "massive manhunt", "suspect 1", "boxing team", "terrorist tamerlan", "suspect 2",
        "brother's sons", "dzokhar tsarnaev", "entire city", "governor patrick",
    ],
}  # fmt: skip
"""The bombing; word of an arrest; the explosion in West and the Bruins' game; the man hunt."""


@pytest.mark.parametrize(("since", "until"), TOPICS)
def test_the_first_ten_are_topics(posts: Posts, views: dict[Hour, View], since: str, until: str) -> None:
    answer = answered(views, since, until)
    assert [(row.tag, row.count) for row in answer.rows] == oracle(posts, since, until)
    assert [row.tag for row in answer.rows] == TOPICS[since, until]
