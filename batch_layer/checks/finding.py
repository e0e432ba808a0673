"""Finding: one thing that `trends verify` has looked at."""

from typing import NamedTuple


class Finding(NamedTuple):
    """What was found of one thing. Neither right nor wrong where it could not be compared."""

    ok: bool
    what: str
    where: str
    next_step: str = ""
    compared: bool = True
    """False: nothing was compared, for the reason that `what` gives. Then `ok` is True."""


def not_compared(why: str, where: str, next_step: str = "") -> Finding:
    """A thing that can't be compared now."""
    return Finding(True, f"{why}: not compared", where, next_step, compared=False)
