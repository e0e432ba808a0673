"""Records of a feed: made-up answers of stations that rent bikes, some 350 bytes of JSON each, all different."""

import json
from collections.abc import Iterator

SINCE = 1_700_391_600
"""Time of the first record, seconds."""
_STATIONS = 1_439


def records(count: int) -> Iterator[bytes]:
    """The first of them; record `n` says so in its field `n`."""
    for number in range(count):
        station = number % _STATIONS
        yield json.dumps(
            {
                "n": number,
                "dt": SINCE + 60 * (number // _STATIONS),
                "stationcode": f"{16_000 + station}",
                "name": f"Bénjamin Godard - Victor Hugo {station}",
                "is_installed": "OUI",
                "capacity": 20 + station % 40,
                "numdocksavailable": number * 7 % 37,
                "numbikesavailable": number * 11 % 29,
                "mechanical": number * 5 % 17,
                "ebike": number * 3 % 13,
                "is_renting": "OUI",
                "nom_arrondissement_communes": "Paris",
                "coordonnees_geo": {"lon": 2.275725 + station / 10_000, "lat": 48.865983 + station / 20_000},
            },
            ensure_ascii=False,
        ).encode()
