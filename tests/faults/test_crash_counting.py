"""Spout and bolt on real Storm die at each point of the protocol: after each, every use is counted once.

Storm starts the worker again each time. Then a second topology counts the same topic: the counts stay exact, and
`trends status` says that two write.
"""

from collections import Counter
from itertools import islice
from pathlib import Path

import psutil
import pytest

from config.settings import Settings
from speed_layer.lag import caught_up
from tests.faults.armed import Points, named
from tests.integration.test_topology import counted, produce, uses_of
from tests.storm import DRAINS_S, STARTS_S, eventually, submitted

USES = 40


@pytest.mark.timeout(600)
def test_spout_and_bolt_die_at_each_point_and_every_use_is_counted_once(
    settings: Settings, settings_file: Path, test_data: Path, tmp_path: Path
) -> None:
    points = Points(tmp_path / "points")
    recorded = iter(uses_of(test_data / "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"))
    oracle: Counter[tuple[str, str]] = Counter()
    with submitted(settings, settings_file, points.environment):
        for point in [*named("spout"), *named("bolt")]:
            some = list(islice(recorded, USES))
            oracle.update((use.hour, use.tag) for use in some)
            points.arm(point)
            produce(settings, some)
            dead = points.wait_until_reached()
            eventually(lambda: not psutil.pid_exists(dead), STARTS_S, f"{point}: it is dead")  # noqa: B023 - called at once
            eventually(lambda: caught_up(settings), DRAINS_S, f"{point}: everything is counted")
            assert counted(settings) == oracle, point
