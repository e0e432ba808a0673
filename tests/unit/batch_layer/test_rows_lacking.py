"""How far a stage is behind the sink that it reads."""

import pytest

from batch_layer.feeds.stage_status import rows_lacking
from batch_layer.sinks.contract import Standing


def standing(position: int, kept: int, rejected: int = 0, left_out: int = 0) -> Standing:
    return Standing(position, kept, rejected, left_out, (), None)


@pytest.mark.parametrize(
    ("before", "has", "lacks"),
    [
        (standing(22, 20, rejected=2), None, 20),
        (standing(22, 20, rejected=2), standing(20, 20), 0),
        (standing(22, 20, rejected=2), standing(10, 8, rejected=1, left_out=1), 10),
        (standing(100, 100), standing(90, 10), 10),  # the first 80 are in a gap
        (standing(5, 5), standing(9, 3), 0),  # filled again from the beginning
    ],
)
def test_it_counts_rows_and_not_offsets(before: Standing, has: Standing | None, lacks: int) -> None:
    assert rows_lacking(before, has) == lacks
