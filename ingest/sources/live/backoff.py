"""Connections that end or fail, and how long to wait before the next: the steps that X documents, for every service.

Another connection follows at once after one that gave a post. After that, each failure in a row waits longer:

- network: 250 ms more each time, up to 16 s;
- HTTP: 5 s, doubling up to 320 s;
- 429, too many: 60 s, doubling up to 15 minutes, and at least until the time at which the service says it will answer.

https://docs.x.com/x-api/fundamentals/handling-disconnections. The other services document none.
"""

from typing import Literal

import tenacity

from config.errors import TrendsError, UnavailableError

Kind = Literal["network", "http", "limited"]


_SHOWN = 200


def safe_text(text: str | bytes) -> str:
    """The words of a service, as people may see them: a line, short, without signs that steer a terminal."""
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
    line = " ".join(decoded[: 10 * _SHOWN].split())
    return "".join(sign if sign.isprintable() else "?" for sign in line)[:_SHOWN]


class DroppedError(UnavailableError):
    """A connection ended, or did not come to be. Another may."""

    def __init__(self, what: str, *, where: str = "", kind: Kind = "network", wait_s: float = 0.0) -> None:
        super().__init__(what, where=where, next_step="It may be down, or its address wrong")
        self.kind = kind
        self.wait_s = wait_s
        """The service asks to wait so long, seconds."""


class RefusedError(TrendsError):
    """The service will not answer this request, however often we repeat it."""


class Backoff:
    """The waits of one row of failures, as tenacity asks for them."""

    def __init__(self) -> None:
        self._kind: Kind | None = None
        self._failures = 0

    def after(self, error: DroppedError) -> float:
        """Seconds to wait after one more failure."""
        self._failures = self._failures + 1 if error.kind == self._kind else 1
        self._kind = error.kind
        return max(_wait(error.kind, self._failures), error.wait_s)

    def __call__(self, state: tenacity.RetryCallState) -> float:
        """Seconds to wait after the attempt that failed."""
        error = state.outcome.exception() if state.outcome else None
        return self.after(error) if isinstance(error, DroppedError) else 0.0


def _wait(kind: Kind, failures: int) -> float:
    if kind == "network":
        return min(0.25 * failures, 16.0)
    doubled = 2.0 ** min(failures - 1, 10)
    return min(5.0 * doubled, 320.0) if kind == "http" else min(60.0 * doubled, 900.0)
