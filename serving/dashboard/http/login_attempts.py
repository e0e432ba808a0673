"""Login attempts: how many wrong tokens an address may send.

An address has `MOST` attempts and regains one every `AGAIN_S` seconds, so no lockout lasts longer. Browsers with a
cookie and other addresses go on working. IPv6 addresses count by their network.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10
AGAIN_S = 6.0
_ADDRESSES = 4_096
"""Addresses in memory; the one whose last attempt is oldest leaves first."""


class LoginAttempts:
    """Wrong tokens by address. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """How many wrong tries count against an address, and when that was so."""

    def wait_s(self, address: str) -> float:
        """Seconds until the next attempt of an address; 0: at once."""
        with self._lock:
            return max(0.0, (self._current(_network(address)) - MOST + 1) * AGAIN_S)

    def count(self, address: str) -> None:
        """Count a wrong token."""
        name = _network(address)
        with self._lock:
            self._wrong[name] = (self._current(name) + 1, self._clock())
            self._wrong.move_to_end(name)
            while len(self._wrong) > _ADDRESSES:
                self._wrong.popitem(last=False)

    def _current(self, name: str) -> float:
        wrong, at = self._wrong.get(name, (0.0, 0.0))
        return max(0.0, wrong - (self._clock() - at) / AGAIN_S)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
