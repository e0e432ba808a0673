"""What a document covers against what a run covers."""

from hypothesis import given
from hypothesis import strategies as st

from batch_layer.archive.reading.coverage import CoversLessError, Shortfall, shortfall, shortfall_of
from ingest.hours import Hour
from serving.views.documents import Provenance

COVERED = st.lists(st.integers(0, 3), max_size=5)


def test_fewer_partitions_and_smaller_offsets_cover_less() -> None:
    assert shortfall([5, 7, 9], [5, 7]) == Shortfall(2, 9, 0)
    assert shortfall([5, 7], [6, 6, 9]) == Shortfall(1, 7, 6)


def test_more_partitions_larger_offsets_and_empty_partitions_cover_no_less() -> None:
    assert shortfall([5, 7], [5, 8, 1]) is None
    assert shortfall([5, 7, 0, 0], [5, 7]) is None
    assert shortfall([], []) is None


def test_offsets_are_compared_within_one_archive() -> None:
    both = Provenance("new", "", (("old", (5_000,)),))
    assert shortfall_of({"archive": "old", "covered": [5_000], "earlier": {}}, (500,), both) is None
    assert shortfall_of({"archive": "old", "covered": [5_001], "earlier": {}}, (9_999,), both) == Shortfall(
        0, 5_001, 5_000
    )
    assert shortfall_of({"archive": "new", "covered": [9], "earlier": {"gone": [7]}}, (500,), both) == Shortfall(
        0, 7, 0
    )


def test_a_document_of_the_version_before_covers_no_more_than_some_archive_that_is_read() -> None:
    both = Provenance("new", "", (("old", (5_000,)),))
    assert shortfall_of({"covered": [5_000]}, (500,), both) is None
    assert shortfall_of({"covered": [5_001]}, (500,), both) == Shortfall(0, 5_001, 500)


@given(COVERED, COVERED)
def test_it_is_none_exactly_where_every_offset_is_reached(document: list[int], run: list[int]) -> None:
    padded = [*run, *[0] * len(document)]
    assert (shortfall(document, run) is None) == all(a <= b for a, b in zip(document, padded, strict=False))


def test_the_error_names_hour_partition_and_flag() -> None:
    told = str(CoversLessError(Hour.parse("2017-01-06T07"), Shortfall(4, 90, 0)))
    assert all(part in told for part in ("2017-01-06T07", "partition 4", "90", "--allow-less"))
