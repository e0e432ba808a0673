"""Times as sources spell them."""

import pytest

from config.errors import BadRecordError
from ingest.sources.formats.timestamps import time_of, time_of_id


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Fri Jan 22 05:00:07 +0000 2016", 1_453_438_807_000),
        ("2016-01-22T05:00:07.000Z", 1_453_438_807_000),
        ("2016-01-22T06:00:07.5+01:00", 1_453_438_807_500),
        ("2016-01-22 05:00:07", 1_453_438_807_000),
        ("2016-01-22", 1_453_420_800_000),
        ("1453438807", 1_453_438_807_000),
        ("1453438807.25", 1_453_438_807_250),
        ("1453438807661", 1_453_438_807_661),
        ("Sat Dec 31 23:59:60 +0000 2016", 1_483_228_799_000),
    ],
)
def test_a_time_is_understood(text: str, moment: int) -> None:
    assert time_of(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "22/01/2016", "2016-02-30", "Fri Foo 22 05:00:07 +0000 2016", "Fri Feb 30 05:00:07 +0000 2016",
     "1e18", "nan", "١٤٥٣٤٣٨٨٠٧", "9" * 400, "2016-13-01T00:00:00Z", "\ud800"],
)  # fmt: skip
def test_a_time_that_has_no_one_reading_is_refused(text: str) -> None:
    with pytest.raises(BadRecordError):
        time_of(text)


def test_the_id_of_a_post_tells_its_millisecond() -> None:
    assert time_of_id("1377650387579248643") == 1_617_292_422_562


@pytest.mark.parametrize(
    "id_", ["", "12", "29700859247", "-5", "1.5", "99999999999999999999", "²", "٣٢٥٢٠٨٢٠١٧٤٠٠٢٩٩٥٢"]
)
def test_an_id_that_tells_no_time_is_refused(id_: str) -> None:
    with pytest.raises(BadRecordError):
        time_of_id(id_)
