"""Spout and bolt on real Storm die at each point of the protocol: after each, every use is counted once.

Storm starts the worker again each time. Then a second topology counts the same topic: the counts stay exact, and
`trends status` says that two write.
"""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from bench.harness import stack_settings
from bench.harness.topology import run_topology
from config.settings import Settings
from ingest.wire import Use
from serving.cli import main
from speed_layer.lag import caught_up
from tests.support.faults.crash_points import Points, points_of
from tests.support.storm import DRAINS_S, STARTS_S
from tests.support.uses import counted, produce, uses_of
from tests.support.wait import until

Counts = Counter[tuple[str, str]]
USES = 40


@pytest.mark.timeout(600)
def test_spout_and_bolt_die_at_each_point_and_every_use_is_counted_once(
    settings: Settings, settings_file: Path, test_data: Path, tmp_path: Path
) -> None:
    points = Points(tmp_path / "points")
    recorded = iter(uses_of(test_data / "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"))
    oracle: Counts = Counter()
    with run_topology(settings, settings_file, points.environment):
        for point in [*points_of("spout"), *points_of("bolt")]:
            some = list(islice(recorded, USES))
            oracle.update((use.hour, use.tag) for use in some)
            points.arm(point)
            produce(settings, some)
            dead = points.wait_until_reached()
            until(lambda: not psutil.pid_exists(dead), f"{point}: it is dead", STARTS_S)  # noqa: B023 - called at once
            until(lambda: caught_up(settings), f"{point}: everything is counted", DRAINS_S)
            assert counted(settings) == oracle, point

        count_twice(settings, settings_file, recorded, oracle)


def count_twice(settings: Settings, settings_file: Path, recorded: Iterator[Use], oracle: Counts) -> None:
    """A second topology counts beside the first."""
    tables = stack_settings.tables(settings_file)
    tables["storm"]["topology"] += "_again"
    file = stack_settings.write(settings_file.with_name("again.toml"), tables)
    other = stack_settings.read(file)
    with run_topology(other, file), stack_settings.use(file):
        until(lambda: speed()["shared_partitions"] == settings.kafka.partitions, "status says that two write", STARTS_S)
        for _ in range(5):
            some = list(islice(recorded, USES))
            oracle.update((use.hour, use.tag) for use in some)
            produce(settings, some)
        until(lambda: caught_up(settings), "everything is counted", DRAINS_S)
        assert counted(settings) == oracle
        told = speed()
        assert [len(each["writers"]) for each in told["partitions"]] == [2] * settings.kafka.partitions
        assert {writer.split(" at ")[0] for writer in told["writers"]} == {
            settings.storm.topology,
            other.storm.topology,
        }


def speed() -> dict[str, Any]:
    """What `trends status` says of the speed layer."""
    told = CliRunner().invoke(main, ["status", "--json"])
    facts: dict[str, Any] = json.loads(told.stdout)["speed"]
    assert "error" not in facts, facts
    return facts
