"""The state that revision a208cf3 left in Kafka, HDFS and MongoDB: the code of today reads it and carries it on."""

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from bench.harness import stack_settings
from bench.harness.topology import run_topology
from config.settings import Settings
from speed_layer.lag import caught_up
from tests.support import earlier_state
from tests.support.kafka import committed
from tests.support.storm import DRAINS_S, STARTS_S
from tests.support.wait import until

FIXTURE = Path(__file__).parents[1] / "fixtures" / "a208cf3"
TRENDS = str(Path(sys.executable).with_name("trends"))
HOURS = [f"2024-03-01T{hour:02d}" for hour in (9, 10, 11, 12)]
REST_OF_SAMPLE = "ingest sample --seed 5 --posts 60 --hours 1 --end 2024-03-01T13:00Z"
NEW_SINCE = frozenset({"rule_now", "writers", "outstanding"})
"""What may be another: the rule has a version 2, whoever wrote a lane is gone, markers no longer count as rejects."""
OF_A_RUN = frozenset({"rule", "run", "computed_at"})
"""What of an answer tells which run made it."""
NUMBER = re.compile(r"\d[\d,]*")


class EarlierSystem:
    """The state of that revision on servers of today."""

    def __init__(self, file: Path, settings: Settings) -> None:
        self.file = file
        self.settings = settings

    def trends(self, typed: str, *, code: int = 0) -> list[dict[str, Any]]:
        """What a command answers."""
        done = subprocess.run(
            [TRENDS, *typed.split(), "--json"],
            check=False,
            capture_output=True,
            text=True,
            timeout=180,
            env=stack_settings.environment(self.file),
        )
        assert done.returncode == code, f"{typed}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def documents(self) -> dict[str, dict[str, Any]]:
        """The documents of hours and lenses, without what tells one run from another."""
        with MongoClient[dict[str, Any]](self.settings.mongo.uri.get_secret_value()) as client:
            views = client[self.settings.mongo.database]
            return {
                each["_id"]: {name: each[name] for name in ("hour", "posts", "uses", "tags", "top") if name in each}
                for name in ("hours", "lenses")
                for each in views[name].find()
            }

    def posts(self) -> Counter[str]:
        """The ids of all posts in Kafka."""
        kafka = self.settings.kafka
        return Counter((message.key() or b"").decode() for message in committed(kafka.bootstrap, kafka.posts))


@pytest.fixture
def system(stack_file: Path, tmp_path: Path) -> Iterator[EarlierSystem]:
    names = tomllib.loads((FIXTURE / "settings.toml").read_text())
    file = stack_settings.isolate(stack_file, tmp_path / "trends.toml", **names)
    settings = stack_settings.read(file)
    earlier_state.clear(settings)
    earlier_state.load(FIXTURE, settings)
    yield EarlierSystem(file, settings)
    earlier_state.clear(settings)


def answers(name: str) -> dict[str, list[dict[str, Any]]]:
    """What that revision answered, by command."""
    lines = (FIXTURE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return dict(map(json.loads, lines))


def differences(then: Any, now: Any, where: str, but: Set[str] = NEW_SINCE) -> list[str]:
    """Where an answer is another one. A key that is new is no difference."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [
            each
            for key in sorted(then.keys() - but)
            for each in differences(then[key], now.get(key, "missing"), f"{where}.{key}", but)
        ]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [each for at, (old, new) in pairs for each in differences(old, new, f"{where}[{at}]", but)]
    if where.endswith(".shown") and is_spelling(then, now):
        return []
    return [] if then == now else [f"{where}: {then!r} then, {now!r} now"]


def is_spelling(then: Any, now: Any) -> bool:
    """Whether both spell one tag: since that version a tag has one name in a whole answer."""
    return isinstance(now, str) and then.casefold() == now.casefold()


def comparable(now: dict[str, dict[str, Any]], then: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Documents of now, those of phrases with the phrases of then: a later rule finds others in the same posts."""
    of_then = {name: each for name, each in then.items() if name.startswith(("bigram|", "trigram|"))}
    return {name: {**each, **of_then.get(name, {}), "posts": each["posts"]} for name, each in now.items()}


def other_findings(then: list[dict[str, Any]], now: list[dict[str, Any]], *, all_compared: bool) -> list[str]:
    """Where `verify` finds something else, by place, verdict and numbers; its words may be others."""
    old, new = then[0]["findings"], [each for each in now[0]["findings"] if not each["where"].endswith(", samples")]
    if [each["where"] for each in old] != [each["where"] for each in new]:
        return [f"verify: other places: {new}"]
    found = []
    for was, each in zip(old, new, strict=True):
        numbers = NUMBER.findall(was["what"])
        if "by rule phrases-" in each["what"]:
            numbers = numbers[:1]  # the same posts: a later rule finds other phrases in them
        same = was["ok"] == each["ok"] and numbers == NUMBER.findall(each["what"])[: len(numbers)]
        if not (same if each["compared"] else not all_compared):
            found.append(f"verify: {was} then, {each} now")
    return found


def assert_answers(
    system: EarlierSystem, name: str, but: Set[str] = frozenset[str](), *, all_compared: bool = False
) -> None:
    """Every command of a file has the answer now that it had then, except for the keys in `but`.

    `all_compared`: `verify` leaves out nothing, as it does where a document is of an earlier version of the rule.
    """
    found = []
    for command, then in answers(name).items():
        wrong = command == "status" or command.startswith("verify")  # no service runs, and offsets are lost
        now = system.trends(command, code=1 if wrong else 0)
        if command.startswith("verify"):
            found += other_findings(then, now, all_compared=all_compared)
        else:
            found += differences(then, now, command, but | NEW_SINCE)
    assert not found, "\n".join(found)


@pytest.mark.timeout(300)
def test_answers_are_as_they_were(system: EarlierSystem) -> None:
    assert_answers(system, "before")


@pytest.mark.timeout(600)
def test_every_part_goes_on_where_that_version_ended(system: EarlierSystem) -> None:
    before, documents = system.posts(), system.documents()
    assert system.trends(REST_OF_SAMPLE)[0]["posts"] == 20
    system.trends(REST_OF_SAMPLE)
    assert (system.posts() - before).total() == 20
    assert system.trends("archive --until-drained")[0]["posts"] == 60
    with run_topology(system.settings, system.file):
        until(lambda: caught_up(system.settings), "everything is counted", STARTS_S + DRAINS_S)
    assert_answers(system, "counted")
    system.trends("batch run")
    assert_answers(system, "after", OF_A_RUN)
    system.trends("recompute --since 2024-03-01T09 --until 2024-03-01T11")
    assert differences(documents, comparable(system.documents(), documents), "documents") == []
    system.trends("compact")
    assert_answers(system, "after", OF_A_RUN, all_compared=True)
    parked = answers("before")["rejects list"]
    assert differences(parked, system.trends("rejects list"), "rejects list") == []
