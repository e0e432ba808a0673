"""Records of files: rows with all traps of tables, JSON, words; resumed at any of them."""

import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.errors import TrendsError, UsageError
from ingest.feeds.declaration.model import FileRecords
from ingest.feeds.record import Record
from ingest.feeds.sources.files import text_pieces
from ingest.feeds.sources.files.file_records import FileRecordSource
from ingest.feeds.sources.files.text_pieces import words_of
from ingest.sources.base import Batch
from ingest.wire import Reject
from tests.support.sources import NOW

ROWS = (
    b"\xef\xbb\xbfBrand Name,Model Name,Color,Selling Price,Reviews\r\n"
    b'OnePlus ,Band,"Black, ""Onyx""","2,499",\r\n'
    b'Xiaomi,"Mi\nBand 5",Noir \xc3\xa9bene,"2,299",\r\n'
    b"\r\n"
    b'Fitbit,Luxe,,"17,999","4,142"\r\n'
)


def source(
    file: Path, format_: str = "csv", at: str | None = None, say: Callable[[str], None] = print
) -> FileRecordSource:
    table = FileRecords.model_validate({"type": "file", "path": str(file), "format": format_, "at": at})
    return FileRecordSource(table, lambda: NOW, say)


def read(file: Path, content: bytes, format_: str = "csv", at: str | None = None) -> tuple[list[Any], list[Reject]]:
    file.write_bytes(content)
    batches = list(source(file, format_, at).batches({}, 1_000))
    return [r.value for b in batches for r in b.items], [r for b in batches for r in b.rejects]


def test_cells_are_texts_as_they_are_by_the_names_of_the_header(tmp_path: Path) -> None:
    values, rejects = read(tmp_path / "a.csv", ROWS)
    assert rejects == []
    names = ["Brand Name", "Model Name", "Color", "Selling Price", "Reviews"]
    assert [list(value) for value in values] == [names] * 3
    assert [list(value.values()) for value in values] == [
        ["OnePlus ", "Band", 'Black, "Onyx"', "2,499", ""],
        ["Xiaomi", "Mi\nBand 5", "Noir ébene", "2,299", ""],
        ["Fitbit", "Luxe", "", "17,999", "4,142"],
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"a,b\n", "2 cells where the header has 3"),
        (b"a,b,c,d\n", "4 cells where the header has 3"),
        (b'a,"b,c\n', "a quote that is not closed"),
        (b"a,\xff,c\n", "not UTF-8"),
        (b"a,\0,c\n", "NUL"),
    ],
)
def test_a_row_of_another_form_is_a_reject_and_its_neighbours_are_intact(
    row: bytes, reason: str, tmp_path: Path
) -> None:
    values, rejects = read(tmp_path / "a.csv", b"x;y;z\n1;2;3\n".replace(b";", b",") + row + b"4,5,6,,\n")
    assert [value["x"] for value in values] == ["1", "4"]
    (reject,) = rejects
    assert reason in reject.reason
    assert reject.where == f"{tmp_path / 'a.csv'}:3"
    assert json.loads(reject.reader) == {
        "format": "csv", "names": ["x", "y", "z"], "delimiter": ",", "escape": "doubled",
    }  # fmt: skip


def test_columns_without_a_name_of_their_own_get_one_and_it_is_said(tmp_path: Path) -> None:
    file, remarks = tmp_path / "a.csv", list[str]()
    file.write_bytes(b"a; a ;;a_2;a\n1;2;3;4;5\n")
    (batch,) = source(file, say=remarks.append).batches({}, 10)
    assert batch.items[0].value == {"a": "1", "a_3": "2", "column_3": "3", "a_2": "4", "a_4": "5"}
    assert remarks == ["a.csv: columns without a name of their own became a_3, column_3, a_4"]


def test_a_table_of_one_column_and_lines_that_end_with_cr(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b'word\rone\r"two, 2"\r')[0] == [{"word": "one"}, {"word": "two, 2"}]


def test_a_cell_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    values, rejects = read(tmp_path / "a.csv", b"a,b\n1,2\n3," + b"x" * 10_000_000 + b"\n5,6\n")
    assert [(value["a"], len(value["b"])) for value in values] == [("1", 1), ("3", 10_000_000), ("5", 1)]
    assert rejects == []


def test_the_event_time_is_what_at_finds_else_the_moment_of_reading(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"n,When\n1,2017-01-06T07:00:00Z\n2,\n3,1999-01-01\n4,2050-01-01\n5,1483686000\n")
    (batch,) = source(file, at="When").batches({}, 10)
    assert [(record.value["n"], record.at) for record in batch.items] == [
        ("1", 1_483_686_000_000),
        ("5", 1_483_686_000_000),
    ]
    assert [reject.where.rpartition(":")[2] for reject in batch.rejects] == ["3", "4", "5"]
    (batch,) = source(file).batches({}, 10)
    assert [record.at for record in batch.items] == [NOW] * 5
    with pytest.raises(UsageError, match=r"source\.at"):
        source(file, at="a[")


@pytest.mark.parametrize(
    "content",
    [
        b'{"n":1}\n{"n":2,"statuses":[{"n":9}]}\n',
        b'[{"n":1},\n {"n":2,"statuses":[{"n":9}]}]',
        b'{\n "n":1}\n{\n "n":2,"statuses":[\n{"n":9}]}\n',
    ],
)
def test_json_objects_come_from_lines_arrays_and_documents_whole(content: bytes, tmp_path: Path) -> None:
    values, rejects = read(tmp_path / "a.json", content, "json")
    assert values == [{"n": 1}, {"n": 2, "statuses": [{"n": 9}]}]
    assert rejects == []


def test_what_is_no_json_object_is_a_reject(tmp_path: Path) -> None:
    content = b'{"n":1}\n7\n{"n":NaN}\n{"n":"\\ud800"}\n{"n":1e999}\n\n{"n":123456789012345678901234567890}\n'
    values, rejects = read(tmp_path / "a.json", content, "json")
    assert values == [{"n": 1}, {"n": 123456789012345678901234567890}]
    assert [reject.where.rpartition(":")[2] for reject in rejects] == ["2", "3", "4", "5"]


def test_words_have_their_file_and_line(tmp_path: Path) -> None:
    text = "« L'été », dit-il -- 2,499 €\n\nRosny-sous-Bois. नमस्ते!\n"
    values, _ = read(tmp_path / "a.txt", text.encode(), "words")
    assert [(value["word"], value["line"]) for value in values] == [
        ("L'été", 1), ("dit-il", 1), ("2,499", 1), ("Rosny-sous-Bois", 3), ("नमस्ते", 3),
    ]  # fmt: skip
    assert {value["file"] for value in values} == {"a.txt"}


def corpus(lines: int = 60) -> bytes:
    long_line = " ".join(f"w{n}é" for n in range(3_000))
    return "\n".join([*(f"one two, {n}\tthree" for n in range(lines)), long_line, "last"]).encode()


def records(batches: list[Batch[Record]]) -> list[Record]:
    return [record for batch in batches for record in batch.items]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_words_resume_behind_any_of_them_and_long_lines_lose_none(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_pieces, "PIECE_BYTES", 100)
    file = tmp_path / "a.txt"
    file.write_bytes(pack(corpus()))
    expected = [(word, line) for line, text in enumerate(corpus().decode().split("\n"), 1) for word in words_of(text)]
    batches = list(source(file, "words").batches({}, 7))
    assert [(record.value["word"], record.value["line"]) for record in records(batches)] == expected
    for n in range(0, len(batches), 9):
        cursor = json.loads(json.dumps(batches[n].cursor))
        assert records(list(source(file, "words").batches(cursor, 1_000))) == records(batches[n + 1 :])


def test_a_word_without_an_end_is_one_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_pieces, "PIECE_BYTES", 100)
    for end in (b" after\nmore", b"\nafter more"):
        values, rejects = read(tmp_path / "a.txt", b"before " + b"x" * 1_234 + end, "words")
        assert [value["word"] for value in values] == ["before", "after", "more"]
        assert [reject.reason for reject in rejects] == ["a word of 100 bytes or more"]


def test_files_that_hold_no_records_are_refused_and_empty_ones_skipped(tmp_path: Path) -> None:
    assert read(tmp_path / "empty.csv", b"") == ([], [])
    for content, what in ((b"PK\x03\x04", "ZIP"), (b"PAR1", "Parquet"), (b"a\0b\0,\0c\0\n\0", "NUL")):
        with pytest.raises(UsageError, match=what):
            read(tmp_path / "a.csv", content)
    with pytest.raises(UsageError, match="no such file"):
        source(tmp_path / "none.csv")


def test_a_file_that_begins_with_a_hundred_bad_rows_is_not_read_on(tmp_path: Path) -> None:
    with pytest.raises(TrendsError, match="begins with 100 records"):
        read(tmp_path / "a.csv", b"a,b\n" + b"1\n" * 200)


def test_the_name_tells_path_format_and_time_apart(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(ROWS)
    names = {source(file).name, source(file, "words").name, source(file, at="Color").name}
    assert len(names) == 3
    assert source(file).name == source(file).name


def test_a_pipe_is_read_to_its_end_and_the_same_content_goes_on(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def piped(content: bytes) -> FileRecordSource:
        writer = threading.Thread(target=pipe.write_bytes, args=(content,))
        writer.start()
        made = source(pipe, "words")
        writer.join(10)
        return made

    text = b"one two three four\n" * 300
    first = piped(text)
    batches = list(first.batches({}, 500))
    assert [len(batch.items) for batch in batches] == [500, 500, 200]
    longer = piped(text + b"five")
    assert longer.name == first.name
    assert [record.value["word"] for record in records(list(longer.batches(batches[-1].cursor, 500)))] == ["five"]
