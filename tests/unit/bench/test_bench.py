"""Benches: how contenders are run and judged, what they are given, and that those without servers run."""

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from bench.__main__ import MODULES, PARTS, main, module_of
from bench.harness import report
from bench.harness.compare import WrongError, compare
from bench.harness.subprocess_run import in_subprocess
from bench.harness.trial import AbsentError, Bench, Contender, RunOptions, Trial
from bench.inputs import posts
from bench.measures import rule
from ingest.hours import HOUR_MS
from tests.house.repository import ROOT


def trial(seconds: float, wrong: int = 0) -> Callable[[], Trial]:
    return lambda: Trial(seconds, 1_000, cpu_s=seconds / 2, wrong=wrong, figures={"p99 ms": seconds * 10})


def missing() -> Trial:
    raise AbsentError("it is not here")


def quiet(_: str) -> None:
    return None


def test_contenders_are_compared_and_one_that_is_not_there_is_told() -> None:
    contenders = [
        Contender("ours", "exactly once", trial(1.0)),
        Contender("slower and wrong", "none", trial(4.0, wrong=3), exact=False),
        Contender("absent", "", missing),
    ]
    bench = Bench("x", "How fast?", "posts/s", (1,), rule.contenders)
    found = compare(contenders, 2, quiet)
    assert found[1].ratio_to(found[0], "posts/s") == 4
    assert found[1].ratio_to(found[0], "s") == 4
    ours, slower, absent = report.document(bench, 1_000, found, "made up")["contenders"]
    assert (ours["median"], ours["cpu_s_a_million"], len(ours["trials"])) == (1_000, 500, 2)
    assert (slower["wrong"], slower["ours_is_times_better"]) == (3, 4)
    assert absent["not_had"] == "it is not here"
    console = Console(width=250, record=True, file=StringIO())
    console.print(report.table(bench, 1_000, found))
    assert "slower and wrong" in console.export_text()
    assert report.promises(found)[0] == "ours: exactly once"
    assert report.promises(found)[2] == "absent: it is not here"


def test_a_fast_wrong_answer_of_who_promises_to_be_exact_is_an_error() -> None:
    with pytest.raises(WrongError, match="1 of its results"):
        compare([Contender("ours", "exactly once", trial(0.1, wrong=1))], 1, quiet)


def test_copies_are_shifted_and_none_comes_twice() -> None:
    base = posts.sample(200)
    many = list(posts.copies(base, 1_000))
    assert len({post.id for post in many}) == len(many) == 1_000
    assert many[: len(base)] == base
    assert many[len(base)].created_at == base[0].created_at + posts.COPY_EVERY_MS
    assert many[len(base)].text == base[0].text
    live = list(posts.live_like(many, 1_000, since=0))
    assert live[-1].created_at < posts.LIVE_HOURS * HOUR_MS
    assert [post.created_at for post in live] == sorted(post.created_at for post in live)


def test_what_runs_apart_gives_its_result_and_its_cost() -> None:
    ran = in_subprocess(sum, [1, 2, 3])
    assert ran.result == 6
    assert ran.peak_mb > 1


def test_the_rule_is_measured(tmp_path: Path) -> None:
    with rule.contenders(RunOptions(400, tmp_path, True, tmp_path)) as (ours, *others):
        found = compare([ours, *others[:-1]], 1, quiet)  # the last one would be installed
    assert all(series.trials[0].wrong == 0 for series in found if series.contender.exact)


def test_the_command_keeps_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    done = CliRunner().invoke(
        main,
        ["rule", "--size=300", "--repeat=1", "--only=re, ", "--only=node", "--sample", "--json", f"--state={tmp_path}"],
    )
    assert done.exit_code == 0, done.output
    told, hostile = json.loads(done.stdout)
    assert hostile["bench"] == "rule-hostile"
    assert (told["bench"], told["size"]) == ("rule", 300)
    assert [each["name"] for each in told["contenders"][:-1]] == ["ours", "re, #(\\w+)"]
    assert told["contenders"][-1]["not_had"] == "node and npm are not installed"
    (kept,) = (tmp_path / "results").iterdir()
    assert json.loads(kept.read_text()) == [told, hostile]


def test_without_recorded_posts_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRENDS_TEST_DATA", str(tmp_path))
    done = CliRunner().invoke(main, ["rule", "--state", str(tmp_path)])
    assert done.exit_code == 3
    assert "take --sample" in done.stderr


def test_every_bench_has_a_module() -> None:
    assert [
        name for name in MODULES if not (ROOT / module_of(name).replace(".", "/")).with_suffix(".py").is_file()
    ] == []


def test_every_bench_can_be_had_alone_under_the_name_that_it_tells() -> None:
    told = [bench.name for name in MODULES for bench in import_module(module_of(name)).BENCHES]
    assert sorted(name for name in told if name not in MODULES) == sorted(PARTS)
