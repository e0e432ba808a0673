"""Generated weather, in the shape of OpenWeather's answers: current weather, forecast, quality of the air.

It measures every ten minutes, as the service does. `rain` is there only while it rains.
https://openweathermap.org/current, /forecast5, /api/air-pollution
"""

import math
from collections.abc import Mapping
from typing import Any

from ingest.feeds.demo.noise import between, noise
from ingest.hours import Millis, iso

_MEASURES_S = 600
_FORECAST_S, _FORECASTS = 10_800, 40
_DAY_S = 86_400
_PARIS = {"id": 2_988_507, "lat": 48.8534, "lon": 2.3488, "country": "FR", "timezone": 3_600}
_SKIES = (
    (800, "Clear", "clear sky", "01"),
    (801, "Clouds", "few clouds", "02"),
    (804, "Clouds", "overcast clouds", "04"),
)
_RAIN = (500, "Rain", "light rain", "10")
Answer = dict[str, Any]


def current(seed: int, query: Mapping[str, str], now: Millis) -> Answer:
    """`/weather?q=`: the last measurement in a city."""
    city = query.get("q", "Paris")[:100]
    place = _place(seed, city)
    at_s = now // 1000 // _MEASURES_S * _MEASURES_S
    answer: Answer = {
        "coord": {"lon": place["lon"], "lat": place["lat"]},
        "base": "stations",
        **_weather(seed, city, at_s),
        "dt": at_s,
        "sys": {"country": place["country"], "sunrise": _sun_s(at_s, 7.5), "sunset": _sun_s(at_s, 17.5)},
        "timezone": place["timezone"],
        "id": place["id"],
        "name": city,
        "cod": 200,
    }
    if "rain" in answer:
        answer["rain"] = {"1h": answer["rain"]}
    return answer


def forecast(seed: int, query: Mapping[str, str], now: Millis) -> Answer:
    """`/forecast?q=`: five days, every three hours."""
    city = query.get("q", "Paris")[:100]
    first_s = (now // 1000 // _FORECAST_S + 1) * _FORECAST_S
    listed = []
    for at_s in range(first_s, first_s + _FORECASTS * _FORECAST_S, _FORECAST_S):
        weather = _weather(seed, city, at_s)
        entry: Answer = {"dt": at_s, **weather, "pop": round(between(0, 1, seed, city, at_s, "pop"), 2)}
        if "rain" in entry:
            entry["rain"] = {"3h": entry["rain"]}
        listed.append(entry | {"dt_txt": iso(at_s * 1000).replace("T", " ").removesuffix("Z")})
    place = _place(seed, city)
    where = {"id": place["id"], "name": city, "coord": {"lat": place["lat"], "lon": place["lon"]}}
    return {
        "cod": "200",
        "message": 0,
        "cnt": len(listed),
        "list": listed,
        "city": where | {"country": place["country"]},
    }


def air_pollution(seed: int, query: Mapping[str, str], now: Millis) -> Answer:
    """`/air_pollution?lat=&lon=`: the air at a place, measured every hour."""
    at_s = now // 3_600_000 * 3_600
    lat, lon = (query.get(name, "0")[:30] for name in ("lat", "lon"))
    amounts = {"co": 340, "no": 1, "no2": 12, "o3": 60, "so2": 6, "pm2_5": 11, "pm10": 16, "nh3": 2}
    components = {gas: round(most * between(0.4, 1.4, seed, lat, lon, at_s, gas), 2) for gas, most in amounts.items()}
    index = 1 + sum(components["pm2_5"] > limit for limit in (10, 25, 50, 75))
    return {
        "coord": {"lon": _number(lon), "lat": _number(lat)},
        "list": [{"main": {"aqi": index}, "components": components, "dt": at_s}],
    }


def _place(seed: int, city: str) -> Answer:
    if city == "Paris":
        return _PARIS
    lat, lon = round(between(-50, 60, seed, city, "lat"), 4), round(between(-120, 140, seed, city, "lon"), 4)
    return {"id": int(between(1e6, 9e6, seed, city)), "lat": lat, "lon": lon, "country": "XX", "timezone": 0}


def _weather(seed: int, city: str, at_s: int) -> Answer:
    day, hour = divmod(at_s, _DAY_S)
    warmth = 11 + between(-6, 8, seed, city, day) + 4 * math.sin((hour / 3_600 - 9) / 24 * math.tau)
    temp = round(warmth + between(-0.4, 0.4, seed, city, at_s), 2)
    rain = noise(seed, city, at_s // _FORECAST_S, "rain") < 0.25
    id_, main, description, icon = _RAIN if rain else _SKIES[int(3 * noise(seed, city, at_s // _FORECAST_S, "sky"))]
    light = "d" if 7 <= hour // 3_600 < 18 else "n"
    wind = round(between(0.5, 9, seed, city, at_s // 3_600), 2)
    weather: Answer = {
        "weather": [{"id": id_, "main": main, "description": description, "icon": f"{icon}{light}"}],
        "main": {
            "temp": temp, "feels_like": round(temp - wind / 4, 2), "temp_min": temp - 1, "temp_max": temp + 1,
            "pressure": 1_003 + int(25 * noise(seed, city, day, "hPa")), "humidity": 45 + int(50 * noise(seed, at_s)),
        },
        "visibility": 10_000,
        "wind": {"speed": wind, "deg": int(360 * noise(seed, city, day, "deg"))},
        "clouds": {"all": 0 if id_ == 800 else 20 if id_ == 801 else 95},
    }  # fmt: skip
    return weather | ({"rain": round(between(0.1, 3, seed, city, at_s, "mm"), 2)} if rain else {})


def _sun_s(at_s: int, hour: float) -> int:
    return at_s // _DAY_S * _DAY_S + int(hour * 3_600)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
