"""The error tree: every error that a user can meet names the place, the fact and the next step.

Raise the narrowest class. `retriable` is part of the class: a caller that retries asks the class, never the text.
The command line prints `str(error)` and exits with `exit_code`; nobody sees a traceback.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from config.redaction import redact


class TrendsError(Exception):
    """An error that a user can act on. `where` names the place, `what` the fact, `next_step` the remedy.

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
        """`where: what. next step`, without the empty parts."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.next_step}" if self.next_step else head


class UsageError(TrendsError):
    """A command line, a request or a configuration that `trends` can't understand: exit 2.

    `parameters` are those at fault. Its texts name them in backticks, and each edge words them in its own way: as
    options, as parameters of a URL, or as fields of a form.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", next_step: str = "", parameters: Sequence[str] = ()) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.parameters = tuple(parameters)

    def __str__(self) -> str:
        """As `TrendsError`, with the parameters as options of a command."""
        return self.worded(lambda name: f"--{name}", super().__str__())

    def worded(self, word: Callable[[str], str], text: str) -> str:
        """A text of this error with the names of its parameters as an edge words them."""
        for name in self.parameters:
            text = text.replace(f"`{name}`", word(name))
        return text


@contextmanager
def of_parameter(name: str) -> Iterator[None]:
    """The parameter from which a value comes: errors about the value that name no parameter are about this one."""
    try:
        yield
    except UsageError as error:
        error.parameters = error.parameters or (name,)
        raise


class NoDataError(TrendsError):
    """A valid question for which there is no data: exit 3."""

    exit_code = 3


class UnavailableError(TrendsError):
    """A server does not answer, or not in time. Trying again may help."""

    retriable = True


class DamagedError(TrendsError):
    """Corrupt data at rest: a file, a manifest, a document. Only a restore mends it."""


class FencedError(TrendsError):
    """Another process has taken over the work of this one: this one stops, and leaves nothing behind."""


class BadRecordError(TrendsError):
    """An unusable record. It goes to `rejects` with `reason`; its neighbours go on."""

    def __init__(self, reason: str, *, where: str = "") -> None:
        super().__init__(reason, where=where, next_step="see `trends rejects list`")
        self.reason = redact(reason)
