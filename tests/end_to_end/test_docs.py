"""What the README and docs/ say to type is typed here, on servers that hold a week of sample posts."""

import gzip
import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from config.settings import Settings
from ingest.hours import Hour
from tests.support.cli import ROOT, environment, run
from tests.support.wait import until_the_hour_lasts

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"""^(?:\$[ ])?  ((?:[A-Z_]+='?\S+[ ])?  (?:trends|sparse|make)  (?:[ ][^#\n]*?)?)  (?:[ ]{2}.*|\s+\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)
STOPS_OR_STAYS = re.compile(
    r"""trends[ ](?:up|down|schedule|serve|demo|notebook)\b | feed[ ](?:run|demo)\b | trends[ ](?:archive|watch)$
        | --live | --follow | [ ]-f\b | --reset | rejects[ ]show | archive[ ]gap
        | ingest[ ](?:jetstream|x|mastodon)\b | alerts[ ](?:run|test)\b
        | (?:sparse|trends[ ]topology)[ ](?:submit|kill)""",
    re.VERBOSE,
)
"""What stops the servers of the tests, runs for ever, asks others, or names one's own record: its help is run."""
RULE = {"url": "https://hooks.example/city", "secret": "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
LONGEST_S = 240
"""A command that takes longer runs for ever, and belongs above: the failure names it."""


def commands() -> list[str]:
    blocks = (block for page in PAGES for block in BLOCK.findall(page.read_text()))
    return sorted({match[1].strip() for block in blocks for match in COMMAND.finditer(block)})


@pytest.fixture(scope="module")
def typed() -> list[str]:
    return [command for command in commands() if not command.startswith("make")]


def test_there_are_commands_in_the_docs() -> None:
    assert len(commands()) > 25


def test_every_make_target_in_the_docs_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {command.split()[1] for command in commands() if command.startswith("make ")}
    assert named
    assert named <= targets
    assert {"demo", "test", "down", "clean"} <= targets


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the files that the docs name."""
    post = {"data": {"id": "1", "created_at": "2017-01-06T07:00:00.000Z", "lang": "en", "text": "#bigdata"}}
    lines = gzip.compress(json.dumps(post).encode() + b"\n")
    (tmp_path / "posts.csv").write_text("id,text,created_at\n1,#paris,2017-01-06T07:00:00Z\n")
    (tmp_path / "other.csv").write_text("id,message,posted\n1,#paris,2017-01-06T07:00:00Z\n")
    for name in ("tweets.jsonl.gz", "stream-1.jsonl.gz"):
        (tmp_path / name).write_bytes(lines)
    (tmp_path / "archive" / "data").mkdir(parents=True)
    tweet = {"id_str": "1123483439723446272", "created_at": "Wed May 01 07:00:00 +0000 2019", "full_text": "#paris"}
    export = f"window.YTD.tweets.part0 = {json.dumps([{'tweet': tweet}])}"
    (tmp_path / "archive" / "data" / "tweets.js").write_text(export)
    table = pa.table({"id": ["2"], "text": ["#paris"], "created_at": ["2017-01-06T07:00:00Z"]})
    parquet.write_table(table, tmp_path / "posts.parquet")
    kept = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(kept)


def of_another_day(command: str) -> str:
    """The command, on a Monday about Sunday: `monday-7h` may be the hour in progress then, and have no answer."""
    return command.replace("monday-7h", "sunday-7h") if datetime.now(UTC).weekday() == 0 else command


def of_the_readme(folder: Path) -> Path:
    """Posts of the hours that the README asks for."""
    first = Hour.parse("2013-04-14T12")
    hours = [first.plus(at) for at in range(60)]
    lines = [f"{at},#PrayForBoston #boston,{hour.start.isoformat()}" for at, hour in enumerate(hours)]
    file = folder / "boston.csv"
    file.write_text("\n".join(["id,text,created_at", *lines]))
    return file


@pytest.mark.timeout(1500)
def test_every_command_of_the_docs_runs(
    settings: Settings, settings_file: Path, folder: Path, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    monkeypatch.setenv("TRENDS_ALERTS__RULES", json.dumps({"city": RULE}))
    until_the_hour_lasts(minutes=9)  # "now" and "the last hour" are asked for all along
    run("ingest", "sample", "--hours", "192", "--posts", "4000")
    run("ingest", "file", str(of_the_readme(folder)))
    run("archive", "--until-drained")
    run("batch", "run")
    asked = map(of_another_day, typed)
    for command in sorted(asked, key=lambda each: "ingest" not in each):  # the posts of the examples first
        words = f"{' '.join(command.split()[:2])} --help" if STOPS_OR_STAYS.search(command) else command
        cwd = ROOT if words.startswith("sparse") else folder
        nimbus = {"STREAMPARSE_NIMBUS": settings.storm.nimbus, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            ["bash", "-c", words], cwd=cwd, env=environment(**nimbus), capture_output=True, text=True, check=False,
            timeout=LONGEST_S,
        )  # fmt: skip
        allowed = {0, 1} if "status" in words or "doctor" in words else {0}  # 1: no service runs here
        allowed |= {3} if "topology list" in words else set()  # 3: there is none
        assert done.returncode in allowed, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
