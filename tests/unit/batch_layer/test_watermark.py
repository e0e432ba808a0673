"""The watermark: the slowest partition decides, and an hour ends when it is passed."""

from hypothesis import given
from hypothesis import strategies as st

from batch_layer.archive.reading.watermark import watermark
from ingest.hours import Hour

NOW = 1_366_000_000_000
MOMENTS = st.lists(st.none() | st.integers(0, 2 * NOW), max_size=6)


def test_the_slowest_partition_decides() -> None:
    assert watermark([NOW - 1000, NOW - 5000, NOW], NOW, 2000) == NOW - 7000


def test_a_partition_of_which_nothing_is_known_holds_everything_up() -> None:
    assert watermark([NOW, None], NOW, 0) == 0
    assert watermark([], NOW, 0) == 0


def test_an_hour_is_complete_when_its_last_moment_and_the_lateness_are_passed() -> None:
    hour = Hour.of(NOW)
    assert Hour.of(watermark([hour.end_ms + 120_000], hour.end_ms + 120_000, 120_000)) == hour.plus(1)
    assert Hour.of(watermark([hour.end_ms + 119_999], hour.end_ms + 120_000, 120_000)) == hour


@given(MOMENTS, st.integers(0, 10_000_000))
def test_it_is_never_beyond_now_less_the_lateness(passed: list[int | None], lateness: int) -> None:
    assert 0 <= watermark(passed, NOW, lateness) <= NOW - lateness
