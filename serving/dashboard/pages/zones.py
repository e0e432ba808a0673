"""Zones: the time zones of the IANA database by region, as a list of a form."""

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple
from zoneinfo import available_timezones

REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip
"""Regions with cities. Names outside of them, as `EST5EDT`, are old ones of a zone that has a city."""


class Zone(NamedTuple):
    """A time zone."""

    key: str
    city: str
    """Without its region, as people write it: `New York`, `Argentina / Ushuaia`."""


@cache
def zones_by_region() -> Sequence[tuple[str, Sequence[Zone]]]:
    """Regions and cities in the order of the alphabet."""
    parts = sorted(tuple(key.partition("/")) for key in available_timezones())
    groups = groupby((each for each in parts if each[0] in REGIONS and each[2]), key=lambda each: each[0])
    return tuple(
        (region, tuple(Zone(f"{region}/{rest}", _city(rest)) for _, _, rest in each)) for region, each in groups
    )


def _city(rest: str) -> str:
    return rest.replace("_", " ").replace("/", " / ")
