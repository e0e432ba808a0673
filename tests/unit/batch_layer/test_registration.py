"""Registration beside a table in memory that fails, forgets and refuses."""

from collections.abc import Iterable

import pytest

from batch_layer.sinks.hive import registration
from batch_layer.sinks.hive.registration import Registration
from config.errors import TrendsError, UnavailableError, UsageError
from tests.support.wait import until


class MemoryTable:
    """See `HiveTable`. `failures` are raised by the next calls, one each."""

    name = "t"

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.failures: list[TrendsError] = []
        self.looks = 0
        self.closed = False

    def make(self) -> None:
        self._fail()

    def folders(self) -> set[str]:
        self.looks += 1
        return set(self.known)

    def add(self, folders: Iterable[str]) -> None:
        self._fail()
        self.known |= set(folders)

    def close(self) -> None:
        self.closed = True

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(registration, "LONGEST_WAIT_S", 0.02)


def begin(table: MemoryTable, named: set[str]) -> Registration:
    begun = Registration(table, lambda: set(named))  # type: ignore[arg-type]  # it has the methods
    begun.begin()
    return begun


def test_what_manifests_name_and_what_comes_is_registered() -> None:
    table, named = MemoryTable(), {"dt=1", "dt=2"}
    table.known = {"dt=1"}
    begun = begin(table, named)
    assert table.known == named
    begun.note(["dt=3"])
    until(lambda: "dt=3" in table.known, lambda: table.known, 20)
    begun.note(["dt=4"])
    begun.end()
    assert (table.known, table.closed, table.looks) == ({"dt=1", "dt=2", "dt=3", "dt=4"}, True, 1)


def test_after_a_failure_the_table_is_asked_again_since_it_may_have_lost_everything() -> None:
    table, named = MemoryTable(), {"dt=1"}
    begun = begin(table, named)
    named.add("dt=2")
    table.known = set()
    table.failures = [UnavailableError("away")] * 3
    begun.note(["dt=2"])
    until(lambda: table.known == {"dt=1", "dt=2"}, lambda: table.known, 20)
    begun.end()


def test_a_table_that_is_away_from_the_start_to_the_end_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    table = MemoryTable()
    table.failures = [UnavailableError("away")] * 1_000
    begun = begin(table, {"dt=1"})
    begun.note(["dt=2"])
    begun.check()
    begun.end()
    assert caplog.text.count("not registered with Hive for now") == 1
    assert "not registered with Hive yet" in caplog.text
    assert table.closed


def test_a_refusal_ends_it_at_the_start_or_with_the_next_chunk() -> None:
    table = MemoryTable()
    table.failures = [UsageError("another shape")]
    with pytest.raises(UsageError, match="another shape"):
        begin(table, set())
    table = MemoryTable()
    table.failures = [UnavailableError("away"), UsageError("another shape")]
    begun = begin(table, set())
    until(lambda: table.closed, "the thread goes on", 20)
    with pytest.raises(UsageError, match="another shape"):
        begun.check()
    begun.end()
