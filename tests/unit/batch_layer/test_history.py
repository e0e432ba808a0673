"""Hours are computed from all archives together; an offset of one archive is never taken for one of another."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from batch_layer.archive.manifest import Manifest, Part, encode
from batch_layer.archive.paths import Paths
from batch_layer.archive.reading.history import History
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.storage.chunk_files.identity import ArchiveFile
from batch_layer.storage.chunk_files.layout import Span
from config.settings import ArchiveSettings, HdfsSettings
from ingest.hours import Hour
from serving.views.documents import HourDocument
from tests.support.hdfs_double import HdfsDouble

HOUR = Hour.parse("2017-01-06T07")
BEGAN = 1_700_000_000_000
OLD, NEW = "a" * 32, "b" * 32


def ledger(archive: str | None, *chunks: tuple[int, int, Hour], adopted: bool = False, began: int = BEGAN) -> Ledger:
    """An archive with an id, or with none, and its chunks of partition 0."""
    hdfs, root = HdfsDouble(), f"/{archive}"
    paths = Paths(root, "posts")
    if archive is not None:
        file = ArchiveFile(id=archive, created_at=began, adopted=adopted)
        hdfs.put(paths.archive_identity, msgspec.json.encode(file))
    for start, end, hour in chunks:
        path = paths.part(hour, Span(0, start, end), 1, 1)
        part = Part(str(hour), path, end - start, 1, hour.start_ms, hour.start_ms)
        link = Manifest(
            uuid=uuid4().hex, kind="chunk", topic="posts", partition=0, start=start, next=end, parts=(part,),
            committed_at=began + start,
        )  # fmt: skip
        hdfs.put(paths.commit(0, start), encode(link))
    made = Ledger(HdfsSettings(root=root), ArchiveSettings(), "posts", store=hdfs)
    made.refresh()
    return made


def document(covered: list[int], at: int = BEGAN + 1_000_000, **fields: Any) -> HourDocument:
    moment = datetime.fromtimestamp(at / 1000, UTC)
    made: Any = {"hour": str(HOUR), "covered": covered, "computed_at": moment, "complete": True, "dirty": False}
    return made | fields  # type: ignore[no-any-return]


def test_a_late_post_at_a_small_offset_of_a_new_archive_is_seen() -> None:
    old, new = ledger(OLD, (0, 5_000, HOUR)), ledger(NEW, (0, 500, HOUR))
    of_old = document([5_000], archive=OLD, topic_id="x", earlier={})
    assert not History(old).late_since(HOUR, of_old)
    assert History(new, [old]).late_since(HOUR, of_old)
    assert History(new, [old]).posts(HOUR) == 5_500
    of_both = document([500], archive=NEW, topic_id="y", earlier={OLD: [5_000]})
    assert not History(new, [old]).late_since(HOUR, of_both)


def test_an_archive_that_grew_is_seen_whichever_of_them_it_is() -> None:
    of_both = document([500], archive=NEW, earlier={OLD: [5_000]})
    grown = ledger(OLD, (0, 5_000, HOUR), (5_000, 5_001, HOUR))
    assert History(ledger(NEW, (0, 500, HOUR)), [grown]).late_since(HOUR, of_both)


def test_parts_come_archive_after_archive_and_the_provenance_names_all() -> None:
    old, new = ledger(OLD, (0, 10, HOUR)), ledger(NEW, (0, 5, HOUR), (5, 9, HOUR.plus(1)))
    history = History(new, [old])
    assert [[part.records for part in parts] for parts in history.eras(HOUR)] == [[10], [5]]
    assert (history.covered, history.provenance.archive, history.provenance.earlier) == ((9,), NEW, ((OLD, (10,)),))
    assert history.hours() == [HOUR, HOUR.plus(1)]


def test_a_document_of_an_archive_that_is_not_read_is_strange() -> None:
    new = ledger(NEW, (0, 500, HOUR))
    assert History(new).strange(document([5_000], archive=OLD, earlier={})) == {OLD}
    assert History(new).strange(document([500], archive=NEW, earlier={OLD: [5_000]})) == {OLD}
    assert History(new, [ledger(OLD)]).strange(document([5_000], archive=OLD, earlier={})) == set()


def test_a_document_of_the_version_before_is_taken_for_one_of_the_archive_of_the_version_before() -> None:
    adopted, fresh = ledger(OLD, (0, 5_000, HOUR), adopted=True), ledger(NEW, (0, 500, HOUR))
    before = document([5_000])
    assert not History(adopted).late_since(HOUR, before)
    assert History(fresh, [adopted]).known_offsets(before) == {OLD: [5_000]}
    assert History(fresh, [adopted]).late_since(HOUR, before)
    assert History(fresh, [adopted]).strange(before) == set()


@pytest.mark.parametrize(
    ("own", "before"),
    [
        (ledger(NEW, (0, 500, HOUR)), document([100])),  # it has written ids from its beginning
        (ledger(NEW, (0, 500, HOUR), adopted=True), document([5_000])),  # it never went so far
        (ledger(NEW, (0, 500, HOUR), adopted=True), document([100, 7])),  # it has not as many partitions
        (ledger(NEW, (0, 500, HOUR), adopted=True), document([100], at=BEGAN - 3_600_000)),  # it began later
    ],
)
def test_a_document_of_the_version_before_that_cannot_be_of_an_archive_is_strange(
    own: Ledger, before: HourDocument
) -> None:
    assert History(own).strange(before) == {"?"}
    assert History(own).late_since(HOUR, before), "its late posts are told, though it is not replaced"


def test_a_document_of_the_version_before_that_may_be_of_either_archive_is_computed_again_from_both() -> None:
    one, two = ledger(OLD, (0, 5_000, HOUR), adopted=True), ledger(NEW, (0, 5_000, HOUR), adopted=True)
    history = History(two, [one])
    assert (history.known_offsets(document([10])), history.strange(document([10]))) == ({}, set())


def test_an_archive_of_the_version_before_is_adopted_when_it_is_first_looked_at_and_an_empty_folder_is_not() -> None:
    before = ledger(None, (0, 10, HOUR))
    before.adopt(BEGAN)
    assert before.identity is not None
    assert before.identity.adopted
    again = before.identity.id
    before.adopt(BEGAN + 1)
    assert before.origin.archive == again
    empty = ledger(None)
    empty.adopt(BEGAN)
    assert empty.identity is None
