"""The shipped feed `velib` from three answers of its API to topics, CSV and Parquet, against a reading of its own."""

import csv
import json
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from batch_layer.feeds.feed_verify import verify_feed
from config.settings import Settings
from ingest.feeds.demo.demo_api import redirect_feed
from tests.support.api_host import ApiHost, api
from tests.support.faults.invariants import WebHdfs
from tests.support.kafka import committed
from tests.support.shipped_feeds import run_to_the_end, shipped, topic_of

NAMES = [
    "Toudouze - Clauzel",
    "ABBESSES (métro)",
    "Mairie de Rosny-sous-Bois",
    "Clauzelle",
    "Caulaincourt – Lamarck",
    "Nation",
]
KEYWORDS = [["clauzel"], ["abbesses"], ["mairie"], [], ["caulaincourt"], []]
"""What each name matches, worked out by hand."""
STATIONS = 60
PARIS = ZoneInfo("Europe/Paris")
NIGHT = datetime(2024, 4, 22, 22, 30, tzinfo=PARIS)
"""Two hours later it is another day in Paris, and not in UTC."""
ROSNY = "Rosny-sous-Bois"


def answers() -> list[list[dict[str, Any]]]:
    """Three answers, a minute apart. Every third station changes; one is listed twice, one has no time."""
    found = []
    for minute in range(3):
        rows = []
        for number in range(STATIONS):
            at = minute if number % 3 == 0 else 0
            rows.append({
                "stationcode": f"{number:05}", "name": NAMES[number % len(NAMES)], "capacity": 20 + number,
                "numbikesavailable": number + at, "ebike": None if number == 7 else at, "numdocksavailable": 20 - at,
                "is_renting": "NON" if number % 5 == 0 else "OUI",
                "duedate": None if number == 11 else (NIGHT + timedelta(hours=at)).isoformat(),
                "coordonnees_geo": {"lon": 2.25 + number / 7, "lat": 48.5},
                "nom_arrondissement_communes": ROSNY if number % 10 == 5 else "Paris",
            })  # fmt: skip
        found.append([*rows, rows[9]])
    return found


def changes() -> list[dict[str, Any]]:
    """What the topic must hold, in order: each station that is another than before, and has a time."""
    known: dict[str, Any] = {}
    sent = []
    for answer in answers():
        for row in answer:
            if row["duedate"] and known.get(row["stationcode"]) != row:
                known[row["stationcode"]] = row
                sent.append(row)
    return sent


def typed(offset: int, row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table."""
    at = datetime.fromisoformat(row["duedate"])
    return {
        "station": row["stationcode"], "name": row["name"], "commune": row["nom_arrondissement_communes"], "at": at,
        "bikes": row["numbikesavailable"], "ebikes": row["ebike"], "docks": row["numdocksavailable"],
        "capacity": row["capacity"], "renting": row["is_renting"] == "OUI", "lon": row["coordonnees_geo"]["lon"],
        "lat": row["coordonnees_geo"]["lat"], "kafka_partition": 0, "kafka_offset": offset,
    }  # fmt: skip


def test_changed_stations_are_once_in_topics_csv_and_parquet_with_their_values(
    settings: Settings, tmp_path: Path
) -> None:
    left = [json.dumps(answer).encode() for answer in answers()]
    host = ApiHost({"/exports/json": lambda _: left.pop(0) if len(left) > 1 else left[0]})
    with api(host) as url:
        feed = redirect_feed(shipped(settings, "velib", tmp_path), url, every_s=0.3)
        run_to_the_end(settings, feed, polls=3)
    messages = committed(settings.kafka.bootstrap, topic_of(feed))
    offsets = [message.offset() or 0 for message in messages]
    wanted = changes()
    assert [json.loads(message.value() or b"") for message in messages] == wanted
    assert [message.key() for message in messages] == [row["stationcode"].encode() for row in wanted]

    copies = {sink: read_copies(settings, feed.declaration.sinks[sink].topic) for sink in ("keywords", "names")}  # type: ignore[union-attr]
    by_keyword = [(row, KEYWORDS[int(row["stationcode"]) % len(NAMES)]) for row in wanted]
    assert copies["keywords"] == [(row["stationcode"], words) for row, words in by_keyword if words]
    in_rosny = [row for row in wanted if ROSNY in row["name"] + row["nom_arrondissement_communes"]]
    assert copies["names"] == [(row["stationcode"], [ROSNY]) for row in in_rosny]

    rows = [typed(offset, row) for offset, row in zip(offsets, wanted, strict=True)]
    assert read_csv(tmp_path / "velib.csv") == rows
    by_day = read_parquet(settings, f"{settings.hdfs.root}/parquet")
    assert sorted((row for found in by_day.values() for row in found), key=lambda row: row["kafka_offset"]) == rows
    days = {day: {f"dt={row['at'].astimezone(PARIS):%Y-%m-%d}" for row in found} for day, found in by_day.items()}
    assert days == {day: {day} for day in ("dt=2024-04-22", "dt=2024-04-23")}
    kept = {"keywords": len(copies["keywords"]), "names": len(in_rosny), "csv": len(rows), "parquet": len(rows)}
    recounts = list(verify_feed(settings, feed))
    assert {each.sink: each.kept for each in recounts} == kept
    assert [each.wrong for each in recounts] == [()] * 4
    (reject, *more) = committed(settings.kafka.bootstrap, settings.kafka.rejects)
    assert {json.loads(each.value() or b"")["stationcode"] for each in (reject, *more)} == {"00011"}


def read_copies(settings: Settings, topic: str) -> list[tuple[str, list[str]]]:
    """Station and matched words of each copy."""
    found = []
    for each in committed(settings.kafka.bootstrap, topic):
        words = [value.decode() for name, value in each.headers() or () if name == "matched"]
        found.append((json.loads(each.value() or b"")["stationcode"], words))
    return found


def read_csv(path: Path) -> list[dict[str, Any]]:
    """The rows of the CSV, as typed values."""
    makes: dict[str, Any] = {
        "at": datetime.fromisoformat, "bikes": int, "ebikes": int, "docks": int, "capacity": int, "lon": float,
        "lat": float, "kafka_partition": int, "kafka_offset": int,
        "renting": lambda text: {"true": True, "false": False}[text],
    }  # fmt: skip
    with path.open(newline="", encoding="utf-8") as lines:
        return [
            {name: None if text == "" else makes.get(name, str)(text) for name, text in row.items()}
            for row in csv.DictReader(lines, strict=True)
        ]


def read_parquet(settings: Settings, root: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by folder, by pyarrow."""
    hdfs, found = WebHdfs(settings.hdfs.url), dict[str, list[dict[str, Any]]]()
    for day in (name for name in hdfs.names(root) if name.startswith("dt=")):
        for path in hdfs.below(f"{root}/{day}"):
            table = pq.read_table(BytesIO(hdfs.read(path)))
            assert table.schema.field("bikes").type == pa.int32()
            assert table.schema.field("at").type == pa.timestamp("us", "UTC")
            found.setdefault(day, []).extend(table.to_pylist())
    return found
