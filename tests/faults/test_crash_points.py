"""Whoever dies, at whichever point of its protocol, and is started again: the end equals the oracle."""

import json
from collections import Counter, defaultdict
from itertools import islice, pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch_layer.archive.paths import Paths
from batch_layer.publish import sweep
from batch_layer.storage.webhdfs import HdfsStore
from bench.harness import stack_settings
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour
from ingest.post import Post
from serving.cli import main
from serving.views.store import Store
from tests.support.batch import speed_hours, speed_row
from tests.support.cli import ask
from tests.support.faults.crash_points import Points, dies, lives, points_of
from tests.support.kafka import committed
from tests.support.oracle import count, posts_of_csv, top
from tests.support.posts import Sender, assert_exactly_once, recorded_posts
from tests.support.wait import until

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"


@pytest.fixture
def points(tmp_path: Path) -> Points:
    return Points(tmp_path / "points")


def test_the_archiver_dies_at_each_point_and_every_post_is_archived_once(
    settings: Settings, settings_file: Path, points: Points, test_data: Path
) -> None:
    recorded = iter(sorted(recorded_posts(test_data / BOSTON), key=lambda post: post.created_at))
    sender, sent = Sender(settings), list[Post]()
    for number, point in enumerate(points_of("archiver")):
        some = list(islice(recorded, 60))
        sender.send(some)
        sent += some
        # a group for each point: the members of a group wait 10 s for one that is dead
        group = {"TRENDS_KAFKA__ARCHIVE_GROUP": f"{settings.kafka.archive_group}-{number}"}
        dies(points, point, settings_file, "archive", "--until-drained", **group)
        again = {"TRENDS_KAFKA__ARCHIVE_GROUP": f"{settings.kafka.archive_group}-{number}-again"}
        lives(settings_file, "archive", "--until-drained", **again)
        assert_exactly_once(settings, sent)
    assert not HdfsStore(settings.hdfs).entries(Paths(settings.hdfs.root, settings.kafka.posts).all_tmp)


def test_the_producer_dies_at_each_point_and_every_post_and_use_is_there_once(
    settings: Settings, settings_file: Path, points: Points, test_data: Path
) -> None:
    lines = (test_data / BOSTON).read_bytes().splitlines(keepends=True)[:401]
    file = settings_file.with_name("some.csv")
    file.write_bytes(b"".join(lines))
    load = ("ingest", "file", str(file))
    small = {"TRENDS_INGEST__TRANSACTION_POSTS": "100"}
    written = []
    for point in points_of("producer"):
        dies(points, point, settings_file, *load, **small)
        written.append(len(committed(settings.kafka.bootstrap, settings.kafka.posts)))
    assert written == [0, 100], "it did not die where it was meant to"
    assert "Resuming after" in lives(settings_file, *load, **small)
    assert "Nothing new" in lives(settings_file, *load, **small)

    sent = list(posts_of_csv(file))
    posts = committed(settings.kafka.bootstrap, settings.kafka.posts)
    uses = committed(settings.kafka.bootstrap, settings.kafka.hashtags)
    assert Counter((post.key() or b"").decode() for post in posts) == Counter(post.id for post in sent)
    assert Counter((use.key() or b"").decode() for use in uses) == sum(count(sent, once=False).values(), Counter())


@pytest.mark.timeout(600)
def test_the_batch_job_dies_at_each_point_and_every_hour_is_answered_as_the_oracle_does(
    settings: Settings, settings_file: Path, points: Points, test_data: Path
) -> None:
    of_hour: dict[Hour, list[Post]] = defaultdict(list)
    for post in sorted(recorded_posts(test_data / BOSTON), key=lambda post: post.created_at):
        of_hour[post.hour].append(post)
    hours = [hour for hour, posts in of_hour.items() if len(posts) > 60]
    expected = count(posts_of_csv(test_data / BOSTON), once=True)
    own: stack_settings.Tables = {
        "archive": {"idle_after_s": 3_600.0},  # an hour is complete once the archive has the next one
        "batch": {"lease_s": 2.0},
        "stack": {"state": str(settings_file.parent / "state")},
    }
    file = stack_settings.override(settings_file, settings_file, own)

    archive = ArchiveWriter(settings)
    with Store(settings.mongo) as store, stack_settings.use(file):
        fill(archive, of_hour[hours[0]])
        for point, (hour, following) in zip(points_of("batch"), pairwise(hours), strict=False):
            fill(archive, of_hour[following])
            speed_row(store, hour, "not what the batch layer says")
            dies(points, point, file, "batch", "run")
            until(lambda: run_states()[0] == "dead")
        done = hours[: len(points_of("batch")) + 1]
        fill(archive, of_hour[hours[len(done)]])
        lives(file, "batch", "run")

        for hour in done:
            answer = ask("top", "--hour", str(hour), "-n", "1000")
            assert (answer["origin"], answer["state"]) == ("batch", "final")
            assert [(row["tag"], row["count"]) for row in answer["top"]] == top(expected[str(hour)], 1_000)
        assert run_states() == ["done", *["abandoned"] * (len(done) - 1)]
        sweep(store)
        assert not speed_hours(store), "rows that a dead job left are found by who sweeps"


def run_states() -> list[str]:
    """How the last runs went, as `trends status` says it."""
    told = CliRunner().invoke(main, ["status", "--json"])
    return [run["state"] for run in json.loads(told.stdout)["runs"]]


def fill(archive: ArchiveWriter, posts: list[Post]) -> None:
    """Archive posts in all three partitions."""
    for partition in range(3):
        archive.add(partition, posts[partition::3])
