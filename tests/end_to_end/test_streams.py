"""What commands write to a terminal, a pipe, a full disk, nothing at all, and in encodings that lack characters."""

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.harness.stack_settings import environment
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from serving.views.store import Store
from tests.support.dashboard import counted, published

TRENDS = str(Path(sys.executable).with_name("trends"))
HOUR = Hour.parse("2017-01-06T07")
ESCAPES = ("\x1b]0;owned\x07", "\x9b31m", "\u202egnp", "\x7f", "\u2066x")
TAGS = [*(f"tag{each}" for each in ESCAPES), "東京", "łódź", "love"]
QUESTIONS = [
    ["top", "--hour", str(HOUR)],
    ["top", "--since", str(HOUR.plus(-1)), "--until", str(HOUR.plus(1))],
    ["day", "--date", "2017-01-06"],
    ["rising", "--hour", str(HOUR), "--least", "0"],
    ["tag", TAGS[0], "--since", "2017-01-06T07", "--until", "2017-01-06T08"],
]
RAW = [each.encode() for each in ("\x1b]0;", "\x07", "\x9b", "\u202e", "\x7f", "\u2066")]
"""What a terminal must not get from a tag. rich's own colours and cursor moves are others."""


@pytest.fixture
def hostile(settings: Settings, settings_file: Path) -> Iterator[Path]:
    """The settings of views with tags that steer a terminal."""
    with Store(settings.mongo) as store:
        published(store, {tag: 1_234 - at for at, tag in enumerate(TAGS)}, HOUR)
        published(store, {"love": 5}, HOUR.plus(-1))
        counted(store, Hour.of(wall_clock()), **dict.fromkeys(TAGS, 3))
        yield settings_file


def on_terminal(arguments: Sequence[str], file: Path, **variables: str) -> tuple[bytes, int]:
    """All that a command sends to a terminal, standard error too, and how it ends."""
    inside, outside = pty.openpty()
    command = subprocess.Popen(
        [TRENDS, *arguments],
        env=environment(file, TERM="xterm", **variables),
        stdin=outside,
        stdout=outside,
        stderr=outside,
    )
    os.close(outside)
    sent = bytearray()

    def read() -> None:
        while True:
            try:
                some = os.read(inside, 65_536)
            except OSError:  # the other side is closed
                return
            if not some:
                return
            sent.extend(some)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        ends = command.wait(120)
    finally:
        command.kill()
        reader.join(30)
        os.close(inside)
    return bytes(sent), ends


def piped(arguments: Sequence[str], file: Path, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [TRENDS, *arguments], env=environment(file, **variables), capture_output=True, timeout=120, check=False
    )


def test_a_terminal_obeys_nothing_that_a_tag_holds_in_any_form(hostile: Path) -> None:
    asked = [*QUESTIONS, [*QUESTIONS[0], "--csv"], [*QUESTIONS[0], "--json"], [*QUESTIONS[3], "--json"]]
    asked += [["watch", "--for", "1s"], ["top", "--hour", TAGS[0]], ["top", "--source", TAGS[2]]]
    for arguments in asked:
        sent, _ = on_terminal(arguments, hostile)
        assert sent, arguments
        assert [each for each in RAW if each in sent] == [], arguments
        if "--json" in arguments:
            assert json.loads(sent) == json.loads(piped(arguments, hostile).stdout)


def test_a_pipe_gets_data_in_utf_8_as_it_is_whatever_the_locale(hostile: Path) -> None:
    for name, question in (("latin-1", QUESTIONS[0]), ("ascii", QUESTIONS[1])):
        csv = piped([*question, "--csv"], hostile, PYTHONIOENCODING=name)
        assert (csv.returncode, csv.stderr) == (0, b"")
        assert all(tag in csv.stdout.decode() for tag in TAGS)
        answer = json.loads(piped([*question, "--json"], hostile, PYTHONIOENCODING=name).stdout.decode())
        assert {row["tag"] for row in answer["top"]} == set(TAGS)


def test_a_table_replaces_what_an_encoding_has_not(hostile: Path) -> None:
    for name, questions in (("latin-1", QUESTIONS), ("ascii", QUESTIONS[:1])):
        for question in questions:
            done = piped(question, hostile, PYTHONIOENCODING=name)
            assert (done.returncode, b"internal error" in done.stderr) == (0, False), done.stderr
            assert b"tag" in done.stdout
            done.stdout.decode(name)
        top = piped(QUESTIONS[0], hostile, PYTHONIOENCODING=name).stdout.decode(name)
        assert "#??" in top
        assert "###" in top, "the bar"


def test_output_that_is_full_or_closed_is_one_line(hostile: Path) -> None:
    for question in (QUESTIONS[0], [*QUESTIONS[0], "--csv"], ["config"]):
        for where, why in (("/dev/full", "No space left on device"), ("&-", "it is closed")):
            shell = ["sh", "-c", f'exec "$@" >{where}', "sh", TRENDS, *question]
            done = subprocess.run(
                shell, env=environment(hostile), stderr=subprocess.PIPE, text=True, timeout=120, check=False
            )
            assert (done.returncode, done.stderr) == (1, f"trends: standard output: {why}\n"), (question, where)
    silent = ["sh", "-c", 'exec "$@" 2>&-', "sh", TRENDS, "top", "--hour", "soon"]
    assert subprocess.run(silent, env=environment(hostile), timeout=120, check=False).returncode == 2


def test_a_reader_that_goes_early_is_no_error_to_tell(hostile: Path) -> None:
    for question in (QUESTIONS[0], ["config"]):
        done = subprocess.run(
            ["sh", "-c", '"$@" | head -1 >/dev/null', "sh", TRENDS, *question],
            env=environment(hostile), stderr=subprocess.PIPE, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.stderr == ""


def test_a_narrow_terminal_loses_the_bar_and_never_a_count(hostile: Path) -> None:
    for width in (60, 44, 24):
        top = piped(QUESTIONS[0], hostile, COLUMNS=str(width)).stdout.decode()
        assert ("█" in top) == (width >= 50), width
        assert all(f"{1_234 - at:,}" in top for at in range(len(TAGS))), (width, top)
        assert max(map(len, top.splitlines())) <= width
        day = piped(QUESTIONS[2], hostile, COLUMNS=str(width)).stdout.decode()
        assert f"{sum(1_234 - at for at in range(len(TAGS))):,}" in day, (width, day)
    assert piped(QUESTIONS[0], hostile, COLUMNS="0").stdout == piped(QUESTIONS[0], hostile, COLUMNS="80").stdout


def test_a_folder_that_can_not_be_written_to_is_one_line(hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = piped(["up", "kafka"], hostile, TRENDS_STACK__STATE=str(tmp_path / "file" / "state"))
    assert done.returncode in {1, 2}
    assert done.stderr.decode().count("\n") == 1
    assert "internal error" not in done.stderr.decode()
