"""Faults of the network: a TCP proxy between client and server, through which everything passes until told otherwise.

    link.cut()              connections are reset, and nobody gets in
    link.cut_in_request()   a request that matches is cut off after some bytes
    link.lost_reply()       a request that matches has its effect, and its reply never comes
    link.slow()             so many bytes a second, in both directions together
    link.blackhole()        nothing passes and nothing is refused; what was sent meanwhile arrives late, afterwards

Servers that tell clients where to connect (Kafka, the NameNode, a replica set) would lead them past the proxy. Such an
address is rewritten on its way back, by bytes of the same length: see `told_as_text` and `told_to_kafka`.
"""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.faults.proof import Proof, proving

Match = Callable[[bytes], bool]
"""Whether bytes that a client sends begin, or hold, the request that is meant."""
PIECE = 65_536
_T = TypeVar("_T")


def text(marker: bytes) -> Match:
    """Requests that hold some bytes: `op=RENAME` of WebHDFS, `commitTransaction` of MongoDB."""
    return lambda data: marker in data


def kafka(api_key: int) -> Match:
    """Requests of Kafka's protocol with an API key: 0 is Produce, 26 is EndTxn."""
    return lambda data: len(data) > 6 and struct.unpack_from(">h", data, 4)[0] == api_key


def told_as_text(server: int, proxy: int) -> dict[bytes, bytes]:
    """A port as HTTP and BSON tell it."""
    if len(str(server)) != len(str(proxy)):
        raise ValueError(f"ports {server} and {proxy} differ in length: the message would too")
    return {f"127.0.0.1:{server}".encode(): f"127.0.0.1:{proxy}".encode()}


def told_to_kafka(server: int, proxy: int) -> dict[bytes, bytes]:
    """A port as Kafka's metadata tell it: four bytes behind the host."""
    return {b"127.0.0.1" + struct.pack(">i", server): b"127.0.0.1" + struct.pack(">i", proxy)}


class _ResetError(Exception):
    """Break this connection now."""


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    budget: int | None = None
    """How many more bytes of a request may pass, once it is to be cut off."""
    swallows: bool = False
    """Whether what the server says next is lost."""

    def reset(self) -> None:
        """Both ends see a reset; but the server that was sent a part of a request gets that part, and an end."""
        _reset(self.client)
        if self.budget is None:
            _reset(self.server)


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        if (end := writer.get_extra_info("socket")) is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class _Passing:
    """No fault: what comes goes on. A fault overrides one of the three."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof

    refuses = False
    """Whether nobody gets in."""

    async def up(self, _: _Connection, data: bytes) -> bytes:
        """What goes on to the server of what a client said."""
        return data

    async def down(self, _: _Connection, data: bytes) -> bytes:
        """What goes on to the client of what the server said."""
        return data


class _Cut(_Passing):
    refuses = True


class _CutInRequest(_Passing):
    def __init__(self, proof: Proof, match: Match, after: int, times: int) -> None:
        super().__init__(proof)
        self._match, self._after, self._left = match, after, times

    async def up(self, connection: _Connection, data: bytes) -> bytes:
        if connection.budget is None and self._left and self._match(data):
            self._left -= 1
            connection.budget = self._after
        if connection.budget is None:
            return data
        if len(data) <= connection.budget:
            connection.budget -= len(data)
            return data
        passed = data[: connection.budget]
        connection.server.write(passed)
        await connection.server.drain()
        self.proof.saw(cut=1, passed=len(passed), withheld=len(data) - len(passed))
        raise _ResetError


class _LostReply(_Passing):
    def __init__(self, proof: Proof, match: Match, times: int) -> None:
        super().__init__(proof)
        self._match, self._left = match, times

    async def up(self, connection: _Connection, data: bytes) -> bytes:
        if self._left and not connection.swallows and self._match(data):
            self._left -= 1
            connection.swallows = True
            self.proof.saw(requests=1)
        return data

    async def down(self, connection: _Connection, data: bytes) -> bytes:
        if not connection.swallows:
            return data
        self.proof.saw(replies_lost=1, bytes_lost=len(data))
        raise _ResetError


class _Slow(_Passing):
    def __init__(self, proof: Proof, bytes_per_s: int) -> None:
        super().__init__(proof)
        self._rate, self._free_at = bytes_per_s, 0.0

    async def up(self, _: _Connection, data: bytes) -> bytes:
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + len(data) / self._rate
        wait = self._free_at - now
        self.proof.saw(bytes=len(data), delayed_ms=int(wait * 1000))
        await asyncio.sleep(wait)
        return data

    down = up


class _Blackhole(_Passing):
    def __init__(self, proof: Proof) -> None:
        super().__init__(proof)
        self.over = asyncio.Event()

    async def up(self, _: _Connection, data: bytes) -> bytes:
        self.proof.saw(bytes_held=len(data))
        await self.over.wait()
        return data

    down = up


class Link:
    """The way to one server on loopback. Connect to `port` instead of the server's. A context: closed at the end."""

    def __init__(self, server_port: int, name: str, port: int = 0) -> None:
        self._to, self.name = server_port, name
        self._rewrite: dict[bytes, bytes] = {}
        self._none = _Passing(Proof("none", name, ()))
        self._fault: _Passing = self._none
        self._open: set[_Connection] = set()
        self.connections = 0
        """How many were made through it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link to {name}", daemon=True)
        self._thread.start()
        self._server = self._await(asyncio.start_server(self._serve, "127.0.0.1", port))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def rewrite(self, told: Mapping[bytes, bytes]) -> "Link":
        """Replace what the server tells, by bytes of the same length."""
        assert all(len(old) == len(new) for old, new in told.items())
        self._rewrite |= told
        return self

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @contextmanager
    def cut(self) -> Iterator[Proof]:
        """Inside, what was open is reset, and who comes is reset too."""
        with proving("connections reset", self.name, "resets") as proof, self._struck(_Cut(proof)):
            proof.saw(resets=self._await(self._reset_all()))
            yield proof

    @contextmanager
    def cut_in_request(self, match: Match, after: int, times: int = 1) -> Iterator[Proof]:
        """The next requests that match are cut off after so many bytes, reckoned from where they were recognised."""
        with (
            proving("cut in a request", self.name, "cut", "withheld") as proof,
            self._struck(_CutInRequest(proof, match, after, times)),
        ):
            yield proof

    @contextmanager
    def lost_reply(self, match: Match, times: int = 1) -> Iterator[Proof]:
        """The next requests that match reach the server; it answers, and its answer is lost with the connection."""
        with (
            proving("reply lost", self.name, "requests", "replies_lost", "bytes_lost") as proof,
            self._struck(_LostReply(proof, match, times)),
        ):
            yield proof

    @contextmanager
    def slow(self, bytes_per_s: int) -> Iterator[Proof]:
        """Inside, only so many bytes pass in a second."""
        with proving("slow link", self.name, "bytes", "delayed_ms") as proof, self._struck(_Slow(proof, bytes_per_s)):
            yield proof

    @contextmanager
    def blackhole(self) -> Iterator[Proof]:
        """Inside, nothing passes. What was sent meanwhile arrives afterwards, when nobody waits for it any more."""
        with proving("black hole", self.name, "bytes_held") as proof:
            hole = _Blackhole(proof)
            try:
                with self._struck(hole):
                    yield proof
            finally:
                self._loop.call_soon_threadsafe(hole.over.set)

    @contextmanager
    def _struck(self, fault: _Passing) -> Iterator[None]:
        assert self._fault is self._none, "one fault at a time on a link"
        self._fault = fault
        try:
            yield
        finally:
            self._fault = self._none

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault.refuses:
            self._fault.proof.saw(resets=1)
            _reset(writer)
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            _reset(writer)
            return
        self.connections += 1
        connection = _Connection(writer, to_server)
        self._open.add(connection)
        try:
            await asyncio.gather(
                self._pump(connection, reader, to_server, upward=True),
                self._pump(connection, from_server, writer, upward=False),
            )
        except (OSError, _ResetError):
            connection.reset()
        finally:
            self._open.discard(connection)
            for end in (writer, to_server):
                end.close()

    async def _pump(
        self, connection: _Connection, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, upward: bool
    ) -> None:
        while data := await source.read(PIECE):
            passed = await (self._fault.up(connection, data) if upward else self._fault.down(connection, data))
            if not upward:
                for old, new in self._rewrite.items():
                    passed = passed.replace(old, new)
            to.write(passed)
            await to.drain()
        with suppress(OSError):
            to.write_eof()

    async def _end(self) -> None:
        """In the loop, where alone a server of asyncio may be closed."""
        self._server.close()
        await self._reset_all()

    async def _reset_all(self) -> int:
        broken = list(self._open)
        for connection in broken:
            connection.reset()
        return len(broken)

    def _await(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)
