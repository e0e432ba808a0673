"""Standings: the state of each live source, and its gaps, beside its cursor in the same transactions.

Kafka compacts the topic of cursors, so it holds the last state of a source, and each of its gaps. The key of a cursor
is the source's name, which begins with its name in the registry; keys of states and gaps begin with `state/` and
`gap/`.
"""

from typing import NamedTuple

import msgspec

from config.settings import KafkaSettings
from ingest.cursors import last_values
from ingest.hours import Millis
from ingest.sources.status import CONNECTED, RECONNECTING, REPORT_EVERY_S, Gap, State

SILENT = "silent"
STAGE = "stage/"
"""How the name of a feed's stage begins, which reports as a source does: `stage/<feed>/<sink>`."""
NEVER = "not running"
"""State of a stage that has never reported."""
OF_FEED = "feed/"
"""How the name of a feed's source begins: `feed/NAME/TOPIC/…`."""


class Standing(NamedTuple):
    """The last report of a live source, and its gaps."""

    name: str
    state: State
    gaps: list[Gap]
    """In order of time."""

    @property
    def brings_posts(self) -> bool:
        """Whether its gaps are of posts that the platform counts. A feed fills a topic of its own."""
        return not self.name.startswith((OF_FEED, STAGE))

    def state_at(self, now: Millis) -> str:
        """Its state now; `silent` if its last report is so old that it must have died."""
        runs = self.state.state in (CONNECTED, RECONNECTING)
        return SILENT if runs and now - self.state.at > 3_000 * REPORT_EVERY_S else self.state.state


def state_message(name: str, state: State) -> tuple[bytes, bytes]:
    """Value and key of a state."""
    return msgspec.json.encode(state), f"state/{name}".encode()


def gap_message(name: str, gap: Gap) -> tuple[bytes, bytes]:
    """Value and key of a gap: the same gap gives the same message again."""
    return msgspec.json.encode(gap), f"gap/{gap.since}/{name}".encode()


def standings(settings: KafkaSettings) -> list[Standing]:
    """Every live source that ever reported its state, the latest report first. Raises `UnavailableError`."""
    states: dict[str, State] = {}
    gaps: dict[str, list[Gap]] = {}
    for key, value in last_values(settings).items():
        kind, _, rest = key.partition("/")
        if kind == "state":
            states[rest] = msgspec.json.decode(value, type=State)
        elif kind == "gap":
            gaps.setdefault(rest.partition("/")[2], []).append(msgspec.json.decode(value, type=Gap))
    all_standings = [
        Standing(name, state, sorted(gaps.get(name, []), key=lambda gap: gap.since)) for name, state in states.items()
    ]
    return sorted(all_standings, key=lambda standing: standing.state.at, reverse=True)
