"""Upkeep: compaction of whatever needs it now, in one call: for the command line and for a scheduler."""

from batch_layer.archive.compaction import Compaction, Report, due
from batch_layer.archive.ledger import Ledger
from batch_layer.archive.watermark import complete_until
from config.settings import Settings
from ingest.hours import Millis


def ledger_of(settings: Settings) -> Ledger:
    """The ledger of the archive of `posts`, as far as is committed now. HDFS alone is asked."""
    ledger = Ledger(settings.hdfs, settings.archive, settings.kafka.posts)
    ledger.refresh()
    return ledger


def compact_due(settings: Settings, now: Millis, dry_run: bool) -> Report:
    """Compact every hour that is complete, quiet and in several files; or only name them."""
    ledger = ledger_of(settings)
    until = complete_until(ledger, settings.kafka, settings.archive, now)
    hours = due(ledger, until, now, settings.batch.compact_after_s)
    if dry_run:
        return Report(hours=[str(hour) for hour in hours], replaced=sum(len(ledger.parts(hour)) for hour in hours))
    return Compaction(ledger, settings.archive, now).run(hours)
