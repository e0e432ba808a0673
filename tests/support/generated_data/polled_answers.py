"""Answers of OpenWeather, of the open data of Paris and of GBFS, as their documentation shows them; values invented.

A test holds the generator of the demos to them, so nothing here comes from that generator.
"""

from typing import Any

_STATIONS = (("12104", 700_000_104, "Quai du Test - Pont"), ("9021", 700_000_021, "Place Vide"), ("16108", 31, "Rue A"))


def _measured(temp: float) -> dict[str, Any]:
    return {
        "temp": temp, "feels_like": temp - 1, "temp_min": temp - 2, "temp_max": temp + 2, "pressure": 1013,
        "humidity": 64,
    }  # fmt: skip


def _forecast(dt: int, dt_txt: str, **sometimes: Any) -> dict[str, Any]:
    sky = [{"id": 500, "main": "Rain", "description": "light rain", "icon": "10n"}]
    return {
        "dt": dt, "main": _measured(280.2), "weather": sky, "clouds": {"all": 23}, "visibility": 10_000, "pop": 0.4,
        "wind": {"speed": 2.5, "deg": 227, "gust": 4.1}, "sys": {"pod": "n"}, "dt_txt": dt_txt,
    } | sometimes  # fmt: skip


_CURRENT = {
    "coord": {"lon": 4.8357, "lat": 45.764}, "base": "stations", "main": _measured(284.9), "visibility": 9_000,
    "weather": [{"id": 801, "main": "Clouds", "description": "few clouds", "icon": "02d"}],
    "wind": {"speed": 5.1, "deg": 230, "gust": 8.7}, "clouds": {"all": 20}, "dt": 1_760_000_400, "timezone": 7_200,
    "sys": {"type": 2, "id": 6_505, "country": "FR", "sunrise": 1_759_989_000, "sunset": 1_760_029_500},
    "id": 2_996_944, "name": "Lyon", "cod": 200,
}  # fmt: skip
_COMPONENTS = {"co": 340.5, "no": 0.3, "no2": 4.6, "o3": 127.3, "so2": 16.7, "pm2_5": 12.7, "pm10": 15.3, "nh3": 2.4}
_AIR = [{"main": {"aqi": 3}, "components": _COMPONENTS, "dt": 1_760_000_400}]


def _row(number: int) -> dict[str, Any]:
    code, _, name = _STATIONS[number]
    return {
        "stationcode": code, "name": name, "is_installed": "OUI", "capacity": 30, "numdocksavailable": 13,
        "numbikesavailable": 17, "mechanical": 5, "ebike": 12, "is_renting": "OUI", "is_returning": "NON",
        "duedate": f"2026-03-01T14:2{number}:33+00:00", "coordonnees_geo": {"lon": 2.48, "lat": 48.87},
        "nom_arrondissement_communes": "Paris", "code_insee_commune": None,
    }  # fmt: skip


def _status(number: int) -> dict[str, Any]:
    code, id_, _ = _STATIONS[number]
    return {
        "stationCode": code, "station_id": id_, "num_bikes_available": 8, "numBikesAvailable": 8,
        "num_bikes_available_types": [{"mechanical": 1}, {"ebike": 7}], "num_docks_available": 13,
        "numDocksAvailable": 13, "is_installed": 1, "is_returning": 1, "is_renting": 1,
        "last_reported": 1_760_000_000 + number,
    }  # fmt: skip


def _information(number: int) -> dict[str, Any]:
    code, id_, name = _STATIONS[number]
    station = {"station_id": id_, "name": name, "lat": 48.87, "lon": 2.34, "capacity": 21, "stationCode": code}
    return station | ({"rental_methods": ["CREDITCARD"]} if number else {})


def _gbfs(stations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"lastUpdatedOther": 1_760_000_100, "ttl": 3_600, "data": {"stations": stations}}


ANSWERS: dict[str, Any] = {
    "openweather/current_weather.json": _CURRENT,
    "openweather/forecast_list_items.json": [
        _forecast(1_760_011_200, "2025-10-09 12:00:00"),
        _forecast(1_760_022_000, "2025-10-09 15:00:00", rain={"3h": 0.18}),
    ],
    "openweather/air_pollution.json": {"coord": _CURRENT["coord"], "list": _AIR},
    "velib/explore_v2.1_records_sample.json": {"total_count": 1_468, "results": [_row(0), _row(1)]},
    "velib/station_status_sample.json": _gbfs([_status(number) for number in range(3)]),
    "velib/station_information_sample.json": _gbfs([_information(number) for number in range(3)]),
}
"""JSON by the path below the folder."""
