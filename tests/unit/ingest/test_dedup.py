"""What was given already: remembered, forgotten, and kept in a cursor."""

from ingest.sources.live.dedup import KEPT, MEMORY, RecentKeys


def keys(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


def test_a_record_is_new_once() -> None:
    seen = RecentKeys()
    assert [seen.add(key, 1) for key in (b"a", b"b", b"a")] == [True, True, False]


def test_a_cursor_keeps_what_is_not_older_than_a_mark_and_what_has_none() -> None:
    seen = RecentKeys()
    for key, mark in ((b"old", 10), (b"unknown", 0), (b"new", 20), (b"newer", 30)):
        seen.add(key, mark)
    again = RecentKeys(seen.pack(20), 30)
    assert [again.add(key, 40) for key in (b"old", b"unknown", b"new", b"newer")] == [True, False, False, False]


def test_memory_and_cursor_are_bounded_and_the_newest_stay() -> None:
    seen = RecentKeys()
    for key in keys(MEMORY + 10):
        seen.add(key, 1)
    assert len(seen) == MEMORY
    again = RecentKeys(seen.pack(0), 1)
    assert len(again) == KEPT
    assert not again.add(keys(MEMORY + 10)[-1], 2)
    assert again.add(b"0", 2)
