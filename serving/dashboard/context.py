"""Board: what every page and every answer of the API is made from, handed over once by whoever starts the dashboard."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from ingest.hours import Hour, Millis
from serving.answers.explanation import Explanation
from serving.dashboard.current_hour import Now
from serving.dashboard.http.auth import Access
from serving.dashboard.http.cache import Held
from serving.query.query import Query
from serving.status.model import Status
from serving.views.documents import Lens


@dataclass(frozen=True)
class Board:
    """The views, the clock, and what other layers are asked: functions, since `serving` imports none of them."""

    query: Query
    clock: Callable[[], Millis]
    now: Callable[[Lens], Held[Now]]
    """The hour in progress and the one before, through a lens."""
    sources: Held[list[str]]
    """The sources of which hashtags are kept by themselves."""
    status: Held[Status]
    """What `trends status` tells."""
    explain: Callable[[Hour], Explanation]
    """What `trends explain` tells of an hour."""
    access: Access
    streaming: CapacityLimiter
    """Threads in which streams ask, so that however many they are, pages have threads of their own."""
    stop: threading.Event
    """Set when the server is to end: streams end by it."""
    defect: Callable[[Exception], str]
    """Keeps the details of an error that should not happen, and says where."""

    def current(self) -> Hour:
        """The hour in progress."""
        return Hour.of(self.clock())


def _board(request: Request) -> Board:
    board: Board = request.app.state.board
    return board


OnBoard = Annotated[Board, Depends(_board)]
"""A route's way to the board."""
