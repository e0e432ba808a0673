"""Health: which states of servers, services and live sources are wrong. `trends status` exits by it. Pure."""

from typing import Any

WRONG_SERVER = frozenset({"failed", "stopped", "silent"})
ENDED_WRONG = frozenset({"failed", "silent"})
"""States of a source that runs no more and should."""
WRONG_SOURCE = ENDED_WRONG | {"reconnecting"}


def is_unknown(part: Any) -> bool:
    """Whether a part of the status could not be asked."""
    return isinstance(part, dict) and "error" in part


def is_wrong(name: str, part: Any) -> bool:
    """Whether a part of the status does not answer, or has a server, service or live source that does not run.

    Uses in a partition that no spout counts are wrong too, and so is an archive with a damaged log of manifests: a
    partition of it stands still then.
    """
    if is_unknown(part):
        return True
    if name == "speed":
        return any(not each["writers"] and each["behind"] for each in part["partitions"])
    if name == "archive":
        return bool(part.get("damage"))
    wrong = {"servers": WRONG_SERVER, "sources": WRONG_SOURCE}.get(name, frozenset())
    return bool(wrong) and any(each["state"] in wrong for each in part)
