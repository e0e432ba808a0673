"""Answers of APIs as records: recorded ones, and those that are wrong in every way an API has."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import BadRecordError, UsageError
from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.record import Record
from ingest.feeds.sources.answers import AnswerReader, decode_answer, records_of
from ingest.sources.formats.contract import BrokenPart, Notice
from tests.support.sources import NOW

STATIONS = HttpSource.model_validate({
    "type": "http", "every": "1m", "url": "https://a.example", "send": "changed", "id": "stationcode", "at": "duedate",
    "ask": {"stations": {"path": "/records", "records": "results"}},
})  # fmt: skip
GBFS = HttpSource.model_validate({
    "type": "http", "every": "1m", "url": "https://a.example", "send": "changed", "id": "station_id",
    "at": "last_reported", "join": {"information": "station_id"},
    "ask": {"status": {"records": "data.stations"}, "information": {"records": "data.stations", "optional": True}},
})  # fmt: skip
WEATHER = HttpSource.model_validate({
    "type": "http", "every": "10m", "url": "https://a.example", "send": "one", "id": "current.id", "at": "current.dt",
    "ask": {"current": {}, "forecast": {"optional": True}, "air": {"optional": True}},
    "add": {"precipitation": "{rain: current.rain, snow: current.snow}", "sun": "current.sys.{rise: sunrise}"},
})  # fmt: skip


def station(code: Any, **changed: Any) -> dict[str, Any]:
    return {"stationcode": code, "duedate": "2024-04-22T14:23:33+00:00", "numbikesavailable": 3} | changed


def parts(*stations: Any) -> list[Any]:
    return list(records_of(STATIONS, {"stations": {"results": list(stations)}}, NOW))


def recorded(folder: Path, name: str) -> Any:
    return decode_answer((folder / name).read_bytes())


def test_recorded_stations_are_records_with_their_own_time(test_data: Path) -> None:
    answer = recorded(test_data, "velib/explore_v2.1_records_sample.json")
    records = records_of(STATIONS, {"stations": answer}, NOW)
    assert [(record.name, record.at) for record in records if isinstance(record, Record)] == [
        ("31104", 1_713_795_813_000), ("9020", 1_713_796_138_000),
    ]  # fmt: skip
    assert [record.value for record in records if isinstance(record, Record)] == answer["results"]


def test_recorded_gbfs_status_gets_the_fields_of_its_station(test_data: Path) -> None:
    answers = {
        "status": recorded(test_data, "velib/station_status_sample.json"),
        "information": recorded(test_data, "velib/station_information_sample.json"),
    }
    found = [record for record in records_of(GBFS, answers, NOW) if isinstance(record, Record)]
    assert [record.name for record in found] == ["213688169", "516709288", "36255"]
    assert found[2].value["name"] == "Toudouze - Clauzel"
    assert found[2].value["num_bikes_available_types"] == [{"mechanical": 1}, {"ebike": 7}]
    assert found[2].at == 1_645_639_785_000


def test_a_status_without_information_is_a_record_and_both_kinds_of_holes_are_notices() -> None:
    status = [{"station_id": 1, "last_reported": 1_700_000_000}, {"station_id": "2", "last_reported": 1_700_000_000}]
    information = [{"station_id": "1", "name": "a"}, {"station_id": 1, "name": "b"}, {"station_id": 3}, "x"]
    found = records_of(
        GBFS, {"status": {"data": {"stations": status}}, "information": {"data": {"stations": information}}}, NOW
    )
    assert [part.value.get("name") for part in found if isinstance(part, Record)] == ["a", None]
    assert [part.kind for part in found if isinstance(part, Notice)] == [
        "twice in information: 1", "no station_id in information: x", "status without information: 2",
        "information without status: 3",
    ]  # fmt: skip
    alone = records_of(GBFS, {"status": {"data": {"stations": status}}}, NOW)
    assert [part.kind for part in alone if isinstance(part, Notice)] == ["no answer: information"]
    assert len(alone) == 3


def test_recorded_weather_is_one_record_with_null_for_what_did_not_answer(test_data: Path) -> None:
    current = recorded(test_data, "openweather/current_weather.json")
    notice, record = records_of(
        WEATHER, {"current": current, "air": recorded(test_data, "openweather/air_pollution.json")}, NOW
    )
    assert notice == Notice("no answer: forecast")
    assert isinstance(record, Record)
    assert (record.name, record.at) == ("5392900", 1_700_430_704_000)
    assert list(record.value) == ["current", "forecast", "air", "precipitation", "sun"]
    assert record.value["forecast"] is None
    assert record.value["precipitation"] == {"rain": None, "snow": None}
    assert record.value["sun"] == {"rise": 1700404038}
    with pytest.raises(BadRecordError, match="current: no answer"):
        records_of(WEATHER, {"air": {}}, NOW)


def test_what_tells_that_a_record_changed_is_its_value_or_where_it_is_one_its_time() -> None:
    same, other, later = (parts(station("1", numbikesavailable=n, b=1, a=2))[0] for n in (3, 4, 3))
    turned = parts(dict(reversed(station("1", b=1, a=2).items())))[0]
    assert same.digest == later.digest == turned.digest != other.digest
    cities = [
        records_of(WEATHER, {"current": {"id": 1, "dt": at}, "air": air}, NOW)[-1]
        for at, air in ((1_700_000_000, 1), (1_700_000_000, 2), (1_700_000_600, 1))
    ]
    first, air, moved = (city.digest for city in cities if isinstance(city, Record))
    assert first == air != moved
    everything = STATIONS.model_copy(update={"send": "all"})
    assert records_of(everything, {"stations": {"results": [station("1")]}}, NOW)[0].digest == b""  # type: ignore[union-attr] # a record


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (station(None), "no id"), (station(""), "no id"), (station([1]), "no id"), (station(True), "no id"),
        (station("x" * 300), "an id of 300 characters"), ({"duedate": "2024-04-22T14:23:33Z"}, "no id"),
        (station("1", duedate=None), "no event time"), (station("1", duedate="soon"), "can't be understood"),
        (station("1", duedate=True), "no event time"), (station("1", duedate=1e300), "no event time"),
        (station("1", duedate=1_000), "before 2006"), (station("1", duedate=NOW / 1000 + 301), "in the future"),
        ("text", "no object"), (None, "no object"), ([], "no object"),
    ],
)  # fmt: skip
def test_a_record_that_can_not_be_used_is_a_broken_part_and_its_neighbours_are_there(value: Any, reason: str) -> None:
    before, broken, after = parts(station("a"), value, station("b"))
    assert (before.name, after.name) == ("a", "b")
    assert isinstance(broken, BrokenPart)
    assert reason in broken.reason
    assert json.loads(broken.raw) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
fields = {"stationcode": json_values, "duedate": json_values | st.sampled_from(["2024-04-22T14:23:33Z", 1_700_000_000])}
stations = st.lists(json_values | st.fixed_dictionaries({}, optional=fields), max_size=8)


@given(stations)
def test_every_value_of_a_list_is_a_record_or_a_broken_one_or_an_id_twice_and_nothing_raises(values: list[Any]) -> None:
    found = parts(*values)
    kinds = [part for part in found if not isinstance(part, Notice) or part.kind.startswith("an id twice")]
    assert len(kinds) == len(values)
    again = parts(*values)
    assert found == again
    names = [part.name for part in found if isinstance(part, Record)]
    assert len(set(names)) == len(names)


@given(json_values, st.sampled_from([STATIONS, GBFS, WEATHER]))
def test_any_answer_is_read_or_refused(answer: Any, source: HttpSource) -> None:
    answers = dict.fromkeys(source.ask, answer)
    try:
        found = records_of(source, answers, NOW)
    except BadRecordError as error:
        assert error.reason
        return
    assert all(isinstance(part, Record | BrokenPart | Notice) for part in found)


def test_an_id_twice_counts_once_and_the_first_counts() -> None:
    first, notice = parts(station("1", n=1), station(1, n=2))
    assert first.value["n"] == 1
    assert notice == Notice("an id twice: 1")


@pytest.mark.parametrize("text", ['"\\ud800"', "NaN", "-Infinity"])
def test_what_no_json_holds_spoils_its_record_alone(text: str) -> None:
    good, bad = json.dumps(station("a")), json.dumps(station("b", x="HERE")).replace('"HERE"', text)
    answer = decode_answer(f'\ufeff{{"results": [{bad}, {good}]}}'.encode())
    broken, record = records_of(STATIONS, {"stations": answer}, NOW)
    assert isinstance(broken, BrokenPart)
    assert b'"b"' in broken.raw
    assert isinstance(record, Record)
    assert record.name == "a"


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html>", b'{"results": [', b"", b"\xff\xfe", b"[" * 100_000, b"1" * 5_000 + b"x"]
)
def test_what_is_no_json_is_no_answer(body: bytes) -> None:
    with pytest.raises(BadRecordError, match="not JSON"):
        decode_answer(body)


@pytest.mark.parametrize("answer", [{}, {"results": None}, {"results": {}}, {"error": "x" * 9_000}, [], None, 7])
def test_answers_of_another_shape_are_refused_as_a_whole_and_an_empty_list_is_none(answer: Any) -> None:
    with pytest.raises(BadRecordError, match="stations: no list of records at 'results'") as refused:
        AnswerReader(STATIONS).check({"stations": answer})
    assert len(refused.value.reason) < 200
    assert parts() == [Notice("no records: stations")]


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"id": "a b"}, "source.id"), ({"at": "]"}, "source.at"), ({"add": {"x": "a"}}, "source.add.x"),
        ({"ask": {"a": {"records": "["}}}, "source.ask.a.records"), ({"ask": {}}, "source.ask"),
        ({"join": {"nobody": "x"}}, "source.join.nobody"), ({"join": {"stations": "x"}}, "source.join.stations"),
        ({"ask": {"a": {"path": "x"}}}, "source.ask.a.path"), ({"ask": {"a": {}, "b": {}}}, "source.ask.b"),
        ({"ask": {"a": {"query": {"q": "{b.c}"}}}}, "source.ask.a.query.q"),
        ({"ask": {"a": {"optional": True}}}, "source.ask.a.optional"),
        ({"send": "one", "join": {"stations": "x"}, "ask": {"a": {}}}, "source.join.stations"),
        ({"send": "one"}, "source.ask.stations.records"),
        ({"send": "one", "ask": {"a": {}}, "add": {"x": "}"}}, "source.add.x"),
    ],
)  # fmt: skip
def test_a_wrong_expression_or_reference_is_refused_with_its_key(changed: dict[str, Any], where: str) -> None:
    table = STATIONS.model_dump(exclude={"every"}, exclude_none=True) | {"every": "1m"} | changed
    with pytest.raises(UsageError) as refused:
        AnswerReader(HttpSource.model_validate(table))
    assert refused.value.where == where
