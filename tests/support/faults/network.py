"""Faults of the network: a TCP proxy between client and server, through which everything passes until told otherwise.

    link.cut()              connections are reset, and nobody gets in
    link.cut_in_request()   a request that matches is cut off after some bytes
    link.lost_reply()       a request that matches has its effect, and its reply never comes
    link.slow()             so many bytes a second, in both directions together
    link.blackhole()        nothing passes and nothing is refused; what was sent meanwhile arrives late, afterwards

A link to a server with TLS ends it, and begins it again, so it sees what passes: see `Tls`.

Servers that tell clients where to connect (Kafka, the NameNode, a replica set) would lead them past the proxy. Such an
address is rewritten on its way back, by bytes of the same length: see `port_in_text` and `port_in_kafka`.
"""

import asyncio
import ssl
import struct
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from tests.support.faults.link_faults import (
    Blackhole,
    Connection,
    Cut,
    CutInRequest,
    LostReply,
    Match,
    Passing,
    ResetError,
    Slow,
    reset,
)
from tests.support.faults.proof import Proof, proving

PIECE = 65_536
_T = TypeVar("_T")


def text(marker: bytes) -> Match:
    """Requests that hold some bytes: `op=RENAME` of WebHDFS, `commitTransaction` of MongoDB."""
    return lambda data: marker in data


def kafka(api_key: int) -> Match:
    """Requests of Kafka's protocol with an API key: 0 is Produce, 26 is EndTxn."""
    return lambda data: len(data) > 6 and struct.unpack_from(">h", data, 4)[0] == api_key


def port_in_text(server: int, proxy: int) -> dict[bytes, bytes]:
    """A port as HTTP and BSON tell it."""
    if len(str(server)) != len(str(proxy)):
        raise ValueError(f"ports {server} and {proxy} differ in length: the message would too")
    return {f"127.0.0.1:{server}".encode(): f"127.0.0.1:{proxy}".encode()}


def port_in_kafka(server: int, proxy: int) -> dict[bytes, bytes]:
    """A port as Kafka's metadata tell it: four bytes behind the host."""
    return {b"127.0.0.1" + struct.pack(">i", server): b"127.0.0.1" + struct.pack(">i", proxy)}


class Tls(NamedTuple):
    """Both sides of a link that opens what is encrypted: what it is to clients, and whom it trusts as one."""

    server: ssl.SSLContext
    client: ssl.SSLContext


class Link:
    """The way to one server on loopback. Connect to `port` instead of the server's. A context: closed at the end."""

    def __init__(self, server_port: int, name: str, port: int = 0, tls: Tls | None = None) -> None:
        self._to, self.name = server_port, name
        self._tls = tls
        self._rewrite: dict[bytes, bytes] = {}
        self._none = Passing(Proof("none", name, ()))
        self._fault: Passing = self._none
        self._open: set[Connection] = set()
        self.connections = 0
        """How many were made through it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link to {name}", daemon=True)
        self._thread.start()
        outside = tls.server if tls else None
        self._server = self._await(asyncio.start_server(self._serve, "127.0.0.1", port, ssl=outside))
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
        with proving("connections reset", self.name, "resets") as proof, self._struck(Cut(proof)):
            proof.saw(resets=self._await(self._reset_all()))
            yield proof

    @contextmanager
    def cut_in_request(self, match: Match, after: int, times: int = 1) -> Iterator[Proof]:
        """The next requests that match are cut off after so many bytes, reckoned from where they were recognised."""
        with (
            proving("cut in a request", self.name, "cut", "withheld") as proof,
            self._struck(CutInRequest(proof, match, after, times)),
        ):
            yield proof

    @contextmanager
    def lost_reply(self, match: Match, times: int = 1) -> Iterator[Proof]:
        """The next requests that match reach the server; it answers, and its answer is lost with the connection."""
        with (
            proving("reply lost", self.name, "requests", "replies_lost", "bytes_lost") as proof,
            self._struck(LostReply(proof, match, times)),
        ):
            yield proof

    @contextmanager
    def slow(self, bytes_per_s: int) -> Iterator[Proof]:
        """Inside, only so many bytes pass in a second."""
        with proving("slow link", self.name, "bytes", "delayed_ms") as proof, self._struck(Slow(proof, bytes_per_s)):
            yield proof

    @contextmanager
    def blackhole(self) -> Iterator[Proof]:
        """Inside, nothing passes. What was sent meanwhile arrives afterwards, when nobody waits for it any more."""
        with proving("black hole", self.name, "bytes_held") as proof:
            hole = Blackhole(proof)
            try:
                with self._struck(hole):
                    yield proof
            finally:
                self._loop.call_soon_threadsafe(hole.over.set)

    @contextmanager
    def _struck(self, fault: Passing) -> Iterator[None]:
        assert self._fault is self._none, "one fault at a time on a link"
        self._fault = fault
        try:
            yield
        finally:
            self._fault = self._none

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault.refuses:
            self._fault.proof.saw(resets=1)
            reset(writer)
            return
        try:
            inside = self._tls.client if self._tls else None
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to, ssl=inside)
        except OSError:
            reset(writer)
            return
        self.connections += 1
        connection = Connection(writer, to_server)
        self._open.add(connection)
        try:
            await asyncio.gather(
                self._pump(connection, reader, to_server, upward=True),
                self._pump(connection, from_server, writer, upward=False),
            )
        except (OSError, ResetError):
            connection.reset()
        finally:
            self._open.discard(connection)
            for end in (writer, to_server):
                end.close()

    async def _pump(
        self, connection: Connection, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, upward: bool
    ) -> None:
        while data := await source.read(PIECE):
            passed = await (self._fault.up(connection, data) if upward else self._fault.down(connection, data))
            if not upward:
                for old, new in self._rewrite.items():
                    passed = passed.replace(old, new)
            to.write(passed)
            await to.drain()
        with suppress(OSError):
            if to.can_write_eof():
                to.write_eof()
            else:  # TLS has no end in one direction alone
                to.close()

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
