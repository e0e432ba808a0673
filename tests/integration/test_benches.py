"""Benches on real servers, as small as they can be: their contenders run, and are judged by a plain count."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_layer.runner import BatchRunner
from batch_layer.spark.session import Engine
from bench.harness.compare import Series, compare
from bench.harness.trial import Bench, RunOptions
from bench.inputs import posts
from bench.inputs.synthetic_archive import by_hour, lay, plain_counts
from bench.measures import archive, feed_files, feed_poll, feed_postgres, history, ingest, speed, top
from bench.measures.hour import Hours
from bench.topologies.textbook import Textbook
from config.settings import Settings
from ingest.rule.hashtags import AS_IS


@pytest.fixture
def options(stack_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunOptions:
    """Few sample posts, on the servers of this session."""
    monkeypatch.setenv("TRENDS_TEST_STACK", str(stack_file))
    return RunOptions(60, tmp_path, True, tmp_path)


def measured(bench: Bench, options: RunOptions, *names: str) -> list[Series]:
    with bench.contenders(options) as contenders:
        wanted = [each for each in contenders if not names or each.name in names]
        assert len(wanted) == (len(names) or len(contenders))
        found = compare(wanted, 1, lambda _: None)
    assert [series.contender.name for series in found if series.why_absent] == []
    assert [series.contender.name for series in found if series.trials[0].wrong] == []
    return found


@pytest.mark.parametrize("bench", [*ingest.BENCHES, archive.BENCHES[0], *top.BENCHES], ids=lambda bench: bench.name)
def test_ours_and_its_peers_are_measured_on_the_same_posts(bench: Bench, options: RunOptions) -> None:
    for series in measured(bench, options):
        assert series.trials[0].seconds > 0


def test_rows_of_a_feed_are_measured(options: RunOptions, stack_with_postgres: Path) -> None:
    assert stack_with_postgres
    measured(feed_postgres.BENCHES[0], options, "ours", "textbook, INSERT and COMMIT a row")


def test_lines_of_a_feed_are_measured(options: RunOptions) -> None:
    measured(feed_files.BENCHES[0], options)


def test_a_poll_of_a_feed_is_measured(options: RunOptions) -> None:
    for series in measured(feed_poll.BENCHES[0], options._replace(size=2)):
        assert series.trials[0].figures["sent a poll"] > 0


def test_the_plain_consumer_of_the_speed_path_is_measured(options: RunOptions) -> None:
    counted, _, delays = speed.BENCHES
    measured(counted, options._replace(size=300), "a plain folding consumer")
    (series,) = measured(delays, options._replace(size=1_500), "a plain folding consumer")
    assert 0 < series.trials[0].figures["p50 ms"] <= series.trials[0].figures["p99 ms"]
    assert set(Textbook.thrift_bolts) == {"counts"}


@pytest.fixture(scope="module")
def engine(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(stack.spark, stack.hdfs, tmp_path_factory.mktemp("spark"))
    yield engine
    engine.close()


def test_history_is_computed_twice_and_judged(settings: Settings, engine: Engine) -> None:
    base = posts.sample(50)
    laid = [post for _, some in by_hour(base, 120) for post in some]
    assert {post.id for post in laid} == {post.id for post in posts.copies(base, 120)}
    lay(settings, base, 120)
    batch = BatchRunner(settings, lambda: AS_IS, lambda: 1_800_000_000_000, lambda ledger: ledger.hours()[-1].plus(1))
    batch.engine = engine
    told = history.recomputed(batch)
    batch.store.close()
    wanted = history.tops_of(plain_counts(base, 120))
    assert history.judged(told, 120, wanted).wrong == 0
    assert history.judged(told | {"tops": told["tops"] | {min(wanted): []}}, 120, wanted).wrong == 1


def test_an_hour_is_computed_in_a_warm_session(settings: Settings, engine: Engine) -> None:
    hours = Hours(settings, posts.sample(80))
    hours.batch.engine = engine
    assert hours.trial().wrong == 0
    hours.batch.store.close()
