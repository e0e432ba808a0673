"""The export and the Python API on a real MongoDB, read back by DuckDB, pandas, pyarrow and the csv module."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from bench.harness import stack_settings
from config.errors import NoDataError, UsageError
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from serving.cli import main
from serving.client import Answer, connect
from serving.views.documents import Lens
from serving.views.store import Store
from tests.support.cli import ROOT, ask
from tests.support.dashboard import counted, published, running

FIRST = Hour.parse("2013-04-15T20")
HOURS = 24 * 9
SPAN = ("--since", "2013-04-15T20:00Z", "--until", "2013-04-25T00:00Z")
Key = tuple[datetime, int, str, int, str, str]
"""Hour, rank, tag, count, origin, state."""


@pytest.fixture
def settings(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Views that no other test has: nothing else of the stack is asked here."""
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    own = stack_settings.read(settings_file)
    with Store(own.mongo) as store:
        store.prepare()
        yield own
        store.client.drop_database(own.mongo.database)


@pytest.fixture
def hours(settings: Settings) -> list[Key]:
    """What an export has to hold: nine days of hours with ties, a hole and a late post, and a live hour behind them."""
    wanted: list[Key] = []
    with Store(settings.mongo) as store:
        for at in range(HOURS):
            hour, state = FIRST.plus(at), "provisional" if at == 3 else "final"
            if at != 5:
                published(store, {"paris": 5 + at % 7, "rain": 2, "snow": 2}, hour, dirty=at == 3)
                rows = [(1, "paris", 5 + at % 7), (2, "rain", 2), (2, "snow", 2)]
                wanted += [(hour.start, rank, tag, count, "batch", state) for rank, tag, count in rows]
        live = FIRST.plus(HOURS)
        counted(store, live, now=3)
        wanted.append((live.start, 1, "now", 3, "speed", "live"))
        published(store, {"new york": 4}, FIRST, lens=Lens("bigram"))
    return wanted


def trends(*arguments: str, exits: int = 0) -> Result:
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == exits, f"{told.output}\n{told.exception}"
    return told


def query(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def assert_equal(read: list[Any], hours: list[Key]) -> None:
    """Without a difference of two long lists, which takes minutes to make."""
    differ = [pair for pair in zip(read, hours, strict=False) if pair[0] != pair[1]]
    assert (len(read), differ[:2]) == (len(hours), [])


COLUMNS = "hour, rank, tag, count, origin, state"


def test_duckdb_reads_each_format_with_times_as_times(hours: list[Key], tmp_path: Path) -> None:
    names = ("week.parquet", "week.csv", "week.json", "week.jsonl")
    for name in names:
        file = tmp_path / name
        trends("export", *SPAN, "-o", str(file), "--tz", "America/New_York")
        rows = query(f"SELECT {COLUMNS} FROM '{file}' ORDER BY hour, rank, tag")
        sign = "#" if file.suffix == ".csv" else ""
        read = [(at.astimezone(UTC), rank, tag.removeprefix(sign), *rest) for at, rank, tag, *rest in rows]
        assert_equal(read, hours)
        ((kind,),) = query(f"SELECT DISTINCT typeof(hour) FROM '{file}'")
        assert kind == "TIMESTAMP WITH TIME ZONE", name
    assert sorted(each.name for each in tmp_path.glob("*week*")) == sorted(names)


def test_pandas_pyarrow_and_the_csv_module_read_the_same_rows(hours: list[Key], tmp_path: Path) -> None:
    file = tmp_path / "week.parquet"
    trends("export", *SPAN, "-o", str(file))
    table = parquet.read_table(file)
    assert str(table.schema.field("hour").type) == "timestamp[ms, tz=UTC]"
    with connect() as client:
        of_client = client.export("2013-04-15T20", "2013-04-25T00").to_pandas()
    frames = {
        "parquet": pd.read_parquet(file),
        "csv": pd.read_csv(io.StringIO(trends("export", *SPAN).stdout), parse_dates=["hour"]),
        "json": pd.read_json(
            io.StringIO(trends("export", *SPAN, "--format", "json").stdout), lines=True, convert_dates=["hour"]
        ),
        "client": of_client,
    }
    for name, frame in frames.items():
        assert isinstance(frame["hour"].dtype, pd.DatetimeTZDtype), name
        rows = frame.assign(tag=frame["tag"].str.removeprefix("#"))[COLUMNS.split(", ")]
        assert_equal(list(rows.itertuples(index=False, name=None)), hours)
    first = next(csv.DictReader(io.StringIO(trends("export", *SPAN, "--tz", "Asia/Kathmandu").stdout)))
    assert (first["hour"], first["tag"], first["rule"]) == ("2013-04-16T01:45:00+05:45", "#paris", "1")


def test_an_export_takes_the_first_tags_another_lens_and_a_range_longer_than_any_answer(hours: list[Key]) -> None:
    first = trends("export", "--since", "1990-01-01", "-n", "1", "--format", "json").stdout.splitlines()
    assert len(first) == HOURS
    assert [json.loads(line)["count"] for line in first] == [count for _, rank, _, count, *_ in hours if rank == 1]
    phrases = trends("export", "--since", "1990-01-01", "--kind", "bigram").stdout.splitlines()
    assert [line.split(",")[2] for line in phrases] == ["tag", "new york"]


@pytest.mark.usefixtures("hours")
def test_a_file_is_whole_or_as_it_was(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "week.csv"
    file.write_text("before")
    trends("export", "--since", "2001-01-01", "--until", "2001-01-02", "-o", str(file), exits=3)
    with Store(settings.mongo) as store:  # damage that the reader meets in the middle
        store.collection("hours").update_one({"hour": str(FIRST.plus(100))}, {"$set": {"top": "no rows"}})
    told = trends("export", *SPAN, "-o", str(file), exits=1)
    assert str(FIRST.plus(100)) in told.stderr
    assert (file.read_text(), [each.name for each in tmp_path.glob("*week*")]) == ("before", ["week.csv"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--last", "1h", "-o", "week.xls"], "its name tells no format"),
        (["--last", "1h", "--format", "parquet"], "Parquet goes to a file"),
        ([], "no range is named"),
        (["--last", "1h", "-o", "/dev/null", "--format", "csv"], "not a regular file"),
        (["--last", "1h", "-o", "/no/such/folder/x.csv"], "cannot write: No such file or directory"),
    ],
)
def test_what_it_cannot_write_it_says(arguments: list[str], words: str) -> None:
    told = CliRunner().invoke(main, ["export", *arguments])
    assert told.exit_code in (1, 2)
    assert words in told.stderr


def test_the_api_streams_the_bytes_of_the_command(settings: Settings, hours: list[Key], tmp_path: Path) -> None:
    asked = {"since": SPAN[1], "until": SPAN[3]}
    with running(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        for form, kind in (("csv", "text/csv; charset=utf-8"), ("json", "application/x-ndjson")):
            told = client.get("/api/export", params={**asked, "format": form})
            assert told.content == trends("export", *SPAN, "--format", form).stdout_bytes
            assert (told.headers["content-type"], told.headers.get("transfer-encoding")) == (kind, "chunked")
        file = tmp_path / "api.parquet"
        file.write_bytes(client.get("/api/export", params={**asked, "format": "parquet"}).content)
        assert len(query(f"SELECT * FROM '{file}'")) == len(hours)
        refused = {
            400: {"since": "2013-04-15", "formt": "csv"},
            404: {"since": "2001-01-01", "until": "2001-01-02"},
        }
        for status, params in refused.items():
            told = client.get("/api/export", params=params)
            assert (told.status_code, set(told.json()["error"])) == (status, {"what", "where", "next_step"})
        with Store(settings.mongo) as store:
            store.collection("hours").update_one({"hour": str(FIRST.plus(200))}, {"$set": {"top": "no rows"}})
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            client.get("/api/export", params={**asked, "format": "json"})


@pytest.mark.usefixtures("hours")
def test_a_notebook_gets_the_answers_of_the_command() -> None:
    day, hour = "2013-04-16", str(FIRST)
    with connect() as client:
        same: dict[tuple[str, ...], Answer[Any]] = {
            ("top", "--hour", hour): client.top(hour=hour),
            ("top", "--since", day, "--until", "2013-04-18", "-n", "2"): client.top(since=day, until="2013-04-18", n=2),
            ("day", "--date", day): client.day(date=day),
            ("rising", "--hour", str(FIRST.plus(6)), "--least", "0"): client.rising(hour=str(FIRST.plus(6)), least=0),
            ("tag", "Paris", "--since", day, "--until", "2013-04-18"): client.history(
                "#Paris", since=day, until="2013-04-18"
            ),
        }
        for command, answer in same.items():
            assert answer.to_dict() == ask(*command), command
            lines = list(csv.DictReader(io.StringIO(trends(*command, "--csv").stdout)))
            frame = answer.to_pandas()
            assert (list(frame.columns), len(frame)) == (list(lines[0]), len(lines)), command
            assert "<table" in answer._repr_html_()
        assert client.top(hour=f"{hour}:30").notes == (f"{hour}:30 lies in the hour {hour} (UTC): hours are whole",)
        with pytest.raises(NoDataError, match='try `top\\(hour="2013-04-24T20"\\)`'):
            client.top(hour="2001-01-01T00")
        with pytest.raises(UsageError, match="unrecognized time"):
            client.day(date="someday")


def test_every_recipe_of_the_page_runs_on_an_export_of_the_page(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Hour.of(wall_clock())
    with Store(settings.mongo) as store:
        for at in range(-30, 1):
            published(store, {"paris": 5, "rain": 2 + at % 3}, now.plus(at))
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    for name in ("week.parquet", "week.csv"):
        assert f"trends export --last 7d -o {name}" in page
        trends("export", "--last", "7d", "-o", name)
    recipes = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(recipes) == 3
    for recipe in recipes:
        found: dict[str, Any] = {}
        exec(compile(recipe, "docs/export.md", "exec"), found)
        if "week" in found:
            assert found["week"]["hour"].equals(found["same"]["hour"].astype(found["week"]["hour"].dtype))
            assert len(found["by_hour"]) == 31
