"""The error tree: every error a user can meet says where, what and what next.

Raise the narrowest class. `retriable` is part of the class: a caller that retries asks the class, never the text.
The command line prints `str(error)` and exits with `exit_code`; nobody sees a traceback.
"""

from typing import ClassVar

from config.redaction import redact


class TrendsError(Exception):
    """Something a user can act on. `where` names the place, `what` the fact, `next_step` what to do.

    No part of it holds a secret that the settings have brought in.
    """

    retriable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(redact(what))
        self.what = redact(what)
        self.where = redact(where)
        self.next_step = redact(next_step)

    def __str__(self) -> str:
        """`where: what. next step`, leaving out what is empty."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.next_step}" if self.next_step else head


class UsageError(TrendsError):
    """What was typed or configured can't be understood: exit 2."""

    exit_code = 2


class NoDataError(TrendsError):
    """The question was understood, and there is no data for it: exit 3."""

    exit_code = 3


class UnavailableError(TrendsError):
    """A server does not answer, or not in time. Trying again may help."""

    retriable = True


class DamagedError(TrendsError):
    """What lies at rest is not what was written: a file, a manifest, a document. Only a restore mends it."""


class FencedError(TrendsError):
    """Another process has taken over what this one was doing: this one stops, and leaves nothing behind."""


class BadRecordError(TrendsError):
    """One record can't be used. It is parked in `rejects` with `reason`; its neighbours go on."""

    def __init__(self, reason: str, *, where: str = "") -> None:
        super().__init__(reason, where=where, next_step="see `trends rejects list`")
        self.reason = redact(reason)
