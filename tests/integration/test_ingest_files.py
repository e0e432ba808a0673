"""`trends ingest file` as a process: pipes that go on, files that can't be read, and loads of which nothing can."""

import json
import subprocess
from pathlib import Path

from bench.harness.stack_settings import environment
from config.settings import Settings
from tests.support.ingest_process import TRENDS, ended, posts_in, started

FIRST = 690_406_591_110_582_272


def lines(*ids: int) -> bytes:
    return b"".join(b'{"id":"%d","text":"#t%d"}\n' % (FIRST + n, n) for n in ids)


def piped(settings_file: Path, content: bytes, *typed: str) -> str:
    command = [TRENDS, "ingest", "file", *typed]
    ran = subprocess.run(
        command, input=content, env=environment(settings_file), capture_output=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode()


def test_what_is_piped_is_written_and_the_same_content_goes_on(settings: Settings, settings_file: Path) -> None:
    out = piped(settings_file, lines(*range(500)), "-", "--json", "--limit", "300")
    assert json.loads(out)["posts"] == 300
    out = piped(settings_file, lines(*range(502)), "/dev/stdin", "--json")
    assert json.loads(out)["posts"] == 202
    assert posts_in(settings.kafka) == {str(FIRST + n): 1 for n in range(502)}
    shell = f"exec {TRENDS} ingest file <(printf '%s' '{lines(900).decode().strip()}') --json"
    ran = subprocess.run(
        ["bash", "-c", shell], env=environment(settings_file), capture_output=True, timeout=60, check=True
    )
    assert json.loads(ran.stdout)["posts"] == 1, ran.stderr


def test_a_load_of_which_nothing_can_be_read_fails_with_the_first_reason(settings_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("id,text\nx,one\ny,two\n")
    code, out, talk = ended(started(settings_file, "file", str(file), "--json"))
    assert code == 1
    assert json.loads(out)["rejects"] == 2
    assert "all 2 records can't be read, the first since: no time, and the id holds none: 'x'" in " ".join(talk.split())
    assert "--restart" in talk
    assert ended(started(settings_file, "file", str(file)))[0] == 0  # nothing new


def test_what_comes_before_a_file_that_can_not_be_read_is_written_and_told(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_bytes(lines(1, 2))
    (tmp_path / "b.json").write_bytes(b'{"id":"x"}\n' * 100 + lines(3))
    typed = ("file", str(tmp_path), "--format", "x-v2")
    code, _, talk = ended(started(settings_file, *typed))
    told = " ".join(talk.split())
    assert code == 1
    assert "Written before the error: 2 posts, 0 rejects" in told
    assert "begins with 100 records that can't be read" in told
    assert "--force" in told
    assert sorted(posts_in(settings.kafka)) == [str(FIRST + 1), str(FIRST + 2)]
    code, _, talk = ended(started(settings_file, *typed, "--force"))
    assert code == 0, talk
    assert "1 post, 1 use of hashtags, 100 rejects" in talk
    (tmp_path / "c.json").write_bytes(b"PK\x03\x04")
    code, _, talk = ended(started(settings_file, *typed))
    assert code == 2
    assert "ZIP archive" in talk
