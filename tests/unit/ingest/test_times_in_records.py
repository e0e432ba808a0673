"""When a post was written, where its record tells it oddly, in two places, as a day, or not at all: in every format."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.post import Post
from ingest.sources.files.post_files import PostFiles
from tests.support.sources import read, read_bytes, reading

ID = 1_136_530_661_176_246_272
"""Written at 2019-06-06T07:10."""
MOMENT = "2019-06-06T07:10"


def csv(time: Any) -> bytes:
    return f'id,text,created_at\n{ID},a #b,"{time}"\n'.encode()


def tsv(time: Any) -> bytes:
    return f"id\ttext\tcreated_at\n{ID}\ta #b\t{time}\n".encode()


def v1(time: Any) -> bytes:
    return json.dumps({"id_str": str(ID), "text": "a #b", "created_at": time}).encode()


def v2(time: Any) -> bytes:
    return json.dumps({"data": [{"id": str(ID), "text": "a #b", "created_at": time}]}).encode()


def other(time: Any) -> bytes:
    return json.dumps({"id": ID, "content": "a #b", "date": time}).encode()


MADE: dict[str, Callable[[Any], bytes]] = {"csv": csv, "tsv": tsv, "x-v1": v1, "x-v2": v2, "json": other}


def only(tmp_path: Path, content: bytes) -> Post:
    posts, rejects = read_bytes(tmp_path, content)
    assert rejects == []
    (post,) = posts
    return post


def minute(post: Post) -> str:
    return f"{post.hour}:{post.created_at // 60_000 % 60:02}"


@pytest.mark.parametrize("format_", MADE)
@pytest.mark.parametrize(
    "time",
    ["2019-06-06 07:10:00 UTC", "2019-06-06 07:10:00 GMT", "2019-06-06 09:10:00 +0200", "2019-06-06T07:10:00z",
     "2019-06-06 07:10:00.5 +0000 UTC", "Thu Jun 06 07:10:00 UTC 2019", "Thu, 06 Jun 2019 09:10:00 +0200",
     "2019-06-06T07:10:60Z", "1559805000", "1559805000000", "1559805000000.0", "2019-06-06T09:10+02:00[Europe/Rome]"],
)  # fmt: skip
def test_a_time_with_one_reading_is_read(format_: str, time: str, tmp_path: Path) -> None:
    assert minute(only(tmp_path, MADE[format_](time))) == MOMENT


@pytest.mark.parametrize("format_", MADE)
@pytest.mark.parametrize(
    "time",
    ["2019-06-06 09:10:00 CEST", "Thu Jun 06 07:10:00 PDT 2019", "6/6/2019 7:10", "06.06.2019", "noon", "2019-06-06"],
)
def test_the_id_tells_a_time_that_can_not_be_read_or_is_a_day_alone(format_: str, time: str, tmp_path: Path) -> None:
    assert minute(only(tmp_path, MADE[format_](time))) == MOMENT


@pytest.mark.parametrize("format_", ["x-v1", "x-v2", "json"])
@pytest.mark.parametrize(
    "time",
    [1_559_805_000, 1_559_805_000.0, 1_559_805_000_000, 1_559_805_000_000.0, None, {"$date": "2019-06-06T07:10:00Z"},
     {"$date": {"$numberLong": "1559805000000"}}, {"$numberLong": "1559805000000"}, True, [], {}],
)  # fmt: skip
def test_a_time_of_another_type_is_what_it_means_or_the_id_tells_it(format_: str, time: Any, tmp_path: Path) -> None:
    assert minute(only(tmp_path, MADE[format_](time))) == MOMENT


def test_a_day_alone_begins_it_where_the_id_tells_no_time_or_another_day(tmp_path: Path) -> None:
    for id_, hour in (("12", "2019-06-09T00"), (str(ID), "2019-06-09T00"), ("1137622857937846279", "2019-06-09T07")):
        post = only(tmp_path, f"id,date,text\n{id_},2019-06-09,a\n".encode())
        assert str(post.hour) == hour


def test_what_can_not_be_read_is_refused_where_the_id_tells_nothing(tmp_path: Path) -> None:
    for source, id_ in (("x", "12"), ("forum", str(ID))):
        (tmp_path / "a.csv").write_text(f"id,text,created_at\n{id_},a,noon\n")
        posts, rejects, _ = read(PostFiles([str(tmp_path / "a.csv")], reading(source)))
        assert (posts, [reject.reason for reject in rejects]) == ([], ["a time that can't be understood: 'noon'"])


@pytest.mark.parametrize(
    ("day", "clock", "minute_"),
    [("2019-06-06", "07:30:00", "2019-06-06T07:30"), ("2019-06-06", "7:30", "2019-06-06T07:30"),
     ("2019-06-06T00:00:00", "07:30", "2019-06-06T07:30"), ("2019-06-06", "09:30:00+02:00", "2019-06-06T07:30"),
     ("2019-06-06", "2019-06-06T08:30:00Z", "2019-06-06T08:30"), ("2019-06-06", "", MOMENT),
     ("06.06.2019", "07:30:00", MOMENT), ("", "07:30:00", MOMENT)],
)  # fmt: skip
def test_date_and_time_in_two_columns_are_one(day: str, clock: str, minute_: str, tmp_path: Path) -> None:
    assert minute(only(tmp_path, f"id,date,time,text\n{ID},{day},{clock},a\n".encode())) == minute_
    assert (
        minute(only(tmp_path, json.dumps({"id": ID, "date": day, "time": clock, "content": "a"}).encode())) == minute_
    )


def test_columns_of_date_and_time_are_named_by_hand(tmp_path: Path) -> None:
    content = f"id,day,clock,text\n{ID},2019-06-06,07:30:00,a\n".encode()
    posts, _ = read_bytes(tmp_path, content, columns={"time": "clock", "date": "day"})
    assert minute(posts[0]) == "2019-06-06T07:30"


@pytest.mark.parametrize("format_", MADE)
def test_the_id_decides_where_that_is_asked_for_in_a_retry_too(format_: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(
        MADE[format_]("2019-06-07T12:00:00Z") + b"\n" + MADE[format_]("x").replace(b"11", b"y")
    )
    posts, rejects, _ = read(PostFiles([str(tmp_path / "a")], replace(reading(), time_from_id=True)))
    assert [minute(post) for post in posts] == [MOMENT]
    assert rejects
    assert all('"time_from":"id"' in reject.reader for reject in rejects)
