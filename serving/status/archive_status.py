"""The archive's part of the status: how far each partition is, what is complete, how much the batch layer has to do.

MongoDB keeps marks of how far the archive is known (`batch_layer.archive.follower`), so only what is new is read. While
MongoDB does not answer, every manifest is: that takes as long as history is.
"""

from typing import TYPE_CHECKING, Any

from config.errors import UnavailableError
from config.settings import Settings
from serving.cli.options import now

if TYPE_CHECKING:
    from batch_layer.archive.log_ends import LogEnds

Facts = dict[str, Any]


def archive_facts(settings: Settings) -> Facts:
    """What `_part` names. `waiting` is None where MongoDB can't tell. Raises `UnavailableError`."""
    from serving.views.client import Store

    try:
        with Store(settings.mongo) as store:
            store.ping()
            return _followed(settings, store)
    except UnavailableError as error:
        if error.where != "MongoDB":
            raise
    return _read_whole(settings)


def _followed(settings: Settings, store: Any) -> Facts:
    from batch_layer import due
    from batch_layer.archive.follower import Follower
    from serving.views.layer_coverage import count_documents

    follower = Follower(settings, store)
    follower.look()
    ends = _ends(settings, follower)
    found = due.look(store, follower, ends.pop("until"))
    with store.snapshot() as snapshot:
        computed = count_documents(snapshot)
    totals = {name: follower.total(name) for name in ("posts", "files", "rejected", "lost")}
    return _part(ends, totals, hours=computed + found.without, waiting=len(found.waiting))


def _read_whole(settings: Settings) -> Facts:
    from batch_layer.archive.upkeep import ledger_of

    ledger = ledger_of(settings)
    ends = _ends(settings, ledger)
    ends.pop("until")
    hours = ledger.hours()
    manifests = [manifest for partition in ledger.partitions for manifest in partition]
    totals = {
        "posts": sum(ledger.posts(hour) for hour in hours),
        "files": sum(len(ledger.parts(hour)) for hour in hours),
        "rejected": sum(manifest.rejected for manifest in manifests),
        "lost": sum(manifest.next - manifest.start for manifest in manifests if manifest.kind == "gap"),
    }
    return _part(ends, totals, hours=len(hours), waiting=None)


def _ends(settings: Settings, logs: "LogEnds") -> Facts:
    from batch_layer.archive.lag import archive_lag
    from batch_layer.archive.watermark import complete_until

    behind, covered = archive_lag(settings.kafka, logs), logs.covered
    damage = {number: str(error) for number, error in logs.damage.items()}
    until = complete_until(logs, settings.kafka, settings.archive, now())
    return {
        "topic": settings.kafka.posts,
        "group": settings.kafka.archive_group,
        "behind": sum(behind.values()),
        "complete_until": str(until),
        "archive": logs.origin.archive,
        "topic_id": logs.origin.topic_id,
        "damage": list(damage.values()),
        "partitions": [
            {
                "partition": number,
                "next": covered[number] if number < len(covered) else 0,
                "behind": count,
                "damage": damage.get(number),
            }
            for number, count in behind.items()
        ],
        "until": until,
    }


def _part(ends: Facts, totals: Facts, hours: int, waiting: int | None) -> Facts:
    """The facts, in the order in which they are shown."""
    found = ends | totals | {"hours": hours, "waiting": waiting}
    counts = ("behind", "posts", "hours", "files", "rejected", "lost")
    names = ("topic", "group", *counts, "complete_until", "archive", "topic_id", "waiting", "damage", "partitions")
    return {name: found[name] for name in names}
