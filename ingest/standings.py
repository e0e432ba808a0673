"""How live sources stand, and what they could not bring back: kept beside the cursors, in the same transactions.

The topic of cursors is compacted, so that the last state of a source is kept, and each of its gaps. A source's own key
is its name, which begins with what the registry calls it; the keys of these begin with `state/` and `gap/`.
"""

from typing import NamedTuple

import msgspec

from config.settings import KafkaSettings
from ingest.cursors import last_values
from ingest.hours import Millis
from ingest.sources.status import CONNECTED, RECONNECTING, REPORT_EVERY_S, Gap, State

SILENT = "silent"


class Standing(NamedTuple):
    """What is known of a live source."""

    name: str
    state: State
    gaps: list[Gap]
    """In order of time."""

    def stands(self, now: Millis) -> str:
        """Its state; `silent` where it has not told one for so long that it must have ended without a word."""
        runs = self.state.state in (CONNECTED, RECONNECTING)
        return SILENT if runs and now - self.state.at > 3_000 * REPORT_EVERY_S else self.state.state


def state_message(name: str, state: State) -> tuple[bytes, bytes]:
    """Value and key of a state."""
    return msgspec.json.encode(state), f"state/{name}".encode()


def gap_message(name: str, gap: Gap) -> tuple[bytes, bytes]:
    """Value and key of a gap: the same gap told again is the same message."""
    return msgspec.json.encode(gap), f"gap/{gap.since}/{name}".encode()


def standings(settings: KafkaSettings) -> list[Standing]:
    """Every live source that ever told its state, the one that told last first. Raises `UnavailableError`."""
    states: dict[str, State] = {}
    gaps: dict[str, list[Gap]] = {}
    for key, value in last_values(settings).items():
        kind, _, rest = key.partition("/")
        if kind == "state":
            states[rest] = msgspec.json.decode(value, type=State)
        elif kind == "gap":
            gaps.setdefault(rest.partition("/")[2], []).append(msgspec.json.decode(value, type=Gap))
    found = [
        Standing(name, state, sorted(gaps.get(name, []), key=lambda gap: gap.since)) for name, state in states.items()
    ]
    return sorted(found, key=lambda standing: standing.state.at, reverse=True)
