"""RowReader: a message of the topic as a row, a reject, or left out by `where`; and the watched words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from config.errors import BadRecordError, UsageError
from ingest.feeds.declaration.model import Feed, Where
from ingest.feeds.rows.matching import matcher
from ingest.feeds.rows.row_reader import Row, RowReader
from ingest.kafka.message import Message

SENT = 1_713_796_000_000
STATION = {
    "stationcode": "9020",
    "name": "Toudouze - Clauzel",
    "numbikesavailable": 3,
    "is_renting": "OUI",
    "duedate": "2024-04-22T14:23:33+00:00",
    "coordonnees_geo": {"lon": 2.33, "lat": 48.87},
    "nom_arrondissement_communes": "Paris",
}
COLUMNS = {
    "station": {"from": "stationcode", "type": "string"},
    "at": {"from": "$at", "type": "timestamp"},
    "bikes": {"from": "numbikesavailable", "type": "int"},
    "lon": {"from": "coordonnees_geo.lon", "type": "double"},
}
AT = datetime(2024, 4, 22, 14, 23, 33, tzinfo=UTC)


def feed(sink: dict[str, Any], **more: Any) -> Feed:
    source = {
        "type": "http", "every": "1m", "url": "https://a.example", "ask": {"all": {}}, "id": "stationcode",
        "at": "duedate", "send": "changed",
    }  # fmt: skip
    return Feed.model_validate(
        {"about": "", "source": source, "topic": {"name": "Q1"}, "columns": COLUMNS, "sinks": {"s": sink}} | more
    )


def message(value: Any, **more: Any) -> Message:
    encoded = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Message(**({"partition": 0, "offset": 5, "value": encoded, "key": b"9020", "sent_at": SENT} | more))


def read(sink: dict[str, Any], value: Any, **more: Any) -> tuple[str, Row] | None:
    return RowReader(feed(sink, **more), "s", "Q1").read(message(value), SENT + 5)


def test_a_row_has_a_cell_for_each_column_and_its_coordinates_behind() -> None:
    cells = ("9020", AT, 3, 2.33)
    assert read({"type": "csv", "file": "a.csv"}, STATION) == ("", Row(5, (*cells, 0, 5)))
    hdfs = {"type": "hdfs", "root": "/velib", "by": "hour"}
    assert read(hdfs, STATION) == ("dt=2024-04-22/hour=14", Row(5, (*cells, 0, 5)))


def test_a_folder_is_the_day_of_the_feeds_zone() -> None:
    hdfs = {"type": "hdfs", "root": "/velib", "by": "day"}
    late = STATION | {"duedate": "2024-04-21T22:30:00Z"}
    found = read(hdfs, late, zone="Europe/Paris")
    assert found is not None
    assert found[0] == "dt=2024-04-22"


def test_a_topic_gets_key_and_value_as_they_are_and_what_matched() -> None:
    where = {"watched": "keywords", "in": ["name"]}
    value = json.dumps(STATION, indent=1).encode()
    found = read({"type": "topic", "topic": "Q2", "where": where}, value, watched={"Montmartre": ["CLAUZEL", "x"]})
    assert found == ("", Row(5, (b"9020", value), ("CLAUZEL",)))


def test_where_leaves_a_record_out_before_it_can_be_a_reject() -> None:
    where = {"true": "numbikesavailable > `3`"}
    assert read({"type": "csv", "file": "a.csv", "where": where}, STATION | {"duedate": "never"}) is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "an empty message"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"'; DROP TABLE weather", "not JSON"),
        (STATION | {"numbikesavailable": "cheap"}, "\"bikes\": 'cheap' is no number"),
        ({"stationcode": "1"}, "no event time"),
        (STATION | {"duedate": "2005-12-31T23:59:59Z"}, "before 2006"),
        (STATION | {"duedate": SENT + 300_001}, "in the future"),
        ([1, 2], "no event time"),
    ],
)
def test_a_message_that_makes_no_row_is_a_reject_with_its_reason(value: Any, reason: str) -> None:
    with pytest.raises(BadRecordError) as refusal:
        read({"type": "csv", "file": "a.csv"}, value)
    assert reason in refusal.value.reason


def test_a_record_is_of_the_future_by_the_time_of_its_message_whenever_a_stage_reads_it() -> None:
    reader = RowReader(feed({"type": "csv", "file": "a.csv"}), "s", "Q1")
    value = STATION | {"duedate": SENT + 300_001}
    with pytest.raises(BadRecordError):
        reader.read(message(value), SENT + 86_400_000)
    assert reader.read(message(value, sent_at=0), SENT + 86_400_000) is not None, "a sink before has let it pass"


def test_without_an_event_time_a_record_has_the_time_of_its_message() -> None:
    columns = {"at": {"from": "$at", "type": "timestamp"}}
    found = read({"type": "csv", "file": "a.csv", "columns": columns}, [1], source=None)
    assert found == ("", Row(5, (datetime(2024, 4, 22, 14, 26, 40, tzinfo=UTC), 0, 5)))


def test_an_expression_that_does_not_compile_is_an_error_of_its_key() -> None:
    sink = {"type": "csv", "file": "a.csv", "columns": {"x": {"from": "a[", "type": "int"}}}
    with pytest.raises(UsageError) as refusal:
        RowReader(feed(sink), "s", "Q1")
    assert refusal.value.where == "sinks.s.columns.x"
    with pytest.raises(UsageError) as refusal:
        RowReader(feed({"type": "csv", "file": "a.csv", "where": {"true": "a["}}), "s", "Q1")
    assert refusal.value.where == "sinks.s.where"


WATCHED = {"Montmartre": ["abbesses", "clauzel"], "Rosny-sous-Bois": ["mairie"], "Élysée": ["hôtel de ville"]}


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("keywords", "Toudouze - Clauzel", ("clauzel",)),
        ("keywords", "TOUDOUZE-CLAUZEL", ("clauzel",)),
        ("keywords", "Rue de la Clauzelle", None),
        ("keywords", "Abbesses, Mairie", ("abbesses", "mairie")),
        ("keywords", "l'Hotel de  Ville", ("hôtel de ville",)),
        ("keywords", "Hôtel de la Ville", None),
        ("names", "Mairie de Rosny sous Bois", ("Rosny-sous-Bois",)),
        ("names", "ELYSEE (Métro)", ("Élysée",)),
        ("names", "E\u0301lyse\u0301e", ("Élysée",)),
        ("names", "clauzel", None),
        ("names", None, None),
        ("names", 7, None),
        ("names", ["x", "Montmartre", None], ("Montmartre",)),
    ],
)
def test_watched_words_match_whole_and_blind_to_case_and_accents(kind: str, text: Any, found: Any) -> None:
    where = Where.model_validate({"watched": kind, "in": ["name", "other"]})
    assert matcher(where, WATCHED)({"name": text}) == found


@pytest.mark.parametrize(("value", "found"), [({"a": 1}, ()), ({"a": 2}, None), ({}, None), ([], None)])
def test_an_expression_takes_the_records_for_which_it_is_true(value: Any, found: Any) -> None:
    assert matcher(Where.model_validate({"true": "a == `1`"}), {})(value) == found
    assert matcher(Where.model_validate({"true": "a"}), {})(value) is None, "1 is not true"
