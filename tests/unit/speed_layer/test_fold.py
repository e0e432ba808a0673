"""Folding messages into counts."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.hours import Hour
from ingest.wire import Use, encode
from speed_layer.fold import Fold, Message, OutOfOrderError
from speed_layer.lane_update import NO_LANE, LaneUpdate, parse_tuple_id, tuple_id

HOURS = ("2017-01-06T07", "2017-01-06T08")
NOTHING: Mapping[str, int] = {}


def use(tag: str = "paris", hour: str = HOURS[0], shown: str = "Paris") -> bytes:
    return encode(Use(tag, hour, "1", "x", shown))


def fold(*messages: Message, start: int = 0, lanes: Mapping[str, int] = NOTHING) -> Fold:
    folded = Fold("hashtags", 3, start, lanes, lambda: Hour.parse("2017-01-06T09"))
    folded.add(messages)
    return folded


def test_uses_are_counted_by_hour_and_tag_and_the_first_spelling_is_shown() -> None:
    folded = fold((4, use(shown="PARIS")), (6, use()), (7, use("rome")), (9, use(hour=HOURS[1])))
    assert folded.hours() == {
        HOURS[0]: {"paris": (2, "PARIS"), "rome": (1, "Paris")},
        HOURS[1]: {"paris": (1, "Paris")},
    }
    assert (folded.start, folded.next, folded.messages, folded.rows) == (0, 10, 4, 3)


def test_what_its_lane_has_counted_is_left_out() -> None:
    folded = fold((4, use()), (5, use(hour=HOURS[1])), (8, use()), lanes={HOURS[0]: 8})
    assert folded.hours() == {HOURS[0]: {"paris": (1, "Paris")}, HOURS[1]: {"paris": (1, "Paris")}}


def test_an_hour_that_is_counted_altogether_makes_no_step() -> None:
    folded = fold((4, use()), lanes={HOURS[0]: 100})
    assert folded.uncounted_hours() == []
    assert folded.hours() == {}
    assert folded.next == 5


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"tag":"a"}',
        b'{"tag":"\\ud800","hour":"2017-01-06T07","post":"1","source":"x","shown":"a"}',
        b"[" * 100_000,
        use(hour=""),
        use(hour="2017-01-06T24"),
        use(hour="2017-01-06T07:00"),
        use(hour="2017-02-30T07"),
        use(hour="../../etc"),
        use(hour="2005-12-31T23"),
        use(hour="2017-01-06T10"),
        use(hour="2262-04-11T23"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_cannot_be_read_is_a_reject_and_its_neighbours_are_counted(value: bytes | None) -> None:
    folded = fold((1, use()), (2, value), (3, use()))
    assert folded.hours() == {HOURS[0]: {"paris": (2, "Paris")}}
    (reject,) = folded.rejects
    assert (reject.raw, reject.stage, reject.where) == (value or b"", "speed", "hashtags/3@2")
    assert reject.reason


@pytest.mark.parametrize("offsets", [(5, 5), (5, 4), (1,)])
def test_offsets_that_do_not_grow_are_not_trusted(offsets: tuple[int, ...]) -> None:
    with pytest.raises(OutOfOrderError):
        fold(*((offset, use()) for offset in offsets), start=2)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(HOURS), st.sampled_from("abc"), st.integers(1, 3)), max_size=30),
    st.dictionaries(st.sampled_from(HOURS), st.integers(0, 60)),
    st.integers(0, 30),
)
def test_however_it_is_cut_it_equals_a_plain_count(
    uses: list[tuple[str, str, int]], lanes: dict[str, int], cut: int
) -> None:
    messages, offset, expected = [], 0, Counter[tuple[str, str]]()
    for hour, tag, gap in uses:
        offset += gap
        messages.append((offset, use(tag, hour)))
        expected[hour, tag] += offset >= lanes.get(hour, 0)
    first = fold(*messages[:cut], lanes=lanes)
    second = fold(*messages[cut:], start=first.next, lanes=lanes)
    found = Counter[tuple[str, str]]()
    for folded in (first, second):
        for hour, counts in folded.hours().items():
            found.update({(hour, tag): count for tag, (count, _) in counts.items()})
    assert found == +expected


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.tuples(st.integers(1), st.just("Été"))))
def test_a_step_travels_as_a_flat_tuple(counts: dict[str, tuple[int, str]]) -> None:
    counts = {tag: (count % 2**63, shown) for tag, (count, shown) in counts.items()}
    update = LaneUpdate(HOURS[0], 3, 10, NO_LANE, 20, counts)
    values = update.values()
    assert all(isinstance(value, str | int) for value in values)
    assert LaneUpdate.of(values) == update


def test_a_tuple_id_says_partition_serial_and_hour() -> None:
    assert parse_tuple_id(tuple_id(3, 17, HOURS[0])) == (3, 17, HOURS[0])
