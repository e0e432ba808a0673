"""Generated bikes, in the shapes of two APIs: the open data of Paris (explore v2.1) and GBFS, of the same stations.

A station reports every one to ten minutes, so most of them are as they were a minute ago. As in the real answers, one
is listed twice, one has no time of report yet, and in GBFS one has a status and no information.
https://opendata.paris.fr/explore/dataset/velib-disponibilite-en-temps-reel, https://gbfs.org
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ingest.feeds.demo.noise import between, noise
from ingest.hours import Millis, iso

STATIONS = 1_439
_NEW, _TWICE, _UNKNOWN = 5, 9, 13
"""Numbers of the stations with something odd."""
_STREETS = (
    "Abbesses", "Alésia", "Bastille", "Caulaincourt", "Charonne", "Clauzel", "Convention", "Damrémont", "Gambetta",
    "Jourdain", "Lepic", "Lourmel", "Mairie", "Mouffetard", "Nation", "Oberkampf", "Parmentier", "Rivoli", "Saussure",
    "Tolbiac", "Toudouze", "Vaugirard", "Victor Hugo", "Voltaire",
)  # fmt: skip
_COMMUNES = ("Paris",) * 9 + ("Rosny-sous-Bois", "Montreuil", "Saint-Denis", "Boulogne-Billancourt")
Answer = dict[str, Any]


class _Station(NamedTuple):
    number: int
    code: str
    id: int
    name: str
    commune: str
    capacity: int
    lat: float
    lon: float
    every_s: int
    """How often it reports."""


class _Report(NamedTuple):
    at_s: int
    bikes: int
    ebikes: int
    docks: int
    renting: bool


def export(seed: int, _query: Mapping[str, str], now: Millis) -> list[Answer]:
    """`/exports/json` of explore v2.1: a row a station."""
    rows = [_row(seed, station, now) for station in _stations(seed)]
    return [*rows, dict(rows[_TWICE])]


def station_status(seed: int, _query: Mapping[str, str], now: Millis) -> Answer:
    """`/station_status.json` of GBFS."""
    listed = []
    for station in _stations(seed):
        report = _report(seed, station, now)
        bikes = report.bikes + report.ebikes
        listed.append({
            "stationCode": station.code, "station_id": station.id, "num_bikes_available": bikes,
            "numBikesAvailable": bikes, "num_docks_available": report.docks, "numDocksAvailable": report.docks,
            "num_bikes_available_types": [{"mechanical": report.bikes}, {"ebike": report.ebikes}],
            "is_installed": 1, "is_returning": 1, "is_renting": int(report.renting),
            "last_reported": None if station.number == _NEW else report.at_s,
        })  # fmt: skip
    return _gbfs(listed, now)


def station_information(seed: int, _query: Mapping[str, str], now: Millis) -> Answer:
    """`/station_information.json` of GBFS."""
    listed = [
        {
            "station_id": station.id, "name": station.name, "lat": station.lat, "lon": station.lon,
            "capacity": station.capacity, "stationCode": station.code,
        }
        for station in _stations(seed)
        if station.number != _UNKNOWN
    ]  # fmt: skip
    return _gbfs(listed, now)


def _gbfs(stations: list[Answer], now: Millis) -> Answer:
    return {"lastUpdatedOther": now // 1000, "ttl": 3_600, "data": {"stations": stations}}


def _row(seed: int, station: _Station, now: Millis) -> Answer:
    report = _report(seed, station, now)
    return {
        "stationcode": station.code, "name": station.name, "is_installed": "OUI", "capacity": station.capacity,
        "numdocksavailable": report.docks, "numbikesavailable": report.bikes + report.ebikes,
        "mechanical": report.bikes, "ebike": report.ebikes, "is_renting": "OUI" if report.renting else "NON",
        "is_returning": "OUI",
        "duedate": None if station.number == _NEW else iso(report.at_s * 1000).replace("Z", "+00:00"),
        "coordonnees_geo": {"lon": station.lon, "lat": station.lat},
        "nom_arrondissement_communes": station.commune, "code_insee_commune": None,
    }  # fmt: skip


@lru_cache(4)
def _stations(seed: int) -> tuple[_Station, ...]:
    return tuple(_station(seed, number) for number in range(STATIONS))


def _station(seed: int, number: int) -> _Station:
    keys = (seed, number)
    streets = sorted(_STREETS, key=lambda street: noise(*keys, street))[:2]
    return _Station(
        number, str(1_001 + 20 * number), 10_000 + int(1e8 * noise(*keys, "id")), " - ".join(streets),
        _COMMUNES[int(len(_COMMUNES) * noise(*keys, "commune"))], 10 + int(50 * noise(*keys, "capacity")),
        round(between(48.78, 48.95, *keys, "lat"), 6), round(between(2.2, 2.5, *keys, "lon"), 6),
        60 * (1 + int(10 * noise(*keys, "every"))),
    )  # fmt: skip


def _report(seed: int, station: _Station, now: Millis) -> _Report:
    """The last report of a station: full or empty by the hour of the day, and by chance."""
    phase_s = int(station.every_s * noise(seed, station.number, "phase"))
    at_s = (now // 1000 - phase_s) // station.every_s * station.every_s + phase_s
    tide = 0.5 + 0.35 * math.sin(at_s / 86_400 * math.tau + math.tau * noise(seed, station.number, "tide"))
    share = min(1.0, max(0.0, tide + between(-0.15, 0.15, seed, station.number, at_s)))
    bikes = round(station.capacity * share)
    ebikes = round(bikes * between(0.2, 0.6, seed, station.number, at_s, "ebike"))
    renting = noise(seed, station.number, at_s // 86_400, "renting") > 0.01
    return _Report(at_s, bikes - ebikes, ebikes, station.capacity - bikes, renting)
