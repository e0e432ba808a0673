"""The meaning of a response over HTTP: which may be better next time, and how long to wait for that."""

from collections.abc import Callable
from typing import NamedTuple

import httpx
from pydantic import SecretStr

from config.errors import BadRecordError
from ingest.hours import Millis
from ingest.sources.formats.timestamps import time_of
from ingest.sources.live.backoff import DroppedError, RefusedError, safe_text

MOST_WAIT_S = 3_600.0
"""Longest wait before another request, even if the service demands more."""
_RESETS = ("x-rate-limit-reset", "x-ratelimit-reset", "retry-after")
"""Where X says when it answers again, in seconds since 1970, where Mastodon does, as a date, and where others do."""


class ResponseCheck(NamedTuple):
    """Checks the responses of one server."""

    where: str
    secret: SecretStr | None
    """No error shows it, even if the server repeats it."""
    denied: str
    """The next step for a user whom the server turns away."""
    now: Callable[[], Millis]

    def check(self, response: httpx.Response, about: str = "") -> None:
        """Raise for a response other than 2xx: `DroppedError` where another attempt may help, else `RefusedError`.

        `about`: the request, where errors have to name it.
        """
        status = response.status_code
        if response.is_success:
            return
        secret = self.secret.get_secret_value() if self.secret else ""
        text = safe_text(response.text.replace(secret, "***") if secret else response.text)
        what = f"{about}: answers {status}" if about else f"answers {status}"
        what = f"{what}: {text}" if text else what
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise DroppedError(what, where=self.where, kind="limited", wait_s=self._wait_s(response))
        if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
            raise DroppedError(what, where=self.where, kind="http", wait_s=self._wait_s(response))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise RefusedError(what, where=self.where, next_step=self.denied)
        raise RefusedError(what, where=self.where, next_step="Is this the address of the service?")

    def _wait_s(self, response: httpx.Response) -> float:
        """Seconds until the service answers again, as it says, each in its way."""
        name, text = next(((name, value) for name in _RESETS if (value := response.headers.get(name))), ("", ""))
        if name == "retry-after" and text.isascii() and text.isdigit():
            return min(float(text), MOST_WAIT_S)
        try:
            reset = time_of(text)
        except BadRecordError:
            return 0.0
        return min(max(0.0, (reset - self.now()) / 1000), MOST_WAIT_S)
