"""The feeds that `trends` ships: their names are those of the recipes, and their examples give what they say."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from config.errors import UsageError
from config.settings import Settings
from ingest.feeds.declaration.catalog import SHIPPED, Catalog
from ingest.feeds.declaration.examples import run_example
from ingest.feeds.declaration.model import Example, Feed, HttpSource, NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.sources.answers import decode_answer, records_of

NOW = 1_760_000_000_000
CATALOG = Catalog(Settings(), frozenset())
FEEDS = {path.stem: CATALOG.feed(path.stem, {}, {}, lenient=True) for path in sorted(SHIPPED.glob("*.toml"))}
EXAMPLES = [(name, number) for name, feed in FEEDS.items() for number in range(len(feed.declaration.examples))]
DATA = Path(os.environ.get("TRENDS_TEST_DATA", "none"))


def recorded(path: str) -> Any:
    file = DATA / path
    if not file.is_file():
        pytest.skip(f"TRENDS_TEST_DATA has no {path}")
    return json.loads(file.read_text())


def run(feed: NamedFeed, folder: Path, **example: Any) -> Any:
    return run_example(feed, Example.model_validate(example), folder, NOW)


def test_the_feeds_are_those_of_the_recipes() -> None:
    assert set(FEEDS) == {"fitness", "hashtag", "posts", "velib", "velib_gbfs", "weather", "words"}


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_an_example_gives_what_it_says(name: str, number: int) -> None:
    feed = FEEDS[name]
    assert run_example(feed, feed.declaration.examples[number], SHIPPED, NOW).differences == []


def test_each_feed_with_records_has_an_example() -> None:
    without = {name for name, feed in FEEDS.items() if not feed.declaration.examples}
    assert without == {"posts"}, "it has no records: Hive reads the files of the archive"


def declared(name: str) -> Feed:
    return FEEDS[name].declaration


def test_the_names_of_the_weather_recipe_are_kept() -> None:
    feed = declared("weather")
    assert feed.topic is not None
    assert feed.topic.name == "weather-api"
    tables = {name: getattr(table, "table", getattr(table, "root", "")) for name, table in feed.sinks.items()}
    assert tables == {"postgres": "weather", "hdfs": "/user/hdfs/weather", "hive": "weather_data"}
    columns = {sink: list(feed.columns_of(sink)) for sink in feed.sinks}
    assert columns["postgres"] == ["date_time", "msg_offset", "partition", "value"]
    assert columns["hive"] == ["event_time", "kafka_partition", "kafka_offset", "value", "ingestion_time"]
    assert isinstance(feed.source, HttpSource)
    assert feed.source.secret is not None
    assert (feed.source.secret.env, feed.source.every) == ("OPENWEATHER_API_KEY", 600.0)


def test_the_variables_of_the_weather_recipe_count() -> None:
    environment = {"CITY": "Lyon", "TOPIC_NAME": "meteo", "HDFS_BASE_PATH": "/meteo"}
    feed = CATALOG.feed("weather", {}, environment).declaration
    assert isinstance(feed.source, HttpSource)
    assert feed.topic is not None
    assert (feed.source.ask["current"].query["q"], feed.topic.name) == ("Lyon", "meteo")
    assert feed.sinks["hdfs"].root == "/meteo"  # type: ignore[union-attr] # an HDFS sink
    with pytest.raises(UsageError, match="no folder of HDFS"):
        CATALOG.feed("weather", {}, environment | {"HDFS_BASE_PATH": "/meteo/../etc"})


def test_the_topics_of_the_velib_recipe_are_kept() -> None:
    for name in ("velib", "words"):
        feed = declared(name)
        assert feed.topic is not None
        topics = [feed.topic.name, *(getattr(table, "topic", None) for table in feed.sinks.values())]
        assert topics[:3] == ["Q1", "Q2", "Q3"]


def test_recorded_weather_goes_through_every_sink() -> None:
    current = recorded("openweather/current_weather.json")
    forecast = {"cod": "200", "list": recorded("openweather/forecast_list_items.json")}
    air = recorded("openweather/air_pollution.json")
    source = declared("weather").source
    assert isinstance(source, HttpSource)
    (part,) = records_of(source, {"current": current, "forecast": forecast, "air": air}, NOW)
    assert isinstance(part, Record)
    assert (part.name, part.at) == ("5392900", 1_700_430_704_000)
    assert part.value["precipitation"] == {"rain": None, "snow": None}
    assert part.value["sun"] == {"sunrise": 1700404038, "sunset": 1700441204}
    found = run(FEEDS["weather"], SHIPPED, rows=[part.value])
    assert found.rejects == []
    (postgres,), (hdfs,), (hive,) = (found.rows[sink] for sink in ("postgres", "hdfs", "hive"))
    assert postgres["date_time"] == hdfs["event_time"] == hive["event_time"] == "2023-11-19 22:51:44"
    assert postgres["value"] == hdfs["value"] == hive["value"]
    assert json.loads(hive["value"])["forecast"] == forecast


def test_recorded_stations_become_rows() -> None:
    stations = recorded("velib/explore_v2.1_records_sample.json")["results"]
    found = run(FEEDS["velib"], SHIPPED, rows=stations)
    assert found.rejects == []
    for row, station in zip(found.rows["csv"], stations, strict=True):
        assert row["bikes"] == station["numbikesavailable"]
        assert row["renting"] == (station["is_renting"] == "OUI")
        assert (row["lon"], row["lat"]) == (station["coordonnees_geo"]["lon"], station["coordonnees_geo"]["lat"])
    assert [row["matched"] for row in found.rows["keywords"]] == ["mairie", "clauzel"]
    assert [row["matched"] for row in found.rows["names"]] == ["Rosny-sous-Bois"]


def test_recorded_status_and_information_make_one_station() -> None:
    source = declared("velib_gbfs").source
    assert isinstance(source, HttpSource)
    answers = {name: recorded(f"velib/station_{name}_sample.json") for name in ("status", "information")}
    values = [part.value for part in records_of(source, answers, NOW) if isinstance(part, Record)]
    rows = run(FEEDS["velib_gbfs"], SHIPPED, rows=values).rows["csv"]
    assert {row["station"]: (row["bikes"], row["ebikes"], row["capacity"], row["name"]) for row in rows} == {
        "16107": (1, 1, 35, "Benjamin Godard - Victor Hugo"),
        "11104": (5, 3, 20, "Charonne - Robert et Sonia Delauney"),
        "9020": (8, 7, 21, "Toudouze - Clauzel"),
    }


def test_rows_of_the_fitness_csv_are_typed_as_an_independent_reading_says() -> None:
    lines = [
        "Brand Name,Model Name,Color,Selling Price,Rating (Out of 5),Reviews",
        '"OnePlus ",Band,"Black, Blue","2,499",4.1,""',
        'Xiaomi,Band 5,Black,2499,,"4,142"',
    ]
    values = list(csv.DictReader(lines))
    rows = run(FEEDS["fitness"], SHIPPED, rows=values).rows["hive"]
    assert [row["brand"] for row in rows] == ["OnePlus", "Xiaomi"]
    assert sum(row["selling_price"] for row in rows) == 4998
    assert [row["reviews"] for row in rows] == [None, 4142]


def test_an_example_that_gives_something_else_says_what() -> None:
    station = {"stationcode": "1", "name": "A", "duedate": "2024-04-22T14:20:11Z", "numbikesavailable": 4}
    found = run(FEEDS["velib"], SHIPPED, rows=[station], gives={"csv": [{"bikes": 5, "ebikes": ""}], "names": [{}]})
    assert found.differences == ["csv, row 0: bikes is 4, not 5", "names: rows: 0 instead of 1"]
    found = run(FEEDS["velib"], SHIPPED, rows=[station | {"ebike": "many"}])
    assert found.differences == ["rejects: 1 instead of 0: csv: \"ebikes\": 'many' is no number"]


@pytest.mark.parametrize(
    ("path", "what"),
    [("../velib.toml", "beside the feed's file"), ("/etc/passwd", "beside the feed's file"), ("none.json", "read it")],
)
def test_an_answer_that_is_not_beside_the_feeds_file_is_refused(path: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        run(FEEDS["velib"], SHIPPED / "examples", answers={"stations": path})


def test_the_examples_of_answers_are_json() -> None:
    for file in SHIPPED.glob("examples/**/*.json"):
        decode_answer(file.read_bytes())
