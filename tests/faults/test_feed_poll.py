"""A polled API into a topic and a CSV, under a random mix of faults: each change once, and each slot once or in a gap.

The API spoils answers, the source, its stage and the broker are killed, the source sleeps, its clock jumps.
`SOAK_SEED` repeats a mix.
"""

import csv
import itertools
import json
import logging
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.harness import servers, stack_settings
from config.settings import Settings
from tests.support.api_host import ApiHost, Fault, api
from tests.support.cli import run
from tests.support.faults import processes
from tests.support.faults.clock import Clock
from tests.support.faults.kept_process import KeptProcess
from tests.support.faults.proof import Proof, proving
from tests.support.kafka import committed
from tests.support.poll_commits import of_cursors, slots_of
from tests.support.polls import body, station
from tests.support.wait import until

logger = logging.getLogger(__name__)

NAME, TOPIC, PATH = "bikes", "bikes", "/stations"
STATIONS = 30
STRIKES = 14
JUMP_S = 15
ASLEEP_S = 4
FILE = """
about = "Stations of a town, every second"
[source]
type = "http"
every = "1s"
url = "{url}"
id = "stationcode"
at = "duedate"
send = "changed"
[source.ask.stations]
path = "/stations"
[topic]
name = "bikes"
[sinks.csv]
type = "csv"
file = "{csv}"
packet = {{ messages = 50, after = "0.5s" }}
[sinks.csv.columns]
offset = {{ from = "$offset", type = "bigint" }}
station = {{ from = "stationcode", type = "string" }}
bikes = {{ from = "numbikesavailable", type = "int" }}
"""
SPOILT: dict[str, list[Fault]] = {
    "500": [Fault(status=500)] * 2,
    "429": [Fault(status=429, headers={"Retry-After": "2"})],
    "half a body": [Fault(cut=True)] * 2,
    "HTML": [Fault(body=b"<html>Bad gateway</html>")],
    "an empty list": [Fault(body=b"[]")],
    "slow": [Fault(wait_s=2)],
}


def bikes(number: int, answer: int) -> int:
    """Of a station in an answer, counted from 0. Station 0 changes each time, the others at each third."""
    return answer if number == 0 else answer - (answer + number) % 3


def town() -> ApiHost:
    answers, lock = itertools.count(), threading.Lock()

    def serve(_: dict[str, str]) -> bytes:
        with lock:
            answer = next(answers)
        due = "2024-04-22T14:23:33+00:00"
        return body(*[station(str(number), bikes(number, answer), due) for number in range(STATIONS)])

    return ApiHost({PATH: serve})


class Fire:
    """The feed at work, and what may strike it."""

    def __init__(self, settings: Settings, host: ApiHost, clock: Clock, kept: dict[str, KeptProcess]) -> None:
        self.settings, self.host, self.clock, self.kept = settings, host, clock, kept

    def spoil(self, name: str) -> Proof:
        before = len(self.host.seen)
        with proving(name, "the API", "asked") as proof:
            self.host.fails(PATH, *SPOILT[name])
            until(lambda: not self.host.faults[PATH], "nobody asks", 60)
            proof.saw(asked=len(self.host.seen) - before)
        return proof

    def killed(self, name: str) -> Proof:
        return processes.kill(self.kept[name].process(), name)

    def broker_killed(self) -> Proof:
        proof = processes.kill(processes.server(self.settings, "kafka"), "kafka")
        until(lambda: processes.server(self.settings, "kafka").is_running(), "no broker", 60)
        return proof

    def asleep(self) -> Proof:
        with processes.freeze(self.kept["source"].process(), "source", ASLEEP_S) as proof:
            pass
        return proof

    def clock_jumps(self) -> Proof:
        """Ahead, and then back: no slot comes twice."""
        with self.clock.jumped(JUMP_S, {"the last slot": lambda: slots_of(self.settings, NAME)[-1] / 1000}) as proof:
            pass
        return proof

    def strikes(self) -> dict[str, Callable[[], Proof]]:
        spoilt = {f"the API: {name}": lambda name=name: self.spoil(name) for name in SPOILT}
        return {
            **spoilt,
            "the source is killed": lambda: self.killed("source"),
            "the stage is killed": lambda: self.killed("csv"),
            "the broker is killed": self.broker_killed,
            "the source sleeps": self.asleep,
        }


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Path]:
    """A broker that may be killed."""
    folder = tmp_path / "own"
    folder.mkdir()
    with servers.start(folder, ["kafka"]) as file:
        yield file


@contextmanager
def on_fire(broker: Path, folder: Path) -> Iterator[Fire]:
    """The source and the stage of the CSV, each a process."""
    host, feeds, clock = town(), folder / "feeds", Clock(folder / "clock")
    feeds.mkdir()
    with ExitStack() as things:
        text = FILE.format(url=things.enter_context(api(host)), csv=folder / "bikes.csv")
        (feeds / f"{NAME}.toml").write_text(text)
        file = stack_settings.override(broker, folder / "trends.toml", {"feeds": {"folder": str(feeds)}})
        kept = {}
        for part, variables in {"source": clock.for_python, "csv": {}}.items():
            command = ["trends", "feed", "run", NAME, "--only", part]
            kept[part] = KeptProcess(part, command, file, folder, variables=variables)
            things.callback(kept[part].kill)
        yield Fire(stack_settings.read(file), host, clock, kept)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_poll_under_fire_sends_each_change_once_and_uses_each_slot_once(own_broker: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("SOAK_SEED") or 1)
    chance, struck = random.Random(seed), dict[str, int]()
    with on_fire(own_broker, tmp_path) as fire:
        settings, strikes = fire.settings, fire.strikes()
        until((tmp_path / "bikes.csv").exists, "nothing arrives", 90)
        names = [*strikes, *chance.choices(sorted(strikes), k=STRIKES - len(strikes))]
        chance.shuffle(names)
        for name, strike in [*((name, strikes[name]) for name in names), ("the clock jumps", fire.clock_jumps)]:
            logger.info("%s: %s", name, strike())
            struck[name] = struck.get(name, 0) + 1
            threading.Event().wait(chance.uniform(0.1, 2))
        last = slots_of(settings, NAME)[-1]
        until(lambda: slots_of(settings, NAME)[-1] > last, "no poll after the last fault", 90)
    run(
        "feed",
        "run",
        NAME,
        "--only",
        "csv",
        "--until-drained",
        variables={"TRENDS_CONFIG": str(tmp_path / "trends.toml")},
    )
    told = f"seed {seed}: {struck}"
    sent = values(settings)
    polls = replay([(value["stationcode"], value["numbikesavailable"]) for _, value in sent])
    assert read_csv(tmp_path / "bikes.csv") == [
        (offset, value["stationcode"], value["numbikesavailable"]) for offset, value in sent
    ], told
    slots, gaps = slots_of(settings, NAME), of_cursors(settings, "gap/")
    assert polls > 5, told
    assert gaps, told
    for kept in fire.kept.values():
        kept.assert_bounded()
    print(
        f"{len(slots)} slots and {len(gaps)} gaps, {polls} polls with changes, {len(sent):,} records, "
        f"{sum(struck.values())} faults: {struck}; seed {seed}"
    )


def values(settings: Settings) -> list[tuple[int, Any]]:
    """Offset and value of each record."""
    return [
        (each.offset() or 0, json.loads(each.value() or b"")) for each in committed(settings.kafka.bootstrap, TOPIC)
    ]


def replay(sent: list[tuple[str, int]]) -> int:
    """Each poll has sent the stations that had changed since the poll before, and no others. How many polls there were.

    The first station tells which answer it was.
    """
    starts = [at for at, (code, _) in enumerate(sent) if code == "0"]
    assert starts[0] == 0
    known: dict[int, int] = {}
    for start, end in itertools.pairwise([*starts, len(sent)]):
        answer = sent[start][1]
        assert answer > known.get(0, -1), "an answer came twice"
        now = {number: bikes(number, answer) for number in range(STATIONS)}
        wanted = [(str(number), many) for number, many in now.items() if known.get(number) != many]
        assert sent[start:end] == wanted, f"answer {answer}"
        known = now
    return len(starts)


def read_csv(path: Path) -> list[tuple[int, str, int]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return [(int(row["offset"]), row["station"], int(row["bikes"])) for row in csv.DictReader(lines)]
