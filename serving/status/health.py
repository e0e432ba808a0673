"""Health: which parts of the status are not well. The exit code of `trends status` follows from it. Pure."""

from typing import Any

from serving.answers.explanation import Unknown

WRONG_SERVER = frozenset({"failed", "stopped", "silent"})
ENDED_WRONG = frozenset({"failed", "silent"})
"""States of a source that does not run and should."""
WRONG_SOURCE = ENDED_WRONG | {"reconnecting"}


def is_wrong(name: str, part: Any) -> bool:
    """Whether a part of the status is unknown, or has a server, service or live source that does not run.

    Two more things are wrong: uses in a partition that no spout counts, and an archive with a damaged log of manifests,
    because a partition of it stands still then.
    """
    if isinstance(part, Unknown):
        return True
    if name == "speed":
        return any(not each.writers and each.behind for each in part.partitions)
    if name == "archive":
        return bool(part.damage)
    wrong = {"servers": WRONG_SERVER, "sources": WRONG_SOURCE}.get(name, frozenset())
    return bool(wrong) and any(each.state in wrong for each in part)
