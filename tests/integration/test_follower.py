"""The follower on real servers: it tells what the ledger tells, whoever follows, and whatever happens in between."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from batch_layer.archive.compaction import Compaction
from batch_layer.archive.manifest import Manifest
from batch_layer.archive.reading.follower import Follower, Mark
from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.scheduling import due
from bench.inputs.archive_writer import ArchiveWriter
from config.errors import UnavailableError
from config.settings import Settings
from ingest.hours import Hour
from serving.views.documents import ARCHIVE_MARKS, DUE_HOURS, HOURS
from serving.views.store import Store
from tests.support.batch import FIRST, post
from tests.support.views import view

NOW = 4_000_000_000_000
SECOND, LATER = FIRST.plus(1), FIRST.plus(99)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


def look(settings: Settings, store: Store) -> Follower:
    follower = Follower(settings, store)
    follower.look()
    return follower


def assert_as_the_ledger(settings: Settings, follower: Follower) -> None:
    ledger = ledger_of(settings)
    hours = ledger.hours()
    manifests = [each for partition in ledger.partitions for each in partition]
    assert follower.covered == ledger.covered
    assert follower.total("posts") == sum(ledger.posts(hour) for hour in hours)
    assert follower.total("files") == sum(len(ledger.parts(hour)) for hour in hours)
    assert follower.total("rejected") == sum(each.rejected for each in manifests)
    assert follower.total("lost") == sum(each.next - each.start for each in manifests if each.kind == "gap")
    for partition in range(len(ledger.covered)):
        assert follower.last_commit(partition) == ledger.last_commit(partition)
        assert follower.latest_event(partition) == ledger.latest_event(partition)


def due_hours(store: Store) -> set[Hour]:
    return {Hour.parse(each["hour"]) for each in store.collection(DUE_HOURS).find()}


def waiting(store: Store, follower: Follower, until: Hour = LATER) -> list[Hour]:
    return list(due.look(store, follower, until).waiting)


def publish(store: Store, hour: Hour, token: int, covered: tuple[int, ...], *, complete: bool = True) -> None:
    assert store.publish_all([view(token, hour=hour)._replace(covered=covered, complete=complete, computed_at=NOW)])


def test_it_tells_what_the_ledger_tells(settings: Settings, store: Store) -> None:
    archive = ArchiveWriter(settings)
    assert look(settings, store).covered == ()
    archive.add(0, [post(1, 0, "a"), post(2, 1, "b")])
    archive.add(2, [post(3, 0, "c")])
    assert_as_the_ledger(settings, look(settings, store))
    archive.add(0, [post(4, 0, "d")])
    Compaction(ledger_of(settings), settings.archive, FIRST.end_ms).run([FIRST])
    follower = look(settings, store)
    assert_as_the_ledger(settings, follower)
    assert follower.total("files") == 2
    archive.add(1, [post(5, 0, "late")])
    follower.look()
    assert_as_the_ledger(settings, follower)
    assert due_hours(store) == {FIRST, SECOND}


def test_dead_between_an_hour_and_its_mark_it_loses_nothing_and_counts_nothing_twice(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ArchiveWriter(settings).add(0, [post(1, 0, "a"), post(2, 1, "b")])

    def dies(*_: object) -> Mark:
        raise UnavailableError("dead")

    with monkeypatch.context() as patched:
        patched.setattr(Follower, "_advance", dies)
        with pytest.raises(UnavailableError):
            look(settings, store)
    assert due_hours(store) == {FIRST, SECOND}
    assert_as_the_ledger(settings, look(settings, store))


def test_several_follow_at_once_and_each_manifest_counts_once(settings: Settings, store: Store) -> None:
    archive = ArchiveWriter(settings)
    for number in range(12):
        archive.add(number % 2, [post(number, number, "a")])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: look(settings, store), range(8)))
    assert_as_the_ledger(settings, look(settings, store))


def test_an_archive_in_the_place_of_another_is_read_anew(settings: Settings, store: Store) -> None:
    archive = ArchiveWriter(settings)
    archive.add(0, [post(1, 0, "a"), post(2, 0, "b")])
    look(settings, store)
    archive.store.delete(settings.hdfs.root, everything_below=True)
    other = ArchiveWriter(settings)
    other.add(0, [post(3, 1, "c"), post(4, 1, "d")])
    follower = look(settings, store)
    assert_as_the_ledger(settings, follower)
    assert due_hours(store) == {SECOND}


def test_marks_that_were_deleted_are_made_again(settings: Settings, store: Store) -> None:
    ArchiveWriter(settings).add(0, [post(1, 0, "a")])
    look(settings, store)
    store.collection(ARCHIVE_MARKS).delete_many({})
    assert_as_the_ledger(settings, look(settings, store))


def test_an_hour_is_due_until_its_document_is_final(settings: Settings, store: Store) -> None:
    archive = ArchiveWriter(settings)
    archive.add(0, [post(1, 0, "a"), post(2, 1, "b")])
    follower = look(settings, store)
    assert waiting(store, follower) == [FIRST, SECOND]
    assert waiting(store, follower, until=SECOND) == [FIRST]
    assert due.look(store, follower, SECOND).without == 2
    publish(store, FIRST, 1, follower.covered)
    publish(store, SECOND, 1, follower.covered, complete=False)
    assert waiting(store, follower) == [SECOND]
    assert due_hours(store) == {SECOND}


def test_late_posts_and_dirty_documents_are_found_at_the_next_look(settings: Settings, store: Store) -> None:
    archive = ArchiveWriter(settings)
    archive.add(0, [post(1, 0, "a"), post(2, 1, "b"), post(3, 2, "c")])
    follower = look(settings, store)
    for number in range(3):
        publish(store, FIRST.plus(number), 1, follower.covered)
    assert waiting(store, follower) == []
    assert not due_hours(store)
    archive.add(1, [post(4, 0, "late")])
    store.collection(HOURS).update_one({"hour": str(SECOND)}, {"$set": {"dirty": True}})
    store.collection(HOURS).update_one({"hour": str(FIRST.plus(2))}, {"$set": {"complete": False}})
    follower.look()
    assert waiting(store, follower) == [FIRST, SECOND, FIRST.plus(2)]
    for number in range(3):
        publish(store, FIRST.plus(number), 2, follower.covered)
    assert waiting(store, follower) == []


def test_a_post_that_comes_while_an_hour_is_looked_at_keeps_it_due(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = ArchiveWriter(settings)
    archive.add(0, [post(1, 0, "a")])
    follower = look(settings, store)
    publish(store, FIRST, 1, follower.covered)
    settle = due._settle

    def comes_late(*given: object) -> None:
        archive.add(0, [post(2, 0, "late")])
        look(settings, store)
        settle(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(due, "_settle", comes_late)
        waiting(store, follower)
    follower.look()
    assert waiting(store, follower) == [FIRST]


def test_gaps_and_rejects_are_totals_of_a_mark() -> None:
    chunk = Manifest(
        uuid="0" * 32, kind="chunk", topic="posts", partition=0, start=5, next=9, rejected=2, committed_at=7
    )
    gap = Manifest(uuid="1" * 32, kind="gap", topic="posts", partition=0, start=9, next=30, committed_at=8)
    mark = Mark(next=5).after([chunk, gap], None)
    assert (mark.next, mark.last_start, mark.rejected, mark.lost, mark.last_commit) == (30, 9, 2, 21, 8)
    assert mark.latest_event is None
