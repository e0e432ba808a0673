"""The servers ask for passwords, over TLS, while everything dies, stands still or is cut off; every invariant holds.

The links end TLS and begin it again, so a fault meets the request that it is for; see `network.Tls`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faults.fault_scenarios import ALL, ONE_OF_EACH
from tests.support.faults.load import Load
from tests.support.faults.platform import Stack, on_fire, own_servers
from tests.support.faults.verdict import strike_all

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with own_servers(tmp_path_factory.mktemp("secure-fire"), secure=True) as made:
        yield made


def test_one_of_each_kind_strikes_a_secure_stack_and_nothing_is_lost_or_doubled(
    stack: Stack, boston: Path, tmp_path: Path
) -> None:
    with on_fire(stack, Load.of([boston], tmp_path, rate=30), tmp_path) as platform:
        assert platform.settings.kafka.connection["security.protocol"] == "SASL_SSL"
        assert platform.settings.hdfs.url.startswith("https://")
        strike_all(platform, ONE_OF_EACH, ALL)
