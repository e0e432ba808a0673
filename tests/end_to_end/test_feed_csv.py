"""A feed as its author meets it: a file, a run until everything has arrived, and what each command says then."""

import csv
import io
import json
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.cli import environment

BOOKS = """about = "Books of a CSV, in another CSV"

[source]
type = "file"
path = "{folder}/books.csv"
format = "csv"

[topic]
name = "{topic}"
partitions = 2
key = "title"

[sinks.cheap]
type = "csv"
file = "{folder}/cheap.csv"
packet = {{ messages = 100, after = "1s" }}
[sinks.cheap.where]
true = "price != null && price != ''"
[sinks.cheap.columns]
partition = {{ from = "$partition", type = "int" }}
offset    = {{ from = "$offset", type = "bigint" }}
title     = {{ from = "title", type = "string" }}
price     = {{ from = "price", type = "int" }}
"""


class Author:
    """Somebody in a folder with feeds/books.toml and books.csv."""

    def __init__(self, folder: Path, settings_file: Path) -> None:
        self.folder = folder
        topic = f"books-{uuid4().hex[:10]}"
        (folder / "feeds").mkdir()
        (folder / "feeds" / "books.toml").write_text(BOOKS.format(folder=folder, topic=topic))
        self._variables = environment(TRENDS_CONFIG=str(settings_file), TRENDS_STACK__STATE=str(folder / "state"))

    def types(self, *arguments: str, exits: int = 0) -> str:
        """`trends feed …`; its output."""
        done = subprocess.run(
            ["trends", "feed", *arguments],
            cwd=self.folder,
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == exits, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout or done.stderr


@pytest.fixture
def author(tmp_path: Path, settings_file: Path) -> Author:
    folder = tmp_path / "author"
    folder.mkdir()
    return Author(folder, settings_file)


def rows_of(text: str) -> list[dict[str, str]]:
    return sorted(csv.DictReader(io.StringIO(text)), key=lambda row: row["title"])


def test_each_row_of_a_csv_is_kept_left_out_or_rejected_once_and_comes_back_after_a_loss(author: Author) -> None:
    prices = [f"{number % 90 + 1},{number % 1000:03}" for number in range(500)]
    lines = [f'"book {number:03}","{price}"' for number, price in enumerate(prices)]
    (author.folder / "books.csv").write_text("\n".join(["title,price", *lines, "free,", "odd,cheap"]) + "\n")
    file = author.folder / "cheap.csv"
    assert "books" in author.types("list")

    author.types("run", "books", "--until-drained")
    wanted = [(f"book {number:03}", price.replace(",", "")) for number, price in enumerate(prices)]
    assert [(row["title"], row["price"]) for row in rows_of(file.read_text())] == wanted
    (stage,) = json.loads(author.types("status", "books", "--json"))
    counts = {name: stage[name] for name in ("behind", "kept", "rejected", "left_out", "lost", "state")}
    assert counts == {"behind": 0, "kept": 500, "rejected": 1, "left_out": 1, "lost": 0, "state": "stopped"}
    (sink,) = json.loads(author.types("verify", "books", "--json"))
    assert (sink["accepted"], sink["kept"], sink["rejected"], sink["left_out"], sink["wrong"]) == (502, 500, 1, 1, [])
    assert len(json.loads(author.types("show", "books", "cheap", "-n", "3", "--json"))) == 3
    assert "reading from offset" in (author.folder / "state" / "logs" / "books.cheap.log").read_text()

    before = file.read_bytes()
    author.types("run", "books", "--until-drained")
    assert file.read_bytes() == before
    file.unlink()
    author.types("verify", "books", exits=1)
    author.types("rebuild", "books", "cheap", "--yes")
    assert [(row["title"], row["price"]) for row in rows_of(file.read_text())] == wanted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "books", "--only", "dear"), "no part 'dear'; there are source, cheap"),
        (("show", "books", "dear"), "no sink 'dear'; there are cheap"),
        (("status", "cooks"), "no feed 'cooks'"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(author: Author, arguments: tuple[str, ...], words: str) -> None:
    assert words in author.types(*arguments, exits=2)
