"""Two that both believe to own the same work: one stood still for longer than its session, and wakes up as a zombie.

It is stopped exactly where it would do the most harm. It is fenced, says so, leaves nothing, and nothing is counted,
archived or published twice. (Two topologies: `test_crash_counting.py`.)
"""

import signal
from collections import Counter
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pytest

from batch_layer.archive.paths import Paths
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from serving.views.documents import RUNS
from serving.views.store import Store
from tests.support.batch import FIRST, documents, post, top
from tests.support.faults.crash_points import Points, lives, run_command
from tests.support.kafka import committed
from tests.support.oracle import posts_of_csv
from tests.support.posts import Sender, assert_exactly_once, recorded_posts
from tests.support.posts import archived as archived_posts
from tests.support.wait import until

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"


@pytest.fixture
def points(tmp_path: Path) -> Points:
    return Points(tmp_path / "points")


@pytest.mark.parametrize(
    "point", ["archiver: in commit", pytest.param("archiver: after commit", marks=pytest.mark.long)]
)
def test_an_archiver_that_slept_at_its_commit_while_another_took_over(
    settings: Settings, settings_file: Path, points: Points, test_data: Path, point: str
) -> None:
    recorded = iter(sorted(recorded_posts(test_data / BOSTON), key=lambda each: each.created_at))
    sender, sent = Sender(settings), list(islice(recorded, 60))
    quick = {"TRENDS_ARCHIVE__FLUSH_AFTER_S": "0.5"}
    points.arm(point, signal.SIGSTOP)
    sender.send(sent)
    with run_command(settings_file, "archive", **quick, **points.environment) as zombie, ExitStack() as later:
        with points.stopped_at(point, zombie):
            successor = later.enter_context(run_command(settings_file, "archive", **quick))
            until(lambda: archived_posts(settings) == 60, lambda: archived_posts(settings))
        more = list(islice(recorded, 60))
        sender.send(more)
        until(lambda: archived_posts(settings) == 120, lambda: archived_posts(settings))
        assert (zombie.stopped(), successor.stopped()) == (0, 0)
        assert point == "archiver: after commit" or "another archiver has committed" in zombie.output()
    assert_exactly_once(settings, [*sent, *more])
    assert not HdfsStore(settings.hdfs).entries(Paths(settings.hdfs.root, settings.kafka.posts).all_tmp)


def test_a_producer_that_slept_before_its_commit_while_another_ran_is_fenced_and_has_written_nothing(
    settings: Settings, settings_file: Path, points: Points, test_data: Path
) -> None:
    file = settings_file.with_name("some.csv")
    file.write_bytes(b"".join((test_data / BOSTON).read_bytes().splitlines(keepends=True)[:301]))
    small = {"TRENDS_INGEST__TRANSACTION_POSTS": "100"}
    points.arm("producer: before commit", signal.SIGSTOP)
    with run_command(settings_file, "ingest", "file", str(file), **small, **points.environment) as zombie:
        with points.stopped_at("producer: before commit", zombie):
            lives(settings_file, "ingest", "file", str(file), **small)
        assert zombie.ended() == 1
        assert "another producer of this source has taken over" in zombie.output()
    posts = committed(settings.kafka.bootstrap, settings.kafka.posts)
    assert Counter((each.key() or b"").decode() for each in posts) == Counter(each.id for each in posts_of_csv(file))


@pytest.mark.timeout(600)
def test_a_scheduler_that_slept_before_a_document_while_another_took_over_publishes_nothing(
    settings: Settings, settings_file: Path, points: Points
) -> None:
    own: stack_settings.Tables = {
        "archive": {"idle_after_s": 3_600.0},
        "batch": {"lease_s": 5.0, "every_s": 1.0},
        "stack": {"state": str(settings_file.parent / "state")},
    }
    file = stack_settings.override(settings_file, settings_file, own)
    archive = ArchiveWriter(settings)
    for partition in range(3):
        archive.add(partition, [post(partition, 0, "#old"), post(10 + partition, 2, "#later")])
    point = "batch: before the document"
    points.arm(point, signal.SIGSTOP)
    with Store(settings.mongo) as store, run_command(file, "schedule", **points.environment) as zombie:
        with points.stopped_at(point, zombie), run_command(file, "schedule") as successor:
            assert not documents(store)
            archive.add(0, [post(20, 0, "#new")])
            until(lambda: FIRST in documents(store), within_s=120)
            until(lambda: store.collection(RUNS).find_one({"state": "done"}))
            assert successor.stopped() == 130
        until(lambda: "another run has taken over" in zombie.output(), zombie.output)
        assert zombie.stopped() == 130
        assert top(documents(store)[FIRST]) == [("old", 3), ("new", 1)]
        assert {each["state"] for each in store.collection(RUNS).find()} == {"abandoned", "done"}
