"""Pace: an export breaks off for a reader who is too slow, and for no server that is."""

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from starlette.types import Message

from serving.dashboard.http import pace

PIECE = 32_768
PIECES = 200


class Line:
    """A connection on which each piece takes the reader some seconds, by a clock that goes on with it."""

    def __init__(self, reader_s: float, server_s: float) -> None:
        self.at = 0.0
        self.arrived: list[Message] = []
        self._reader_s, self._server_s = reader_s, server_s

    def pieces(self) -> Iterator[bytes]:
        for _ in range(PIECES):
            self.at += self._server_s
            yield bytes(PIECE)

    async def send(self, message: Message) -> None:
        self.at += self._reader_s
        self.arrived.append(message)

    def read(self) -> bool:
        """Whether the whole response arrives."""
        response = pace.PacedResponse(self.pieces())
        response.clock = lambda: self.at
        scope: Any = {"type": "http", "asgi": {"spec_version": "2.4"}}
        receive: Any = None
        anyio.run(response, scope, receive, self.send)
        return not self.arrived[-1].get("more_body", True)


@pytest.mark.parametrize(("reader_s", "server_s"), [(0, 0), (1.9, 0), (0, 60)])
def test_a_reader_who_keeps_up_gets_the_whole_response_however_slow_the_server_is(
    reader_s: float, server_s: float
) -> None:
    line = Line(reader_s, server_s)
    assert line.read()
    assert sum(len(each.get("body", b"")) for each in line.arrived) == PIECES * PIECE


def test_a_reader_below_the_least_rate_has_some_time_and_then_gets_no_last_chunk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = Line(2.1, 0)
    assert not line.read()
    assert pace.GRACE_S < line.at < pace.GRACE_S + 2.2
    assert "its reader was too slow" in caplog.text
