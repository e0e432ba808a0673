"""A reader that asks `trends top --json` all along, in a process of its own, and what its answers must look like.

`python -m tests.support.faults.poller HOUR …` writes a line of JSON for each answer, until it is terminated.
"""

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from serving.cli import main
from tests.support.oracle import Hours

PAUSE_S = 0.25
N = 10


class Polled(NamedTuple):
    """How the answers were."""

    answers: int
    without: int
    """Answers that were a clear error, or that nothing is known yet."""
    layers: frozenset[str]


def poll(hours: list[str]) -> None:
    """Ask for these hours in turn, without end."""
    while True:
        for hour in hours:
            told = CliRunner().invoke(main, ["top", "--hour", hour, "--json"])
            line = {"hour": hour, "exit": told.exit_code, "out": told.stdout, "err": told.stderr}
            print(json.dumps(line), flush=True)
            time.sleep(PAUSE_S)


def judge(file: Path, once: Hours, as_sent: Hours) -> Polled:
    """Assert of every answer in a file that it is a whole one of a single layer, and that no count goes back."""
    before: dict[str, dict[str, Any]] = {}
    layers: set[str] = set()
    answers = without = 0
    lines = [line for line in file.read_text().split("\n")[:-1] if line]  # the last may be cut
    for line in lines:
        told = json.loads(line)
        if told["exit"] != 0:
            _assert_clear(told)
            without += 1
            continue
        answer = json.loads(told["out"])
        hour = answer["hour"]
        _assert_whole(answer, (once if answer["origin"] == "batch" else as_sent)[hour])
        if hour in before:
            _assert_not_back(before[hour], answer)
        before[hour] = answer
        layers.add(answer["origin"])
        answers += 1
    return Polled(answers, without, frozenset(layers))


def _assert_clear(told: dict[str, Any]) -> None:
    """No answer is one line that says why, with exit 1 (a server is away) or 3 (nothing is known yet)."""
    assert told["exit"] in (1, 3), told
    assert "Traceback" not in told["err"], told
    assert "internal error" not in told["err"], told
    assert told["out"] == "", f"an error, and half an answer: {told}"
    assert told["err"].strip(), told


def _assert_whole(answer: dict[str, Any], whole: Counter[str]) -> None:
    """Ranked, as many rows as there are tags, and no count that the hour does not have in the end."""
    rows = [(row["tag"], row["count"]) for row in answer["top"]]
    assert rows == sorted(rows, key=lambda row: (-row[1], row[0])), f"not ranked: {answer}"
    assert len({tag for tag, _ in rows}) == len(rows) == min(N, answer["tags"]), f"half an answer: {answer}"
    assert sum(count for _, count in rows) <= answer["uses"] <= whole.total(), f"{answer['uses']} of {whole.total()}"
    if answer["tags"] <= N:
        assert sum(count for _, count in rows) == answer["uses"], f"rows and sum of two moments: {answer}"
    over = [(tag, count, whole[tag]) for tag, count in rows if count > whole[tag]]
    assert not over, f"{answer['hour']}, {answer['origin']}: more than were ever used: {over}"


def _assert_not_back(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Within a layer counts only grow; and from the batch layer none goes back to the other."""
    if old["origin"] != new["origin"]:
        assert new["origin"] == "batch", f"{new['hour']}: from the batch layer back to the speed layer"
        return
    assert new["uses"] >= old["uses"], f"{new['hour']}: {old['uses']} uses, then {new['uses']}"
    counts: dict[str, int] = defaultdict(int, {row["tag"]: row["count"] for row in new["top"]})
    last = new["top"][-1]["count"] if new["top"] else 0
    for row in old["top"]:
        seen = counts.get(row["tag"], last)  # a tag that left the first ten has at most the last one's count
        assert seen >= row["count"], f"{new['hour']}: #{row['tag']} {row['count']}, then {seen}"


def hours_of(expected: Hours, how_many: int) -> list[str]:
    """The hours with most uses: those that change most often."""
    return sorted(expected, key=lambda hour: -expected[hour].total())[:how_many]


def command(hours: Iterable[str]) -> list[str]:
    """What starts a poller."""
    return [sys.executable, "-m", "tests.support.faults.poller", *hours]


if __name__ == "__main__":
    poll(sys.argv[1:])
