"""Posts in Parquet: columns by name, as tables have them; read by groups of rows, resumed by the row."""

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.errors import UsageError
from ingest.sources.files.post_files import PostFiles
from ingest.sources.registry import reader_of
from tests.support.sources import read, reading

FIRST = 1_136_530_661_176_246_272
DAY = dt.datetime(2019, 6, 6, 7, 10)  # noqa: DTZ001 - as Parquet holds it
COUNT = 500


def written(file: Path, columns: dict[str, Any], rows: int = 70) -> PostFiles:
    pq.write_table(pa.table(columns), file, row_group_size=rows)
    return PostFiles([str(file)], reading())


def ids(count: int = COUNT) -> list[int]:
    return [FIRST + n for n in range(count)]


def test_rows_are_posts_and_every_cursor_gives_exactly_the_rest(tmp_path: Path) -> None:
    texts = [f"kept #t{n}" if n % 90 else None for n in range(COUNT)]
    columns = {"tweet_id": ids(), "full_text": texts, "created_at": [DAY] * COUNT, "lang": ["en"] * COUNT}
    source = written(tmp_path / "a.parquet", columns)
    posts, rejects, batches = read(source, 33)
    assert [int(post.id) - FIRST for post in posts] == [n for n in range(COUNT) if n % 90]
    assert [reject.where.rpartition(":")[2] for reject in rejects] == [str(n + 1) for n in range(0, COUNT, 90)]
    assert {(str(post.hour), post.lang) for post in posts} == {("2019-06-06T07", "en")}
    for n in range(0, len(batches), 4):
        cursor = json.loads(json.dumps(batches[n].cursor))
        rest = [post for batch in source.batches(cursor, 100) for post in batch.items]
        assert rest == [post for batch in batches[n + 1 :] for post in batch.items]
    size = (tmp_path / "a.parquet").stat().st_size
    assert sum(batch.read_bytes for batch in batches) == size


@pytest.mark.parametrize(
    "time",
    [
        pa.array([DAY], pa.timestamp("ns")),
        pa.array([DAY], pa.timestamp("ms", "Europe/Rome")),
        pa.array([DAY], pa.timestamp("s", "UTC")),
        pa.array([DAY.date()], pa.date32()),
        pa.array([1_559_805_000_000], pa.int64()),
        pa.array([1_559_805_000.0], pa.float64()),
        pa.array(["2019-06-06 09:10:00 CEST"]),
        pa.array([None], pa.timestamp("us")),
        pa.array(["Thu Jun 06 07:10:00 +0000 2019"]).dictionary_encode(),
    ],
)
def test_times_of_every_type_are_read(time: Any, tmp_path: Path) -> None:
    posts, rejects, _ = read(written(tmp_path / "a.parquet", {"id": [FIRST], "text": ["a"], "created_at": time}))
    assert rejects == []
    assert str(posts[0].hour) == "2019-06-06T07"


def test_date_and_time_of_day_in_two_columns_are_one(tmp_path: Path) -> None:
    columns = {"id": [FIRST], "text": ["a"], "date": [DAY.date()], "time": pa.array([dt.time(8, 30)], pa.time64("ns"))}
    assert str(read(written(tmp_path / "a.parquet", columns))[0][0].hour) == "2019-06-06T08"


def test_an_id_that_lost_digits_and_text_that_is_none_are_refused_row_by_row(tmp_path: Path) -> None:
    text = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    posts, rejects, _ = read(written(tmp_path / "a.parquet", {"id": ids(3), "text": text}))
    assert [post.text for post in posts] == ["a", "c"]
    assert len(rejects) == 1
    _, rejects, _ = read(written(tmp_path / "b.parquet", {"id": [float(FIRST)], "text": ["a"]}))
    assert "lost digits" in rejects[0].reason
    assert reader_of(rejects[0].reader, reading).spec == rejects[0].reader


def test_columns_are_named_by_hand_and_what_they_hold_beside_is_in_the_payload(tmp_path: Path) -> None:
    columns = {"key": [str(FIRST)], "words": ["a"], "blob": [b"\xff"], "list": [[1, None]], "who": [{"lang": "en"}]}
    source = written(tmp_path / "a.parquet", columns)
    with pytest.raises(UsageError, match=r"--id-column.*'key', 'words'"):
        read(source)
    named = PostFiles([str(tmp_path / "a.parquet")], reading(), columns={"id": "key", "text": "words"})
    assert json.loads(read(named)[0][0].payload or "")["who"] == {"lang": "en"}


def test_a_parquet_file_without_rows_is_nothing(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.parquet", {"id": pa.array([], pa.int64()), "text": pa.array([], pa.string())}))[
        :2
    ] == (
        [],
        [],
    )


def test_a_parquet_file_that_is_cut_or_packed_is_refused_in_words(tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", {"id": ids(), "text": ["a"] * COUNT})
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:1_000])
    with pytest.raises(UsageError, match="can't be read"):
        read(PostFiles([str(tmp_path / "cut.parquet")], reading()))
    (tmp_path / "packed.parquet").write_bytes(gzip.compress(content))
    with pytest.raises(UsageError, match="nor packed"):
        read(PostFiles([str(tmp_path / "packed.parquet")], reading()))
    with pytest.raises(UsageError, match="no Parquet file"):
        (tmp_path / "a.csv").write_text("id,text\n")
        read(PostFiles([str(tmp_path / "a.csv")], reading(), format="parquet"))


def test_a_damaged_group_of_rows_ends_the_file_and_says_so(tmp_path: Path) -> None:
    texts = [f"{n * 7_919 % 1_000_003:x}" * 9 for n in range(COUNT)]
    written(tmp_path / "a.parquet", {"id": ids(), "text": texts})
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = b"\xff" * 600
    (tmp_path / "a.parquet").write_bytes(content)
    source = PostFiles([str(tmp_path / "a.parquet")], reading())
    posts, rejects, batches = read(source)
    assert 0 < len(posts) < COUNT
    assert rejects
    assert list(source.batches(batches[-1].cursor, 100)) == []
