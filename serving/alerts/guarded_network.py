"""Guarded network: connects to the addresses that a rule allows, and ends every attempt in time.

A name is looked up once, its address is checked, and the connection goes to that address: a name that changes its
address between the two leads nowhere else. An answer that comes byte by byte ends with the attempt.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from config.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def refusal(address: str, *, private: bool, is_tls: bool) -> str:
    """Why nobody connects to an address; empty where one may.

    Link-local addresses are out of reach in any case: clouds answer there with the credentials of the machine.
    """
    found = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if (
        found.is_link_local
        or found.is_multicast
        or found.is_unspecified
        or (found.is_reserved and not found.is_private)
    ):
        return f"{found} is no address of a receiver"
    if found.is_global:
        return "" if is_tls else f"{found} is public: use https"
    return "" if private else f"{found} is private: set private = true in the rule to allow it"


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        if inside := address.ipv4_mapped or address.sixtofour:
            return inside
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class GuardedBackend(httpcore.NetworkBackend):
    """Connections of one attempt."""

    def __init__(self, *, private: bool, is_tls: bool, timeout_s: float) -> None:
        self._private, self._is_tls = private, is_tls
        self._deadline = time.monotonic() + timeout_s

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline of the attempt counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers. Raises `UsageError` where the rule allows none."""
        try:
            found = list(dict.fromkeys(each[4][0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            raise httpcore.ConnectError(f"no address: {error.strerror}") from None
        reasons = {str(each): refusal(str(each), private=self._private, is_tls=self._is_tls) for each in found}
        allowed = [each for each, why in reasons.items() if not why]
        if not allowed:
            raise UsageError(next(iter(reasons.values())), where="alerts.rules")
        for at, address in enumerate(allowed):
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, self._left(), local_address, socket_options)
                return _TimedStream(stream, self._deadline)
            except httpcore.ConnectError:
                if at + 1 == len(allowed):
                    raise
        raise httpcore.ConnectError("no address")

    def _left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every operation ends with the attempt."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline counts
        return self._stream.read(max_bytes, self._left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._left(httpcore.ConnectTimeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left(self, error: type[Exception]) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise error("no answer in time")
        return left
