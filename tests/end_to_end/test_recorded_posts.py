"""All recorded posts, from the files to `trends top`, through every server; judged by the oracle, hour by hour."""

from pathlib import Path

import pytest

from bench.harness.topology import run_topology
from config.settings import Settings
from ingest.hours import Hour
from speed_layer.lag import caught_up
from tests.support.cli import ask, assert_answers, run
from tests.support.oracle import Sent, count, posts_of_csv, top
from tests.support.wait import counted, until

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="session")
def files(test_data: Path) -> list[Path]:
    """The six files of the corpus."""
    found = sorted((test_data / "crisislex_t6").glob("*.csv"))
    if not found:
        pytest.skip(f"no crisislex_t6/*.csv in {test_data}: CrisisLexT6 is at crisislex.org")
    return found


def test_every_hour_of_all_recorded_posts_equals_the_oracle_in_both_layers(
    settings: Settings, settings_file: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    sent: list[Sent] = [post for file in files for post in posts_of_csv(file)]
    as_sent, once = count(sent, once=False), count(sent, once=True)
    assert sum(each.total() for each in as_sent.values()) > sum(each.total() for each in once.values()), "no duplicates"

    with run_topology(settings, settings_file):
        loaded = ask("ingest", "file", *map(str, files))
        assert (loaded["posts"], loaded["rejects"]) == (len(sent), 0)
        until(lambda: caught_up(settings), lambda: counted(settings))
    live = {hour: counts for hour, counts in as_sent.items() if counts}
    assert_answers(live, origin="speed", state="live", posts=None)

    run("archive", "--until-drained")
    run("batch", "run")
    posts = {hour: len({post.id for post in sent if post.hour == hour}) for hour in once}
    assert_answers(once, origin="batch", state="final")
    for hour in sorted(once)[::40]:
        assert ask("top", "--hour", hour)["posts"] == posts[hour]
    assert ask("verify", "--hour", min(once))["ok"]

    since = sorted(once)[len(once) // 2]
    before = {hour: ask("top", "--hour", hour) for hour in sorted(once) if hour < since}
    busiest = max((hour for hour in once if hour >= since), key=lambda hour: once[hour].total())
    (first, _), (second, _) = top(once[busiest], 2)
    rule = {"TRENDS_RULE__IGNORE": f'["#{first.upper()}"]', "TRENDS_RULE__ALIASES": f'{{"{second}": "corrected"}}'}
    run("recompute", "--since", since, variables=rule)
    assert {hour: ask("top", "--hour", hour) for hour in before} == before, "hours before stay as they are"
    with_corrections = count((_corrected(post, first, second) for post in sent if post.hour >= since), once=True)
    version = ask("top", "--hour", busiest)["rule"]
    assert version != before[min(before)]["rule"]
    assert_answers(with_corrections, origin="batch", state="final", rule=version)

    whole = ask("top", "--since", min(once), "--until", str(Hour.parse(max(once)).plus(1)), "-n", "25")
    summed = sum((count_ for hour, count_ in {**once, **with_corrections}.items()), start=type(once[since])())
    assert (whole["max_error"], whole["uses"], whole["posts"]) == (0, summed.total(), sum(posts.values()))
    assert [(row["tag"], row["count"]) for row in whole["top"]] == top(summed, 25)
    assert len(whole["hours"]) == len(once)


def _corrected(post: Sent, ignored: str, aliased: str) -> Sent:
    tags = {"corrected" if tag == aliased else tag for tag in post.tags if tag != ignored}
    return post._replace(tags=frozenset(tags))
