"""The check of a feed: each part in words, with the guarantee of its sink, notes, and what its examples give."""

from pathlib import Path

import pytest

from batch_layer.feeds.feed_check import FeedCheck, Finding, check_feed, span_text
from batch_layer.sinks.registry import KINDS, kind_of
from config.settings import FeedsSettings, Settings
from ingest.feeds.declaration.catalog import SHIPPED, Catalog
from ingest.feeds.declaration.load import FeedFile

NOW = 1_732_000_000_000
"""In November 2024."""


def check(
    path: Path, folder: Path = Path("none"), values: dict[str, str] | None = None, **environment: str
) -> FeedCheck:
    catalog = Catalog(Settings(feeds=FeedsSettings(folder=folder)), frozenset())
    return check_feed(catalog, str(path), values or {}, environment, NOW)


def of(found: FeedCheck, part: str) -> list[str]:
    return [finding.what for finding in found.findings if finding.part == part]


def test_a_feed_is_said_part_by_part() -> None:
    found = check(SHIPPED / "velib_gbfs.toml")
    assert found.is_right
    file = FeedFile(SHIPPED / "velib_gbfs.toml")
    guarantee = kind_of(file.feed({}, {}).declaration.sinks["csv"]).guarantee
    assert guarantee.startswith("once: ")
    assert found.findings == [
        Finding("source", "http, every 1 min: 2 requests, 2,880 a day"),
        Finding("topic", "velib-gbfs, 1 partition, retention 7 days, key stationCode"),
        Finding("csv", "file velib_gbfs.csv, 12 columns", guarantee),
        Finding("examples", "1 of 1 give what they say"),
    ]


def test_a_key_is_set_or_not_and_never_shown() -> None:
    said = of(check(SHIPPED / "weather.toml"), "source")
    assert said == ["http, every 10 min: 3 requests, 432 a day. Key: OPENWEATHER_API_KEY is not set"]
    found = check(SHIPPED / "weather.toml", OPENWEATHER_API_KEY="sesame")
    assert of(found, "source")[0].endswith("OPENWEATHER_API_KEY is set")
    assert "sesame" not in str(found)


def test_local_times_and_times_of_writing_are_noted() -> None:
    notes = of(check(SHIPPED / "weather.toml"), "note")
    assert "hive.ingestion_time is when a row was written: a rebuild gives another" in notes
    twice = "are local time: 2024-10-27 02:00 to 03:00 comes twice. Nothing is ordered by it"
    assert f"postgres.date_time, hdfs.event_time, hive.event_time {twice}" in notes


def test_a_value_that_a_run_needs_is_noted() -> None:
    assert of(check(SHIPPED / "hashtag.toml"), "note") == [
        "tag needs a value, by --set tag=VALUE: the hashtag to follow, without #"
    ]
    assert of(check(SHIPPED / "hashtag.toml", values={"tag": "bigdata"}), "note") == []


def test_places_that_another_feed_has_too_are_noted(tmp_path: Path) -> None:
    (tmp_path / "copy.toml").write_text((SHIPPED / "velib_gbfs.toml").read_text().split("[[examples]]")[0])
    (tmp_path / "broken.toml").write_text("about = 1")
    shared = "has file velib_gbfs.csv, topic velib-gbfs too: run one of them, or rename"
    assert of(check(tmp_path / "copy.toml", tmp_path), "note") == [f"feed velib_gbfs {shared}"]
    assert of(check(SHIPPED / "velib_gbfs.toml", tmp_path), "note") == [f"feed copy {shared}"]
    assert of(check(SHIPPED / "words.toml"), "note") == [
        "feed velib has topic Q1, topic Q2, topic Q3 too: run one of them, or rename"
    ]


def test_a_table_of_the_archive_needs_neither_source_nor_topic() -> None:
    found = check(SHIPPED / "posts.toml")
    assert of(found, "source") == ["the archive of posts"]
    assert of(found, "topic") == []
    assert of(found, "hive") == ["table posts"]


def test_a_sink_that_nobody_has_written_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(KINDS, ("csv", "python"))
    found = check(SHIPPED / "velib_gbfs.toml")
    assert not found.is_right
    assert [finding.part for finding in found.findings if finding.wrong] == ["csv"]


def test_an_example_that_gives_something_else_is_wrong_and_shows_a_row(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'about = "x"\n[topic]\nname = "t"\n[columns]\na = { from = "a", type = "int" }\n'
        '[sinks.csv]\ntype = "csv"\nfile = "a.csv"\n'
        "[[examples]]\nrows = [{ a = 1 }, { a = 2 }]\ngives.csv = [{ a = 1 }, { a = 3 }]\n"
        "[[examples]]\nrows = [{ a = 1 }]\ngives.csv = [{ a = 1 }]\n"
    )
    found = check(path)
    assert not found.is_right
    assert of(found, "examples") == ["1 of 2 give what they say", "example 0: csv, row 1: a is 2, not 3"]
    assert of(found, "source") == ["others fill the topic"]


def test_an_example_without_its_answer_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "copy.toml"
    path.write_text((SHIPPED / "velib_gbfs.toml").read_text())
    right, wrong = of(check(path), "examples")
    assert right == "0 of 1 give what they say"
    assert "can't read it" in wrong


@pytest.mark.parametrize(
    ("seconds", "text"), [(86_400, "1 day"), (604_800, "7 days"), (5_400, "90 min"), (7_200, "2 h"), (0.5, "0.5 s")]
)
def test_a_span_has_the_largest_unit_that_divides_it(seconds: float, text: str) -> None:
    assert span_text(seconds) == text
