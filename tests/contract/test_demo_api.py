"""Shipped feeds poll recorded answers, and those of their demos, which look like recorded ones."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.errors import UsageError
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import HttpSource, NamedFeed
from ingest.feeds.demo.demo_api import DEMOS, demo_api, redirect_feed
from ingest.feeds.demo.velib_answers import STATIONS, export, station_information, station_status
from ingest.feeds.demo.weather_answers import air_pollution, current, forecast
from tests.support.api_host import ApiHost, api
from tests.support.polls import MINUTE_MS, Clock, gaps, poll, records, run
from tests.support.sources import NOW

RECORDED: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "current": (current, "openweather/current_weather.json", ()),
    "forecast": (forecast, "openweather/forecast_list_items.json", ("list",)),
    "air": (air_pollution, "openweather/air_pollution.json", ()),
    "export": (export, "velib/explore_v2.1_records_sample.json", ()),
    "status": (station_status, "velib/station_status_sample.json", ()),
    "information": (station_information, "velib/station_information_sample.json", ()),
}
SOMETIMES = {"gust", "rain", "snow", "rental_methods", "sea_level", "grnd_level", "temp_kf", "pod", "type", "sys"}
"""Fields that real answers have now and then, or that nobody needs."""


def shipped(name: str) -> NamedFeed:
    return FeedFile(SHIPPED / f"{name}.toml").feed({}, {})


@pytest.mark.parametrize("feed", DEMOS)
def test_the_poll_of_a_shipped_feed_reads_its_demo(feed: str) -> None:
    clock = Clock()
    with demo_api(feed, 7, clock.now) as url:
        moved = redirect_feed(shipped(feed), url)
        source = moved.declaration.source
        assert isinstance(source, HttpSource)
        service = poll(source, clock, 3)
        batches = run(service, clock)
    sizes = [len(batch.items) for batch in batches]
    assert not gaps(batches)
    if feed == "weather":
        assert sizes == [1, 1, 1]
        assert all(None not in (record.value["forecast"], record.value["air"]) for record in records(batches))
    else:
        assert sizes[0] == STATIONS - 1
        assert all(100 < size < STATIONS / 2 for size in sizes[1:])  # most stations are as they were
        assert [reject.reason for batch in batches for reject in batch.rejects] == ["no event time"]
        assert service.remark


@pytest.mark.parametrize("feed", DEMOS)
def test_the_same_seed_and_moment_give_the_same_answers(feed: str) -> None:
    def answers(seed: int, at: int) -> list[bytes]:
        with demo_api(feed, seed, lambda: at) as url:
            return [httpx.get(url + path, params={"q": "Lyon"}).content for path in DEMOS[feed]]

    first = answers(1, NOW)
    assert answers(1, NOW) == first
    assert answers(2, NOW) != first
    assert answers(1, NOW + 60 * MINUTE_MS) != first


def test_shipped_feeds_poll_recorded_answers(service_data: Path) -> None:
    def recorded(name: str) -> Any:
        return json.loads((service_data / name).read_text())

    served = {
        "weather": {
            "/weather": recorded("openweather/current_weather.json"),
            "/forecast": {"cod": "200", "list": recorded("openweather/forecast_list_items.json")},
            "/air_pollution": recorded("openweather/air_pollution.json"),
        },
        "velib": {"/exports/json": recorded("velib/explore_v2.1_records_sample.json")["results"]},
        "velib_gbfs": {
            "/station_status.json": recorded("velib/station_status_sample.json"),
            "/station_information.json": recorded("velib/station_information_sample.json"),
        },
    }
    found, clock = {}, Clock()
    for feed, answers in served.items():
        host = ApiHost({path: json.dumps(answer).encode() for path, answer in answers.items()})
        with api(host) as url:
            source = redirect_feed(shipped(feed), url).declaration.source
            assert isinstance(source, HttpSource)
            batches = run(poll(source, clock, 2), clock)
        assert not [reject for batch in batches for reject in batch.rejects]
        found[feed] = records(batches)
        assert {each.path for each in host.seen} == set(answers)
    (weather,), current = found["weather"], served["weather"]["/weather"]
    assert (weather.name, weather.at) == (str(current["id"]), current["dt"] * 1000)
    assert weather.value["air"] == served["weather"]["/air_pollution"]
    assert weather.value["sun"] == {name: current["sys"][name] for name in ("sunrise", "sunset")}
    assert [record.name for record in found["velib"]] == [
        row["stationcode"] for row in served["velib"]["/exports/json"]
    ]
    information = served["velib_gbfs"]["/station_information.json"]["data"]["stations"]
    assert [record.value["name"] for record in found["velib_gbfs"]] == [station["name"] for station in information]


def paths(value: Any, at: str = "") -> set[str]:
    """All keys of a value, each with those above it; of a list, those of its items."""
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in {f"{at}.{key}", *paths(inner, f"{at}.{key}")}}
    return {path for item in value for path in paths(item, at)} if isinstance(value, list) else set()


@pytest.mark.parametrize("name", RECORDED)
def test_generated_answers_have_the_fields_of_recorded_ones(name: str, service_data: Path) -> None:
    make, file, below = RECORDED[name]
    recorded = json.loads((service_data / file).read_text())
    generated = make(7, {}, NOW)
    for key in below:
        generated = generated[key]
    recorded = recorded["results"] if name == "export" else recorded
    missing = {path for path in paths(recorded) - paths(generated) if not SOMETIMES & set(path.split("."))}
    assert not missing


def test_only_shipped_polls_have_a_demo_and_an_unknown_path_has_nothing() -> None:
    with pytest.raises(UsageError, match="no demo of the feed 'fitness'"), demo_api("fitness", 1, lambda: NOW):
        pass
    with pytest.raises(UsageError, match="polls no API"):
        redirect_feed(shipped("fitness"), "http://127.0.0.1:1")
    with demo_api("velib", 1, lambda: NOW) as url:
        assert httpx.get(f"{url}/x").status_code == 404
        tag = httpx.get(f"{url}/exports/json").headers["ETag"]
        assert httpx.get(f"{url}/exports/json", headers={"If-None-Match": tag}).status_code == 304
