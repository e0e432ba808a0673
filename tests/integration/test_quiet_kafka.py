"""What commands print when Kafka is down: their own words, not the Kafka client's log."""

import subprocess
import sys
from pathlib import Path

from bench.harness.stack_settings import environment
from config.settings import Settings

TRENDS = Path(sys.executable).with_name("trends")
NOBODY = "127.0.0.1:1"
ONE_LINE = ["rejects list"]
PARTS = ("server ", "sources", "speed", "archive", "hours", "last runs", "rejects")


def test_the_status_prints_its_table_and_other_commands_one_line(settings: Settings, settings_file: Path) -> None:
    started = {
        command: subprocess.Popen(
            [TRENDS, *command.split()],
            env=environment(settings_file, TRENDS_KAFKA__BOOTSTRAP=NOBODY),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in ("status", *ONE_LINE)
    }
    printed = {command: process.communicate(timeout=120) for command, process in started.items()}
    table, log = printed["status"]
    assert log == ""
    assert [part for part in PARTS if part not in table] == []
    assert table.count(NOBODY) >= 4
    for command in ONE_LINE:
        error = printed[command][1]
        assert (error.count("\n"), error.startswith("trends: ")) == (1, True), (command, error)
        assert started[command].returncode == 1
