"""The topic of posts is deleted and recreated under a running archiver; its advice is followed; every hour is right.

Late posts come to hours that were computed before. The offsets of the new topic are small, and those of the former one
are in every document: they must not be taken for one another.
"""

import csv
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.settings import Settings
from serving.views.store import Store
from tests.support import oracle
from tests.support.batch import documents, top
from tests.support.cli import environment, run
from tests.support.faults.proof import proving
from tests.support.posts import archived
from tests.support.recreated import recreate
from tests.support.wait import until

POSTS, LATE = 2_500, 500
AT_ONCE = {"TRENDS_ARCHIVE__IDLE_AFTER_S": "0", "TRENDS_ARCHIVE__LATENESS_S": "0"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_late_posts_after_the_topic_was_recreated_are_counted_with_all_others(
    settings: Settings, settings_file: Path, boston: Path, tmp_path: Path
) -> None:
    everything, early, late = parted(boston, tmp_path)
    own = AT_ONCE | {"TRENDS_CONFIG": str(settings_file)}
    run("ingest", "file", str(early), variables=own)
    with archiving(settings_file, tmp_path) as archiver:
        count = sum(1 for _ in oracle.posts_of_csv(early))
        until(lambda: archived(settings) == count, lambda: archived(settings), 120)
        run("batch", "run", variables=own)
        assert_equal(settings, early)

        with proving("recreation", settings.kafka.posts, "before", "now") as proof:
            before, now = recreate(settings, settings.kafka.posts)
            proof.saw(before=before, now=now)
        run("ingest", "file", str(late), variables=own)
        until(lambda: archiver.poll() is not None, lambda: archived(settings), 120)
    assert archiver.returncode == 1
    said = (tmp_path / "archiver.log").read_text()
    assert all(word in said for word in ("recreated", before, now, "Set hdfs.root to a new folder"))
    assert archived(settings) == count, "posts of the new topic got into the archive of the former one"

    moved = own | {"TRENDS_HDFS__ROOT": f"{settings.hdfs.root}-2"}
    run("archive", "--until-drained", variables=moved)
    run("batch", "run", variables=moved)
    assert_equal(settings, everything)
    run("verify", "--all", variables=moved)
    run("recompute", "--all", "--reset", "--yes", variables=moved)
    assert_equal(settings, everything)


def parted(file: Path, folder: Path) -> tuple[Path, Path, Path]:
    """Some rows from all over a file; most of these; and the others, which come late: many hours have posts in both."""
    with file.open(newline="", encoding="utf-8") as lines:
        head, *rows = list(csv.reader(lines))
    rows = rows[:: len(rows) // POSTS]
    step = len(rows) // LATE
    early = [row for n, row in enumerate(rows) if n % step]
    parts = rows, early, rows[::step]
    paths = folder / "all.csv", folder / "early.csv", folder / "late.csv"
    for path, part in zip(paths, parts, strict=True):
        with path.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([head, *part])
    return paths


@contextmanager
def archiving(settings_file: Path, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The archiver as a process of its own."""
    with (folder / "archiver.log").open("wb") as log:
        variables = environment(TRENDS_CONFIG=str(settings_file), TRENDS_ARCHIVE__FLUSH_AFTER_S="1")
        process = subprocess.Popen(["trends", "archive"], env=variables, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait(30)


def assert_equal(settings: Settings, file: Path) -> None:
    """Every hour's document equals the oracle of these posts."""
    expected = oracle.count(oracle.posts_of_csv(file), once=True)
    with Store(settings.mongo) as store:
        there = {str(hour): top(document) for hour, document in documents(store).items()}
    assert len(there) > 20, "an empty comparison proves nothing"
    assert there == {hour: oracle.top(counts, 1_000) for hour, counts in expected.items()}
