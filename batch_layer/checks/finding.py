"""Finding: the result of one check of `trends verify`."""

from typing import NamedTuple


class Finding(NamedTuple):
    """Result of one check. Neither right nor wrong where no comparison was possible."""

    ok: bool
    what: str
    where: str
    next_step: str = ""
    compared: bool = True
    """False: there was no comparison, for the reason that `what` gives. Then `ok` is True."""


def not_compared(why: str, where: str, next_step: str = "") -> Finding:
    """Finding of a check that can't compare now."""
    return Finding(True, f"{why}: not compared", where, next_step, compared=False)
