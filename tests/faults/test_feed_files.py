"""A feed as JSON on HDFS, and from its files in a Hive table, under a random mix of faults: each record once.

Two processes write the files and two the table, behind a link to the NameNode; another one starts in place of each that
has died. `SOAK_SEED` repeats a mix.
"""

import json
import logging
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from pyhive import hive

from batch_layer.storage.hive_server import HiveServer
from bench.harness import servers, stack_settings
from config.settings import Settings
from config.stack import launcher
from tests.support.cli import run
from tests.support.commands import run_trends
from tests.support.faults import fire_feed, processes
from tests.support.faults.kept_process import KeptProcess
from tests.support.faults.network import Link, text
from tests.support.faults.proof import Proof
from tests.support.faults.record_load import sending
from tests.support.table_feeds import make_topic
from tests.support.wait import until

logger = logging.getLogger(__name__)
logging.getLogger("pyhive").setLevel(logging.WARNING)  # it logs every statement

AWAY_S = 5
PATIENCE_S = 3
STRIKES = 9
FOREIGN = f"{fire_feed.ROOT}/dt=2023-11-19/by_hand.json"


class Fire:
    """The feed at work, and what may strike it."""

    def __init__(self, file: Path, link: Link, stages: list[KeptProcess]) -> None:
        self.settings, self.file = stack_settings.read(file), file
        self.link, self.stages = link, stages

    def stage_killed(self, chance: random.Random) -> Proof:
        stage = chance.choice(self.stages)
        return processes.kill(stage.process(), stage.name)

    def stage_asleep(self, chance: random.Random) -> Proof:
        stage = chance.choice(self.stages)
        with processes.freeze(stage.process(), stage.name, 2 * PATIENCE_S) as proof:
            pass
        return proof

    def away(self, name: str) -> Proof:
        with processes.away(self.settings, self.file, name) as proof:
            threading.Event().wait(AWAY_S)
        return proof

    def killed(self, name: str) -> Proof:
        """Supervision starts it again."""
        return processes.kill(processes.server(self.settings, name), name)

    def rename_without_reply(self) -> Proof:
        with self.link.lost_reply(text(b"op=RENAME")) as proof:
            until(lambda: proof.seen.get("replies_lost"), "nobody renames", 60)
        return proof

    def cut(self) -> Proof:
        with self.link.cut() as proof:
            until(lambda: proof.seen.get("resets"), "nobody asks", 60)
        return proof

    def strikes(self, chance: random.Random) -> dict[str, Callable[[], Proof]]:
        return {
            "a stage is killed": lambda: self.stage_killed(chance),
            "a stage sleeps": lambda: self.stage_asleep(chance),
            "the NameNode is away": lambda: self.away("namenode"),
            "the DataNode is away": lambda: self.away("datanode"),
            "the DataNode is killed": lambda: self.killed("datanode"),
            "Hive is away": lambda: self.away("hive"),
            "a rename without a reply": self.rename_without_reply,
            "connections are cut": self.cut,
        }


@pytest.fixture
def own_servers(tmp_path: Path) -> Iterator[Path]:
    """Servers that may be killed."""
    folder = tmp_path / "own"
    folder.mkdir()
    with servers.start(folder, ["kafka", "namenode", "datanode", "postgres"]) as file:
        with stack_settings.use(file):
            launcher.up(stack_settings.read(file), ["hive"], lambda *_: None)
        yield file


@contextmanager
def on_fire(base: Path, folder: Path) -> Iterator[Fire]:
    """Four processes at work, through a link to the NameNode."""
    with ExitStack() as things:
        name_node = stack_settings.read(base).hdfs.url
        link = things.enter_context(Link(urlsplit(name_node).port or 0, "namenode"))
        through: dict[str, object] = {"url": f"http://127.0.0.1:{link.port}", "timeout_s": PATIENCE_S}
        file = stack_settings.override(base, folder / "through.toml", {"hdfs": through})
        stages = []
        for number in range(4):
            sink = ("files", "table")[number % 2]
            command = ["trends", "feed", "run", fire_feed.NAME, "--only", sink]
            stages.append(KeptProcess(f"{sink}-{number}", command, file, folder))
            things.callback(stages[-1].kill)
        yield Fire(base, link, stages)


def put_foreign_file(settings: Settings) -> None:
    """Somebody writes a copy of records into a folder of ours."""
    content = json.dumps({"kafka_partition": 0, "kafka_offset": 1, "n": 1, "value": {"n": 1}}) + "\n"
    at = f"{settings.hdfs.url}/webhdfs/v1{FOREIGN}"
    requests.put(
        at, params={"op": "CREATE", "user.name": settings.hdfs.user}, data=content, timeout=30
    ).raise_for_status()


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_feed_under_fire_has_each_record_once_on_hdfs_and_in_hive(own_servers: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("SOAK_SEED") or 1)
    chance, struck = random.Random(seed), dict[str, int]()
    topic = make_topic(stack_settings.read(own_servers), fire_feed.PARTITIONS)
    file = fire_feed.declare(own_servers, tmp_path, topic)
    settings = stack_settings.read(file)
    with HiveServer(settings, "default") as hive_server:  # no session that its death would end
        hive_server.execute(f"CREATE DATABASE {fire_feed.NAME}")
    with sending(settings, topic, fire_feed.value, partitions=fire_feed.PARTITIONS, pause_s=0.4) as sent:
        with on_fire(file, tmp_path) as fire:
            until(lambda: has_rows(settings), "nothing arrives", 90)
            put_foreign_file(settings)
            strikes = fire.strikes(chance)
            names = [*strikes, *chance.choices(sorted(strikes), k=STRIKES - len(strikes))]
            chance.shuffle(names)
            for name in names:
                logger.info("%s: %s", name, strikes[name]())
                struck[name] = struck.get(name, 0) + 1
                threading.Event().wait(chance.uniform(0.1, 2))
        threading.Event().wait(1)  # what comes now is in no file yet
    fire_feed.spoil_group(settings, topic, f"feed.{fire_feed.NAME}.files")
    run("feed", "run", fire_feed.NAME, "--only", "files", "--only", "table", "--until-drained", variables=use(file))
    wanted, broken = fire_feed.sent_rows(settings, topic)
    told = f"seed {seed}: {struck}"
    assert (wanted.total() + broken, len(wanted)) == (sent[0], wanted.total()), told
    assert fire_feed.file_rows(settings, {FOREIGN}) == wanted, told
    assert fire_feed.table_rows(settings) == wanted, told
    assert_verified(file, wanted.total(), broken)
    for stage in fire.stages:
        stage.assert_bounded()
    print(f"{sent[0]:,} records, {sum(struck.values())} faults: {struck}; seed {seed}")


def has_rows(settings: Settings) -> bool:
    try:
        return bool(fire_feed.table_rows(settings))
    except hive.Error:  # there is no table yet
        return False


def assert_verified(file: Path, kept: int, broken: int) -> None:
    """`trends feed verify` counts the same, and names the file that is not ours, alone."""
    found = run_trends(file, "feed", "verify", fire_feed.NAME, "--json")
    assert found.returncode == 1, "it names a file"
    files, table = json.loads(found.stdout)
    assert (files["kept"], files["rejected"], files["lost"]) == (kept, broken, 0)
    assert [FOREIGN in sentence for sentence in files["wrong"]] == [True]
    assert (table["kept"], table["rejected"], table["lost"], table["wrong"]) == (kept, 0, 0, [])


def use(file: Path) -> dict[str, str]:
    return {"TRENDS_CONFIG": str(file)}
