"""What a link does to what passes through it: nothing, or the fault that it is told. See `network.Link`."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.support.faults.proof import Proof

Match = Callable[[bytes], bool]
"""Whether bytes that a client sends begin, or hold, the request that is meant."""


class ResetError(Exception):
    """Break this connection now."""


@dataclass(eq=False)
class Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    budget: int | None = None
    """How many more bytes of a request may pass, once it is to be cut off."""
    swallows: bool = False
    """Whether what the server says next is lost."""

    def reset(self) -> None:
        """Both ends see a reset; but the server that was sent a part of a request gets that part, and an end."""
        reset(self.client)
        if self.budget is None:
            reset(self.server)


def reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        if (end := writer.get_extra_info("socket")) is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Passing:
    """No fault: what comes goes on. A fault overrides one of the three."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof

    refuses = False
    """Whether nobody gets in."""

    async def up(self, _: Connection, data: bytes) -> bytes:
        """What goes on to the server of what a client said."""
        return data

    async def down(self, _: Connection, data: bytes) -> bytes:
        """What goes on to the client of what the server said."""
        return data


class Cut(Passing):
    refuses = True


class CutInRequest(Passing):
    def __init__(self, proof: Proof, match: Match, after: int, times: int) -> None:
        super().__init__(proof)
        self._match, self._after, self._left = match, after, times

    async def up(self, connection: Connection, data: bytes) -> bytes:
        if connection.budget is None and self._left and self._match(data):
            connection.budget = self._after
        if connection.budget is None:
            return data
        if len(data) <= connection.budget or not self._left:  # one that ends sooner leaves the cut to the next
            connection.budget -= len(data)
            return data
        self._left -= 1
        passed = data[: connection.budget]
        connection.server.write(passed)
        await connection.server.drain()
        self.proof.saw(cut=1, passed=len(passed), withheld=len(data) - len(passed))
        raise ResetError


class LostReply(Passing):
    def __init__(self, proof: Proof, match: Match, times: int) -> None:
        super().__init__(proof)
        self._match, self._left = match, times

    async def up(self, connection: Connection, data: bytes) -> bytes:
        if self._left and not connection.swallows and self._match(data):
            self._left -= 1
            connection.swallows = True
            self.proof.saw(requests=1)
        return data

    async def down(self, connection: Connection, data: bytes) -> bytes:
        if not connection.swallows:
            return data
        self.proof.saw(replies_lost=1, bytes_lost=len(data))
        raise ResetError


class Slow(Passing):
    def __init__(self, proof: Proof, bytes_per_s: int) -> None:
        super().__init__(proof)
        self._rate, self._free_at = bytes_per_s, 0.0

    async def up(self, _: Connection, data: bytes) -> bytes:
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + len(data) / self._rate
        wait = self._free_at - now
        self.proof.saw(bytes=len(data), delayed_ms=int(wait * 1000))
        await asyncio.sleep(wait)
        return data

    down = up


class Blackhole(Passing):
    def __init__(self, proof: Proof) -> None:
        super().__init__(proof)
        self.over = asyncio.Event()

    async def up(self, _: Connection, data: bytes) -> bytes:
        self.proof.saw(bytes_held=len(data))
        await self.over.wait()
        return data

    down = up
