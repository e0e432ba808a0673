"""Tries: how many wrong tokens one address may send in a time.

An address has `MOST` tries, and gets one back every `AGAIN_S`: nobody is locked out for longer than that, and whoever
has a cookie, or asks from another address, is not concerned. IPv6 addresses count by their network.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10
AGAIN_S = 6.0
_KNOWN = 4_096
"""Addresses that are remembered; the one that tried longest ago is forgotten first."""


class Tries:
    """Wrong tries by address. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """How many wrong tries count against an address, and when that was so."""

    def wait_s(self, address: str) -> float:
        """How long an address has to wait before its next try; 0: it may try."""
        with self._lock:
            return max(0.0, (self._counted(_network(address)) - MOST + 1) * AGAIN_S)

    def count(self, address: str) -> None:
        """Note a wrong try."""
        name = _network(address)
        with self._lock:
            self._wrong[name] = (self._counted(name) + 1, self._clock())
            self._wrong.move_to_end(name)
            while len(self._wrong) > _KNOWN:
                self._wrong.popitem(last=False)

    def _counted(self, name: str) -> float:
        wrong, at = self._wrong.get(name, (0.0, 0.0))
        return max(0.0, wrong - (self._clock() - at) / AGAIN_S)


def _network(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)
