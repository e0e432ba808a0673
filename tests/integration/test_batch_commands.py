"""`trends recompute` and `trends schedule` as processes, on real servers: killed, stopped, left without Spark."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from bench.harness import stack_settings
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from serving.views.documents import RUNS
from serving.views.store import Store
from tests.support.batch import FIRST, documents, post, top
from tests.support.otlp_collector import collector
from tests.support.wait import until

TRENDS = Path(sys.executable).with_name("trends")
HOURS = 12


@pytest.fixture
def file(settings_file: Path, tmp_path: Path) -> Path:
    """Settings for small slices, short leases, and a watermark that the archive alone decides."""
    own: stack_settings.Tables = {
        "archive": {"idle_after_s": 3_600.0},
        "batch": {"slice_posts": 6, "lease_s": 20.0, "every_s": 1.0},
        "stack": {"state": str(tmp_path / "a state")},
    }
    return stack_settings.override(settings_file, tmp_path / "own.toml", own)


@pytest.fixture
def archive(settings: Settings) -> ArchiveWriter:
    """Half a day of posts, three an hour; the hour after it is in progress."""
    archive = ArchiveWriter(settings)
    for partition in range(3):
        posts = [post(10 * at + partition, at, "#spam #ham" if partition else "#ham") for at in range(HOURS)]
        archive.add(partition, [*posts, post(10_000_000 + partition, HOURS + 1, "#later")])
    return archive


@contextmanager
def started(file: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `trends` process, gone at the end whatever happens."""
    environment = {**os.environ, "TRENDS_CONFIG": str(file)}
    process = subprocess.Popen([TRENDS, *arguments], env=environment, stdout=-1, stderr=-1, cwd=file.parent)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finish(file: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and talk of a `trends` command."""
    with started(file, *arguments) as process:
        output, talk = process.communicate(timeout=240)
        return process.returncode, output.decode(), talk.decode()


def java_of(process: subprocess.Popen[bytes]) -> psutil.Process:
    """The JVM of a process."""
    return until(lambda: next((each for each in psutil.Process(process.pid).children() if "java" in each.name()), None))


def test_a_killed_recomputation_is_taken_over_and_goes_on(
    file: Path, archive: ArchiveWriter, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as at_once:
        at_once.setenv("TRENDS_BATCH__SLICE_POSTS", "1000")
        code, output, _ = finish(file, "recompute", "--since", str(FIRST), "--dry-run", "--json")
    plan = json.loads(output)
    assert (code, len(plan["hours"]), plan["posts"], plan["estimate_s"]) == (0, HOURS, 3 * HOURS, None)
    assert (plan["run"], plan["changes"]) == (None, []), "no hour had a document that could change"
    assert plan["waiting"] == [str(FIRST.plus(HOURS + 1))]

    with Store(settings.mongo) as store:
        assert not documents(store)
        with started(file, "recompute", "--since", str(FIRST)) as process:
            java = java_of(process)
            until(lambda: len(documents(store)) >= 4, within_s=200)
            process.kill()
        until(lambda: not java.is_running() or java.status() == psutil.STATUS_ZOMBIE, within_s=30)
        published = len(documents(store))
        assert 4 <= published < HOURS

        code, _, talk = finish(file, "recompute", "--since", str(FIRST))
        assert (code, "already being computed by" in talk) == (1, True), talk
        until(lambda: store.collection(RUNS).find_one({"$expr": {"$lt": ["$lease_until", "$$NOW"]}}))
        with collector() as spans, monkeypatch.context() as traced:
            traced.setenv("TRENDS_TRACE__ENDPOINT", spans.endpoint)
            code, output, talk = finish(file, "recompute", "--since", str(FIRST), "--json")
        assert code == 0, talk
        outcome = json.loads(output)
        assert [each.attributes["hours"] for each in spans.named("batch run")] == [HOURS]
        assert sum(each.attributes["hours"] for each in spans.named("publish")) == HOURS - published
        assert (outcome["resumed"], len(outcome["hours"])) == (published, HOURS - published)
        assert [top(each) for each in documents(store).values()] == [[("ham", 3), ("spam", 2)]] * HOURS
        assert [line for line in talk.splitlines() if "WARN" in line or "Exception" in line] == [
            line for line in talk.splitlines() if "its lease ran out" in line
        ]


def test_the_scheduler_computes_what_is_wanting_survives_its_jvm_and_stops_when_told(
    file: Path, archive: ArchiveWriter, settings: Settings
) -> None:
    with Store(settings.mongo) as store, started(file, "schedule") as process:
        until(lambda: len(documents(store)) == HOURS, within_s=200)
        java_of(process).kill()
        archive.add(0, [post(5, 3, "#late")])
        late = [("ham", 3), ("spam", 2), ("late", 1)]
        until(lambda: top(documents(store)[FIRST.plus(3)]) == late, within_s=200)
        until(lambda: store.collection(RUNS).count_documents({"state": "running"}) == 0)

        process.send_signal(signal.SIGTERM)
        _, talk = process.communicate(timeout=60)

    said = talk.decode()
    assert (process.returncode, "Traceback" in said, "interrupted" in said) == (130, False, True), said


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["recompute"], 2, "--since or --all"),
        (["recompute", "--since", "monday-7h", "--reset"], 2, "--reset needs --all"),
        (["recompute", "--since", "whenever"], 2, "monday-7h"),
        (["recompute", "--since", "2017-01-01", "--until", "2016-01-01"], 2, "no hour is from"),
        (["recompute", "--since", "now-1h"], 3, "no archived post"),
        (["batch", "hour", "2017-01-06T07"], 3, "no archived post"),
        (["batch", "run"], 0, "Nothing to compute"),
    ],
)
def test_what_can_not_be_done_is_said_without_starting_spark(
    settings: Settings, file: Path, arguments: list[str], code: int, says: str
) -> None:
    found, _, talk = finish(file, *arguments)
    assert (found, says in talk, "Traceback" in talk) == (code, True, False), talk
    assert not (file.parent / "a state" / "logs" / "spark.log").exists()
