"""Compaction on real HDFS: readers see every post all the time, and a crash anywhere is made good."""

import threading
from collections import Counter
from collections.abc import Iterable

import pytest

from batch_layer.archive.compaction import Compaction, compact_due, due
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.checks.verify import verify_archive
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import UnavailableError
from config.settings import HdfsSettings, Settings
from ingest.hours import Hour, wall_clock
from ingest.post import Post
from tests.support.posts import PAST, Sender, archive_all, assert_exactly_once, ids_of, some_posts, with_archive
from tests.support.wait import until

NOW = PAST + 10**10


@pytest.fixture
def posts(settings: Settings) -> list[Post]:
    """Three hours, each in several files."""
    sender, posts = Sender(settings), some_posts(240)
    for first in range(0, 240, 80):
        sender.send(posts[first::3][:80])
        archive_all(settings)
    return [post for first in range(0, 240, 80) for post in posts[first::3][:80]]


def several(ledger: Ledger) -> list[Hour]:
    return [hour for hour in ledger.hours() if len(ledger.parts(hour)) > 1]


def test_the_files_of_an_hour_become_one_in_order(settings: Settings, posts: list[Post]) -> None:
    ledger = ledger_of(settings)
    hours = several(ledger)
    assert hours
    files = sum(len(ledger.parts(hour)) for hour in hours)
    report = Compaction(ledger, settings.archive, NOW).run(hours)
    assert (report.hours, report.replaced, report.deleted) == ([str(hour) for hour in hours], files, 0)
    after = assert_exactly_once(settings, posts)
    assert several(after) == several(ledger) == []
    assert after.covered == ledger.covered


def test_what_was_replaced_is_deleted_by_a_later_run(settings: Settings, posts: list[Post]) -> None:
    settings = with_archive(settings, keep_replaced_s=100)
    ledger = ledger_of(settings)
    old = [part.path for hour in several(ledger) for part in ledger.parts(hour)]
    Compaction(ledger, settings.archive, NOW).run(several(ledger))
    assert all(ledger.store.bytes_of(path) for path in old)
    assert Compaction(ledger_of(settings), settings.archive, NOW + 99_999).run([]).deleted == 0
    assert Compaction(ledger_of(settings), settings.archive, NOW + 100_000).run([]).deleted == len(old)
    assert not any(ledger.store.bytes_of(path) for path in old)
    assert Compaction(ledger_of(settings), settings.archive, NOW + 100_000).run([]).deleted == 0
    assert_exactly_once(settings, posts)


def test_a_post_that_comes_after_a_compaction_is_merged_by_the_next(settings: Settings, posts: list[Post]) -> None:
    ledger = ledger_of(settings)
    Compaction(ledger, settings.archive, NOW).run(several(ledger))
    late = some_posts(2)
    Sender(settings).send(late)
    archive_all(settings)
    ledger = ledger_of(settings)
    assert several(ledger)
    Compaction(ledger, settings.archive, NOW).run(several(ledger))
    assert several(assert_exactly_once(settings, [*posts, *late])) == []


def test_readers_see_every_post_all_the_time(settings: Settings, posts: list[Post]) -> None:
    settings = with_archive(settings, keep_replaced_s=3_600)
    wanted = Counter(post.id for post in posts)
    done, wrong = threading.Event(), list[object]()
    looks = 0

    def look() -> None:
        nonlocal looks
        ledger = ledger_of(settings)
        while not done.is_set():
            ledger.refresh()
            if (seen := ids_of(ledger)) != wanted:
                wrong.append(seen)
            looks += 1

    reader = threading.Thread(target=look)
    reader.start()
    until(lambda: looks > 0 or bool(wrong), lambda: looks, 60)
    ledger = ledger_of(settings)
    for hour in several(ledger):
        Compaction(ledger, settings.archive, NOW).run([hour])
    seen = looks
    until(lambda: looks > seen + 1 or bool(wrong), lambda: looks, 60)
    done.set()
    reader.join(60)
    assert wrong == []


def test_of_two_compactors_at_once_one_is_refused(settings: Settings, posts: list[Post]) -> None:
    one, two = ledger_of(settings), ledger_of(settings)
    hours = several(one)
    assert Compaction(one, settings.archive, NOW).run(hours).hours
    assert Compaction(two, settings.archive, NOW).run(hours).hours == []
    assert several(assert_exactly_once(settings, posts)) == []


class Dying(HdfsStore):
    """HDFS that is gone from the n-th change on."""

    def __init__(self, settings: HdfsSettings, changes: int) -> None:
        super().__init__(settings)
        self._left = changes

    def _change(self) -> None:
        if self._left <= 0:
            raise UnavailableError("gone")
        self._left -= 1

    def put(self, path: str, data: bytes | Iterable[bytes]) -> None:
        self._change()
        super().put(path, data)

    def rename(self, path: str, to: str) -> bool:
        self._change()
        return super().rename(path, to)

    def delete(self, path: str, *, everything_below: bool = False) -> None:
        self._change()
        super().delete(path, everything_below=everything_below)


def test_a_compaction_that_dies_at_any_change_leaves_every_post_readable(settings: Settings, posts: list[Post]) -> None:
    settings = with_archive(settings, keep_replaced_s=0)
    wanted = Counter(post.id for post in posts)
    for changes in range(60):
        store = Dying(settings.hdfs, changes)
        ledger = Ledger(settings.hdfs, settings.archive, settings.kafka.posts, store=store)
        try:
            ledger.refresh()
            Compaction(ledger, settings.archive, NOW).run(several(ledger))
        except UnavailableError:
            assert ids_of(ledger_of(settings)) == wanted
        else:
            break
    assert several(assert_exactly_once(settings, posts)) == []


def test_only_complete_quiet_hours_in_several_files_are_due(settings: Settings, posts: list[Post]) -> None:
    ledger = ledger_of(settings)
    hours = several(ledger)
    arrived = max(ledger.last_arrival(hour) for hour in hours)
    assert due(ledger, hours[-1].plus(1), arrived + 60_000, 60) == hours
    assert due(ledger, hours[-1], arrived + 60_000, 60) == hours[:-1]
    assert due(ledger, hours[-1].plus(1), arrived, 60) == []
    loose = settings.model_copy(update={"batch": settings.batch.model_copy(update={"compact_after_s": 0})})
    loose = with_archive(loose, idle_after_s=0)
    assert compact_due(loose, wall_clock(), dry_run=True).hours == [str(hour) for hour in hours]


def test_an_hour_with_a_damaged_file_is_left_alone_and_told(settings: Settings, posts: list[Post]) -> None:
    ledger = ledger_of(settings)
    first, *others = several(ledger)
    path = ledger.parts(first)[0].path
    whole = ledger.store.get(path)
    assert whole
    ledger.store.put(path, whole[:-10])
    report = Compaction(ledger, settings.archive, NOW).run([first, *others])
    assert (report.damaged, report.hours) == ([str(first)], [str(hour) for hour in others])
    bad = [finding for finding in verify_archive(settings, None) if not finding.ok]
    assert path in {finding.where for finding in bad}


def test_verify_tells_of_files_that_no_manifest_names(settings: Settings, posts: list[Post]) -> None:
    ledger = ledger_of(settings)
    folder = ledger.parts(ledger.hours()[0])[0].path.rpartition("/")[0]
    ledger.store.put(f"{folder}/stray.avro", b"x")
    ledger.store.put(f"{settings.hdfs.root}/dt=1999-01-01/hour=07/stray.avro", b"x")
    later = wall_clock() + 3_600_000
    where = {finding.where for finding in verify_archive(settings, None, later) if not finding.ok}
    assert where == {f"{folder}/stray.avro", f"{settings.hdfs.root}/dt=1999-01-01/hour=07"}
