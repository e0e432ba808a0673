"""The archive's part of the status: how far each partition is, what is complete, how much the batch layer has to do.

MongoDB keeps marks of how far the archive is known (`batch_layer.archive.reading.follower`), so only new manifests are
read. While MongoDB is down, every manifest is read, and that takes longer with a longer history.
"""

from typing import TYPE_CHECKING, NamedTuple

from config.errors import UnavailableError
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from serving.status.model import ArchivePartition, ArchiveStatus

if TYPE_CHECKING:
    from batch_layer.archive.reading.log_ends import LogEnds
    from serving.views.store import Store


class _Counts(NamedTuple):
    hours: int
    posts: int
    files: int
    rejected: int
    lost: int
    waiting: int | None


def archive_status(settings: Settings) -> ArchiveStatus:
    """The archive as it is now. Raises `UnavailableError`."""
    from serving.views.store import Store

    try:
        with Store(settings.mongo) as store:
            store.ping()
            return _follow(settings, store)
    except UnavailableError as error:
        if error.where != "MongoDB":
            raise
    return _read_all(settings)


def _follow(settings: Settings, store: "Store") -> ArchiveStatus:
    from batch_layer.archive.reading.follower import Follower
    from batch_layer.scheduling import due
    from serving.views.layer_coverage import count_documents

    follower = Follower(settings, store)
    follower.look()
    until = _complete_until(settings, follower)
    hours_due = due.look(store, follower, until)
    with store.snapshot() as snapshot:
        computed = count_documents(snapshot)
    counts = _Counts(
        hours=computed + hours_due.without,
        posts=follower.total("posts"),
        files=follower.total("files"),
        rejected=follower.total("rejected"),
        lost=follower.total("lost"),
        waiting=len(hours_due.waiting),
    )
    return _status(settings, follower, until, counts)


def _read_all(settings: Settings) -> ArchiveStatus:
    from batch_layer.archive.reading.ledger import ledger_of

    ledger = ledger_of(settings)
    hours = ledger.hours()
    manifests = [manifest for partition in ledger.partitions for manifest in partition]
    counts = _Counts(
        hours=len(hours),
        posts=sum(ledger.posts(hour) for hour in hours),
        files=sum(len(ledger.parts(hour)) for hour in hours),
        rejected=sum(manifest.rejected for manifest in manifests),
        lost=sum(manifest.next - manifest.start for manifest in manifests if manifest.kind == "gap"),
        waiting=None,
    )
    return _status(settings, ledger, _complete_until(settings, ledger), counts)


def _complete_until(settings: Settings, logs: "LogEnds") -> Hour:
    from batch_layer.archive.reading.watermark import complete_until

    return complete_until(logs, settings.kafka, settings.archive, wall_clock())


def _status(settings: Settings, logs: "LogEnds", until: Hour, counts: _Counts) -> ArchiveStatus:
    from batch_layer.archive.reading.lag import archive_lag
    from batch_layer.archive.reading.log_ends import position_in

    behind, covered = archive_lag(settings.kafka, logs), logs.covered
    damage = {number: str(error) for number, error in logs.damage.items()}
    return ArchiveStatus(
        topic=settings.kafka.posts,
        group=settings.kafka.archive_group,
        behind=sum(behind.values()),
        complete_until=str(until),
        archive=logs.origin.archive,
        topic_id=logs.origin.topic_id,
        damage=list(damage.values()),
        partitions=[
            ArchivePartition(number, position_in(covered, number), behind=count, damage=damage.get(number))
            for number, count in behind.items()
        ],
        **counts._asdict(),
    )
