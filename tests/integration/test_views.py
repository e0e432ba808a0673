"""`trends day`, `rising`, `tag` and `watch` on a real replica set, over recorded posts and over hostile tags."""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from batch_layer.publish import HourResult, Stamp, publish
from batch_layer.rank import PostFields, rank_hour
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from ingest.post import Post
from ingest.rule.hashtags import AS_IS, normalise
from serving.cli import main
from serving.views.documents import USES
from serving.views.store import Store
from tests.support import oracle
from tests.support.posts import recorded_posts
from tests.support.rendering import HOSTILE

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"
DAY = ("--date", "2013-04-15", "--tz", "America/New_York")
HOUR = Hour.parse("2017-01-06T07")


def publish_posts(store: Store, posts: Iterable[Post]) -> None:
    """Publish all hours of posts, as a batch run does."""
    hours: dict[Hour, list[PostFields]] = defaultdict(list)
    for each in posts:
        hours[each.hour].append(PostFields(each.source, each.id, each.text, each.tags))
    computed = [HourResult(hour, rank_hour(of, AS_IS, 1_000), (), complete=True) for hour, of in sorted(hours.items())]
    publish(store, computed, Stamp("hourly-1", 1, AS_IS.version), 1_700_000_000_000)


@pytest.fixture
def store(settings: Settings, settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    return Store(settings.mongo)


def trends(*arguments: str, exits: int = 0) -> Result:
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == exits, f"{told.output}\n{told.exception}"
    return told


def iso(hour: str, zone: str = "UTC") -> str:
    return Hour.parse(hour).start.astimezone(ZoneInfo(zone)).isoformat()


def test_a_recorded_day_is_told_hour_by_hour_as_the_oracle_has_it(
    store: Store, test_data: Path, tmp_path: Path
) -> None:
    with store:
        publish_posts(store, recorded_posts(test_data / BOSTON))
        truth = oracle.count(list(oracle.posts_of_csv(test_data / BOSTON)), once=True)

        day = json.loads(trends("day", *DAY, "--json").stdout)
        assert [each["hour"] for each in day["hours"]] == [
            str(Hour.parse("2013-04-15T04").plus(at)) for at in range(24)
        ]
        for each in day["hours"]:
            assert [(row["tag"], row["count"]) for row in each["top"]] == oracle.top(truth[each["hour"]])
        whole = sum((truth[each["hour"]] for each in day["hours"]), Counter[str]())
        assert [(each["tag"], each["count"]) for each in day["series"]] == oracle.top(whole, 20)
        assert day["uses"] == whole.total()
        assert (day["max_error"], day["missing"]) == (0, [])
        for series in day["series"]:
            assert series["counts"] == [truth[each["hour"]][series["tag"]] for each in day["hours"]]

        rows = list(csv.DictReader(io.StringIO(trends("day", *DAY, "--csv").stdout)))
        assert [(row["hour"], row["tag"], int(row["count"])) for row in rows] == [
            (iso(each["hour"], "America/New_York"), f"#{row['tag']}", row["count"])
            for each in day["hours"]
            for row in each["top"]
        ]
        assert "▲ #prayfor" in trends("day", *DAY).stdout

        files = {kind: tmp_path / f"day.{kind}" for kind in ("html", "png", "svg")}
        told = trends("day", *DAY, *(word for kind, file in files.items() for word in (f"--{kind}", str(file))))
        assert told.stdout == ""
        assert told.stderr.count("wrote ") == 3
        assert all(file.stat().st_size > 10_000 for file in files.values())


def test_a_ranking_is_the_same_as_csv_and_as_json(store: Store, test_data: Path) -> None:
    with store:
        publish_posts(store, recorded_posts(test_data / BOSTON))
        for hours, since, until in (
            (("--hour", "2013-04-15T21"), "2013-04-15T21", "2013-04-15T22"),
            (("--since", "2013-04-15", "--until", "2013-04-17"), "2013-04-15T00", "2013-04-17T00"),
        ):
            told = json.loads(trends("top", *hours, "--json").stdout)
            rows = list(csv.DictReader(io.StringIO(trends("top", *hours, "--csv").stdout)))
            assert {(row["since"], row["until"], row["state"]) for row in rows} == {(iso(since), iso(until), "final")}
            assert [(int(row["rank"]), row["tag"], int(row["count"])) for row in rows] == [
                (row["rank"], f"#{row['tag']}", row["count"]) for row in told["top"]
            ]
        rising = list(csv.DictReader(io.StringIO(trends("rising", "--hour", "2013-04-15T21", "--csv").stdout)))
        assert (rising[0]["tag"], float(rising[0]["score"]) >= 10.83) == ("#prayforboston", True)


@pytest.mark.parametrize(
    ("zone", "times"),
    [
        ("UTC", ["2017-10-29T00:00:00+00:00", "2017-10-29T01:00:00+00:00"]),
        ("Europe/Paris", ["2017-10-29T02:00:00+02:00", "2017-10-29T02:00:00+01:00"]),
        ("Asia/Kathmandu", ["2017-10-29T05:45:00+05:45", "2017-10-29T06:45:00+05:45"]),
    ],
)
def test_csv_has_times_with_the_offset_of_the_zone_that_was_asked_for(
    store: Store, zone: str, times: list[str]
) -> None:
    """Where clocks are set back an hour is there twice, and only its offset tells which one it is."""
    first = Hour.parse("2017-10-29T00")
    with store:
        publish_posts(store, [Post(str(at), "x", first.plus(at).start_ms, 0, "#paris") for at in (0, 1)])
        span = ("--since", f"{first}:00Z", "--until", f"{first.plus(2)}:00Z", "--tz", zone)

        def column(name: str, *words: str) -> list[str]:
            return [row[name] for row in csv.DictReader(io.StringIO(trends(*words, "--csv").stdout))]

        assert column("hour", "tag", "paris", *span) == times
        assert column("hour", "day", "--date", "2017-10-29", "--tz", zone) == times
        assert column("since", "top", *span) == times[:1]
        assert column("until", "top", "--hour", f"{first}:00Z", "--tz", zone) == times[1:]
        rising = ("rising", "--hour", f"{first.plus(1)}:00Z", "--against", "1h", "--least", "0", "--tz", zone)
        assert set(column("hour", *rising)) <= {times[1]}


def test_what_rose_in_recorded_posts_and_the_history_of_a_tag(store: Store, test_data: Path, tmp_path: Path) -> None:
    with store:
        publish_posts(store, recorded_posts(test_data / BOSTON))
        rose = json.loads(trends("rising", "--hour", "2013-04-15T21", "--json").stdout)
        assert rose["rising"][0]["tag"] == "prayforboston"
        assert all(each["score"] >= 10.83 and each["count"] > each["expected"] for each in rose["rising"])
        assert "#prayforboston" in trends("rising", "--hour", "2013-04-15T21").stdout

        truth = oracle.count(list(oracle.posts_of_csv(test_data / BOSTON)), once=True)
        span = ("--since", "2013-04-15", "--until", "2013-04-18")
        told = json.loads(trends("tag", "#PrayForBoston", *span, "--json").stdout)
        assert [each["count"] for each in told["hours"]] == [
            truth[each["hour"]]["prayforboston"] if each["state"] != "missing" else None for each in told["hours"]
        ]
        assert {normalise(each["shown"]) for each in told["spellings"]} == {"prayforboston"}
        assert len(trends("tag", "PrayForBoston", *span, "--csv").stdout.splitlines()) == 1 + 72
        assert "█" in trends("tag", "PrayForBoston", *span).stdout
        trends("tag", "PrayForBoston", *span, "--svg", str(tmp_path / "tag.svg"))
        assert "#prayforboston" in (tmp_path / "tag.svg").read_text()


def test_hostile_tags_are_shown_as_text_everywhere(store: Store, tmp_path: Path) -> None:
    with store:
        posts = [Post(str(at), "x", HOUR.start_ms, 0, "", tags=(tag,)) for at, tag in enumerate(HOSTILE)]
        publish_posts(store, posts)
        span = ("--since", str(HOUR), "--until", str(HOUR.plus(1)))
        page = tmp_path / "day.html"
        for told in (trends("day", "--date", "2017-01-06"), trends("tag", "=cmd()", *span)):
            assert not set(told.stdout) & set("\x1b\x00\u202e")
        assert all(row[4].startswith("#") for row in list(csv.reader(io.StringIO(
            trends("day", "--date", "2017-01-06", "--csv").stdout)))[1:])  # fmt: skip
        trends("day", "--date", "2017-01-06", "--html", str(page))
        assert "<script" not in page.read_text()
        assert {row["tag"] for each in json.loads(trends("day", "--date", "2017-01-06", "--json").stdout)["hours"]
                for row in each["top"]} == set(map(normalise, HOSTILE))  # fmt: skip


def test_watching_tells_the_hour_in_progress(store: Store) -> None:
    with store:
        for step in range(2):  # an hour may end meanwhile
            hour = str(Hour.of(wall_clock()).plus(step))
            row = {"_id": f"{hour}|paris", "hour": hour, "tag": "paris", "shown": "Paris", "count": 7}
            store.collection(USES).insert_one(row)
        lines = trends("watch", "--for", "1s", "--json").stdout.splitlines()
        assert json.loads(lines[0])["top"] == [{"rank": 1, "tag": "paris", "shown": "Paris", "count": 7}]
        assert "#Paris" in trends("watch", "--for", "1s").stdout


def test_watching_waits_for_a_server_that_does_not_answer(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_MONGO__URI", "mongodb://127.0.0.1:9/?replicaSet=rs0")
    monkeypatch.setenv("TRENDS_MONGO__TIMEOUT_S", "0.3")
    assert "See `trends status`" in trends("watch", "--for", "1s").stdout


def test_where_nothing_is_known_it_is_said_with_3(store: Store) -> None:
    with store:
        for arguments, says in (
            (["day"], "No hour has data yet"),
            (["rising"], "no data for 20"),
            (["tag", "paris"], "no data for #paris"),
        ):
            told = trends(*arguments, exits=3)
            assert says in told.stderr
            assert "Traceback" not in told.output


def test_a_file_that_can_not_be_written_is_said(store: Store, tmp_path: Path) -> None:
    with store:
        publish_posts(store, [Post("1", "x", HOUR.start_ms, 0, "#paris", None)])
        told = trends("day", "--date", "2017-01-06", "--svg", str(tmp_path / "no" / "day.svg"), exits=1)
    assert "cannot write" in told.stderr
