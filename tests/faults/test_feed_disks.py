"""A sink's disk is full for a while: its stage keeps its place, says which disk, and later has each record once."""

import csv
import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from batch_layer.feeds.stage_model import StageStatus
from batch_layer.feeds.stage_status import stage_statuses
from bench.harness import servers, stack_settings
from config.settings import Settings
from config.stack import launcher
from config.stack.paths import StackPaths
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import NamedFeed
from ingest.hours import wall_clock
from tests.support.cli import run
from tests.support.faults.disk import SmallDisk, small_disk
from tests.support.faults.invariants import WebHdfs
from tests.support.faults.kept_process import KeptProcess
from tests.support.faults.record_load import sending
from tests.support.kafka import committed
from tests.support.table_feeds import make_topic, query
from tests.support.wait import until

logger = logging.getLogger(__name__)

NAME = "disks"
FILE = """
about = "Records into three sinks"
[topic]
name = "{topic}"
[columns]
partition = {{ from = "$partition", type = "int" }}
offset = {{ from = "$offset", type = "bigint" }}
n = {{ from = "n", type = "int" }}
value = {{ from = "$value", type = "json" }}
[sinks.table]
type = "postgres"
table = "disks"
packet = {{ messages = 1000, after = "0.5s" }}
[sinks.files]
type = "hdfs"
root = "/disks"
format = "json"
by = "none"
files = "disks"
packet = {{ messages = 1000, after = "0.5s" }}
[sinks.csv]
type = "csv"
file = "{csv}"
packet = {{ messages = 1000, after = "0.5s" }}
"""
SAID = {
    "table": r"No space left on device.*Free space on the disk that has .*/data/postgres"
    r"|(connection|recovery|starting up|refused).*`trends logs postgres` shows its log",
    "files": r"Free space on the disks of the DataNodes|`trends logs datanode`",
    "csv": r"disks\.csv.*No space left on device.*Free space on that disk",
}
"""What a stage says while its disk is full. PostgreSQL dies of one that takes no log either."""


class Look:
    """What `trends feed status` tells."""

    def __init__(self, settings: Settings, feed: NamedFeed) -> None:
        self._settings, self._feed = settings, feed
        self.complaint = ""
        """What a stage said last of its disk."""

    def at(self, sink: str) -> StageStatus:
        found = stage_statuses(self._settings, self._feed, wall_clock())
        return next(each for each in found if each.stage == sink)

    def kept(self, sink: str) -> int:
        return self.at(sink).kept or 0

    def until_kept(self, sink: str, least: int) -> None:
        until(lambda: self.kept(sink) >= least, lambda: self.at(sink), 180)

    def until_it_complains(self, sink: str) -> None:
        self.complaint = ""

        def complains() -> bool:
            found = self.at(sink)
            if found.state == "reconnecting" and re.search(SAID[sink], found.why):
                self.complaint = found.why
            return bool(self.complaint)

        until(complains, lambda: self.at(sink), 120)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[tuple[Path, dict[str, SmallDisk]]]:
    """Servers, whose data lie on small disks, and a small disk for a CSV."""
    folder = tmp_path / "own"
    data = folder / "state" / "data"
    with ExitStack() as left:
        disks = {
            "files": left.enter_context(small_disk(data / "hdfs" / "blocks", 1_536)),
            "csv": left.enter_context(small_disk(tmp_path / "csv", 8)),
        }
        file = left.enter_context(servers.start(folder, ["kafka", "namenode", "datanode", "postgres"]))
        settings = stack_settings.read(file)
        launcher.down(settings, lambda *_: None, ["postgres"])
        made = (data / "postgres").rename(tmp_path / "postgres")
        disks["table"] = left.enter_context(small_disk(data / "postgres", 160))
        left.callback(launcher.down, settings, lambda *_: None, ["postgres"])
        shutil.copytree(made, data / "postgres", dirs_exist_ok=True)
        (data / "postgres").chmod(0o700)
        with stack_settings.use(file):
            launcher.up(settings, ["postgres"], lambda *_: None)
        yield file, disks


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_full_disks_of_sinks_hold_up_their_own_stage_and_nothing_is_lost_or_doubled(
    stack: tuple[Path, dict[str, SmallDisk]], tmp_path: Path
) -> None:
    base, disks = stack
    topic, feeds = make_topic(stack_settings.read(base)), tmp_path / "feeds"
    feeds.mkdir()
    (feeds / f"{NAME}.toml").write_text(FILE.format(topic=topic, csv=disks["csv"].folder / "disks.csv"))
    limits = {"hdfs": {"timeout_s": 5}, "postgres": {"timeout_s": 5}}
    file = stack_settings.override(base, tmp_path / "trends.toml", limits, {"feeds": {"folder": str(feeds)}})
    settings, feed = stack_settings.read(file), FeedFile(feeds / f"{NAME}.toml").feed({}, {})

    look = Look(settings, feed)
    with sending(settings, topic, pause_s=0.4) as sent:
        stages = KeptProcess("stages", ["trends", "feed", "run", NAME], file, tmp_path)
        try:
            for sink in SAID:
                look.until_kept(sink, 1)
            for sink, disk in sorted(disks.items()):
                with disk.full(sink, lambda: look.complaint) as proof:
                    look.until_it_complains(sink)
                    for other in disks.keys() - {sink}:
                        look.until_kept(other, look.kept(other) + 1)
                logger.info("%s: %s", proof, look.complaint)
                look.until_kept(sink, sent[0])
                assert look.at(sink).state == "connected"
        except AssertionError as error:
            error.add_note(stages.log.read_text()[-3_000:])
            raise
        finally:
            stages.kill()
    run("feed", "run", NAME, "--until-drained", variables={"TRENDS_CONFIG": str(file)})
    wanted = [
        (each.offset(), json.loads(each.value() or b"")["n"]) for each in committed(settings.kafka.bootstrap, topic)
    ]
    assert len(wanted) == sent[0]
    assert query(settings, 'SELECT "offset", n FROM disks ORDER BY 1') == wanted
    assert sorted(file_rows(settings)) == wanted
    with (disks["csv"].folder / "disks.csv").open(newline="") as lines:
        assert [(int(row["offset"]), int(row["n"])) for row in csv.DictReader(lines)] == wanted
    stages.assert_bounded()
    assert stages.exits == [], "no full disk ends a stage"
    died = "PANIC" in StackPaths.of(settings.stack).log("postgres").read_text(errors="replace")
    print(f"{sent[0]:,} records, 3 full disks; PostgreSQL {'died of its own' if died else 'lived on'}")


def file_rows(settings: Settings) -> list[tuple[int, int]]:
    hdfs = WebHdfs(settings.hdfs.url)
    names = [name for name, is_folder in hdfs.names("/disks").items() if not is_folder]
    rows = [json.loads(line) for name in names for line in hdfs.read(f"/disks/{name}").splitlines()]
    return [(row["offset"], row["n"]) for row in rows]
