"""Bigrams, trigrams and hashtags by source, from recorded posts to `trends top`; judged by a count of its own.

The oracle shares with the project how words are cut and what a hashtag is, which tests of their own judge.
"""

import csv
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.harness.topology import run_topology
from config.settings import Settings
from ingest.rule.hashtags import in_text, normalise
from ingest.rule.phrases import runs
from speed_layer.lag import caught_up
from tests.support.cli import ask, assert_answers, run
from tests.support.kafka import committed
from tests.support.oracle import Hours
from tests.support.wait import until

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"
OF_ONE_SOURCE = "2021-04-08T19"
"""The hour of the posts of the X API, which name their language."""


class Lenses(NamedTuple):
    """What the answers must be."""

    bigrams: Hours
    trigrams: Hours
    by_source: dict[str, Hours]
    posts: Counter[str]
    """By hour."""


def counted(values: list[bytes], *, once: bool) -> Lenses:
    """Each tag and phrase once a post; each post once, as the batch layer must, or as often as it was sent."""
    sent = [json.loads(value) for value in values]
    posts = list({(post["source"], post["id"]): post for post in sent}.values()) if once else sent
    found = Lenses(defaultdict(Counter), defaultdict(Counter), defaultdict(lambda: defaultdict(Counter)), Counter())
    for post in posts:
        hour = datetime.fromtimestamp(post["created_at"] / 1000, UTC).strftime("%Y-%m-%dT%H")
        spelled = in_text(post["text"]) if post.get("tags") is None else post["tags"]
        found.by_source[post["source"]][hour].update({normalise(tag) for tag in spelled})
        for of, size in ((found.bigrams, 2), (found.trigrams, 3)):
            words = (run for run, _ in runs(post["text"], post.get("lang")))
            of[hour].update({" ".join(run[at : at + size]) for run in words for at in range(len(run) - size + 1)})
        found.posts[hour] += 1
    return found


def bring(test_data: Path, folder: Path) -> None:
    """Posts of two sources, some of them sent again; and of another hour posts of one source."""
    with (test_data / BOSTON).open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    for source, some in {"even": rows[::2], "odd": [*rows[1::2], *rows[1:400:2]]}.items():
        with (folder / f"{source}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *some])
        ask("ingest", "file", str(folder / f"{source}.csv"), "--source", source)
    ask("ingest", "file", str(test_data / "x_v2" / "flat.jsonl"))


@pytest.mark.timeout(600)
def test_every_hour_of_recorded_posts_equals_the_oracle_through_every_lens(
    settings: Settings, settings_file: Path, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    monkeypatch.setenv("TRENDS_INGEST__KINDS", '["bigram"]')
    with run_topology(settings, settings_file):
        monkeypatch.setenv("TRENDS_INGEST__KINDS", '["bigram"]')  # the topology is submitted without any variable
        bring(test_data, tmp_path)
        values = [message.value() or b"" for message in committed(settings.kafka.bootstrap, settings.kafka.posts)]
        expected, as_sent = counted(values, once=True), counted(values, once=False)
        assert expected.posts.total() < as_sent.posts.total() == len(values), "nothing was sent twice"
        until(lambda: caught_up(settings), lambda: caught_up(settings))
    live: dict[str, Any] = {"origin": "speed", "state": "live", "posts": None, "rule": None}
    assert_answers(as_sent.bigrams, "--kind", "bigram", "--by", "count", **live, kind="bigram", source=None)
    run("archive", "--until-drained")
    assert {each["where"] for each in ask("verify", "--hour", OF_ONE_SOURCE)["findings"]} >= {
        OF_ONE_SOURCE, f"{OF_ONE_SOURCE}, bigrams"
    }  # fmt: skip
    run("batch", "run")

    final: dict[str, Any] = {"origin": "batch", "state": "final"}
    assert_answers(expected.bigrams, "--kind", "bigram", "--by", "count", **final, kind="bigram", source=None)
    assert_answers(expected.trigrams, "--kind", "trigram", "--by", "count", **final, kind="trigram", source=None)
    for source in ("even", "odd"):
        assert_answers(expected.by_source[source], "--source", source, **final, kind="hashtag", source=source)

    alone = ask("top", "--hour", OF_ONE_SOURCE, "--source", "x")
    assert alone == ask("top", "--hour", OF_ONE_SOURCE) | {"source": "x"}
    assert alone["posts"] == expected.posts[OF_ONE_SOURCE] == 100
    phrases = ask("top", "--hour", OF_ONE_SOURCE, "--kind", "bigram", "--by", "count", "-n", "1000")
    assert {row["tag"]: row["count"] for row in phrases["top"]} == expected.bigrams[OF_ONE_SOURCE]
    assert ask("verify", "--hour", OF_ONE_SOURCE)["ok"]
    busiest = max(expected.bigrams, key=lambda hour: expected.bigrams[hour].total())
    assert len({each["where"] for each in ask("verify", "--hour", busiest)["findings"]} & _lenses_of(busiest)) == 5


def _lenses_of(hour: str) -> set[str]:
    seen = ("bigrams", "trigrams", "hashtags of even", "hashtags of odd")
    return {hour, *(f"{hour}, {lens}" for lens in seen)}
