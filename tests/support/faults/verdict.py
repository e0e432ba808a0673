"""The end of a scenario: faults are over, everything heals by itself, and every invariant is checked."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pymongo.errors import PyMongoError
from requests.exceptions import RequestException

from bench.harness import stack_settings
from tests.support.cli import ask, run
from tests.support.faults import invariants, poller
from tests.support.faults.invariants import Tally
from tests.support.faults.kept_process import KeptProcess
from tests.support.faults.platform import POISON, Platform
from tests.support.faults.poller import Polled
from tests.support.faults.proof import Proof
from tests.support.oracle import count
from tests.support.wait import until

logger = logging.getLogger(__name__)

LAG_S = 60
"""Within so long after healing nothing is behind: all posts are archived and all uses counted."""
COMPUTED_S = 240
"""How long a test waits for the batch layer then. What it took, Spark's start included, is in its figures."""


class Healed(NamedTuple):
    """Seconds from when the faults were over and the last post was on Kafka."""

    lag_s: float
    """Until neither the archiver nor the speed layer was behind."""
    computed_s: float
    """Until the batch layer had computed every complete hour, too."""


class Figures(NamedTuple):
    """What a scenario came to: a row of the table in docs/reliability.md."""

    faults: int
    healed: Healed
    batch_hours: int
    speed_hours: int
    tally: Tally
    polled: Polled

    def __str__(self) -> str:
        tally, polled = self.tally, self.polled
        return (
            f"{self.faults} faults, {tally.posts} posts, {tally.archived} archived, {tally.rejected} rejected, "
            f"{tally.gaps} in gaps, lost {tally.lost}, doubled {tally.doubled}; {self.batch_hours} hours of batch and "
            f"{self.speed_hours} of speed equal the oracle; {polled.answers} answers read, {polled.without} refused; "
            f"lag 0 after {self.healed.lag_s:.0f} s, every hour computed after {self.healed.computed_s:.0f} s"
        )


def heal(platform: Platform) -> Healed:
    """Faults are over. Send the rest of the posts, and wait until all are in both layers with nobody's help.

    The producer is killed once more for that, and goes on behind its last transaction, as fast as it can.
    """
    platform.processes["ingest"].kill()
    rest = KeptProcess("ingest", platform.load.command, platform.file, platform.file.parent, once=True)
    platform.processes["ingest"] = rest
    until(lambda: platform.processes["ingest"].done, lambda: platform.processes["ingest"].log.read_text()[-500:], 240)
    began = platform.processes["ingest"].ended_at
    kafka = invariants.accepted(platform.places)
    complete = invariants.complete_hours(kafka, platform.settings.archive.lateness_s)

    def nothing_is_behind() -> None:
        invariants.assert_archive_is_at_the_end(platform.places, kafka)
        invariants.assert_speed(platform.places, platform.sent, complete)

    def all_is_computed() -> None:
        invariants.assert_batch(platform.places, platform.sent, complete)

    _await(nothing_is_behind, began + LAG_S)
    lag_s = time.monotonic() - began
    _await(all_is_computed, began + COMPUTED_S)
    return Healed(lag_s, time.monotonic() - began)


def _await(holds: Callable[[], None], deadline: float) -> None:
    """Try until it holds. What did not is logged whenever it is another thing."""
    seen: list[str] = []

    def held() -> bool:
        try:
            holds()
        except (AssertionError, PyMongoError, RequestException) as why:
            if seen != [told := str(why).partition("\n")[0][:300]]:
                seen[:] = [told]
                logger.info("not yet: %s", told)
            return False
        return True

    until(held, lambda: seen, deadline - time.monotonic())


def judge(platform: Platform, took: Healed) -> Figures:
    """Stop what runs, then check every invariant."""
    platform.processes["poll"].kill()
    for name in ("schedule", "archive-1", "archive-2"):
        platform.processes[name].stop()
    with stack_settings.use(platform.file):
        told = ask("status", exits=1)  # 1: neither services nor topology of the stack itself run
        run("archive", "--until-drained")
    assert (told["speed"]["behind"], told["archive"]["behind"]) == (0, 0), told
    kafka = invariants.accepted(platform.places)
    invariants.assert_sent_once(kafka, platform.sent)
    tally = invariants.assert_archived_once(platform.places, kafka)
    assert tally.rejected == POISON, tally
    complete = invariants.complete_hours(kafka, platform.settings.archive.lateness_s)
    batch = invariants.assert_batch(platform.places, platform.sent, complete)
    speed = invariants.assert_speed(platform.places, platform.sent, complete)
    assert min(batch, speed) > 10, f"{batch} hours of batch, {speed} of speed: one of the layers was hardly asked"
    invariants.assert_no_orphan(platform.places)
    polled = poller.judge(
        platform.processes["poll"].out, count(platform.sent, once=True), count(platform.sent, once=False)
    )
    assert polled.answers > 10, polled
    for kept in platform.processes.values():
        kept.assert_bounded()
    return Figures(len(platform.proofs), took, batch, speed, tally, polled)


def strike_all(platform: Platform, names: Iterable[str], strikes: "Mapping[str, Callable[[Platform], Proof]]") -> None:
    """Strike with these, one after the other; then everything heals, and all invariants hold."""
    for name in names:
        platform.strike(name, strikes[name])
    logger.info("%s", judge(platform, heal(platform)))
