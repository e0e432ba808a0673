"""Health: which parts of the status are not well. The exit code of `trends status` follows from it. Pure."""

from typing import TYPE_CHECKING, Any

from serving.answers.explanation import Unknown

if TYPE_CHECKING:
    from batch_layer.feeds.stage_model import StageStatus

WRONG_SERVER = frozenset({"failed", "stopped", "silent"})
ENDED_WRONG = frozenset({"failed", "silent"})
"""States of a source that does not run and should."""
WRONG_SOURCE = ENDED_WRONG | {"reconnecting"}


def stage_is_wrong(stage: "StageStatus") -> bool:
    """Whether a stage waits or has failed, its process has died, or the server of its sink does not answer."""
    return bool(stage.error) or stage.state in WRONG_SOURCE


def is_wrong(name: str, part: Any) -> bool:
    """Whether a part of the status is unknown, or has a server, service or live source that does not run.

    More things are wrong: uses in a partition that no spout counts; an archive with a damaged log of manifests,
    because a partition of it stands still then; a stage of a feed that waits, or has failed or died; and an alert of
    the last day that no attempt delivered, or a rule whose receiver is gone.
    """
    if isinstance(part, Unknown):
        return True
    if name == "speed":
        return any(not each.writers and each.behind for each in part.partitions)
    if name == "archive":
        return bool(part.damage)
    if name == "alerts":
        return bool(part.disabled or part.given_up)
    if name == "feeds":
        return any(each.error or any(map(stage_is_wrong, each.stages)) for each in part)
    wrong = {"servers": WRONG_SERVER, "sources": WRONG_SOURCE}.get(name, frozenset())
    return bool(wrong) and any(each.state in wrong for each in part)
