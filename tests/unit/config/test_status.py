"""States of the stack: whose process serves at the address of a server that is stopped."""

from pathlib import Path

import pytest

from config.settings import Settings
from config.stack import status


@pytest.mark.parametrize(("folder", "told"), [("state", ""), ("other", "other")])
def test_a_stopped_server_names_the_stack_at_its_address_unless_that_is_its_own(
    folder: str, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings.of({"stack": {"state": str(tmp_path / "state"), "port_offset": 7}})
    monkeypatch.setattr(status, "listeners", lambda: {9099: 1})
    monkeypatch.setattr(status, "stack_of", lambda _pid: str(tmp_path / folder))
    (kafka,) = [each for each in status.states(settings) if each.name == "kafka"]
    assert (kafka.state, kafka.other_stack) == ("stopped", told and str(tmp_path / told))
