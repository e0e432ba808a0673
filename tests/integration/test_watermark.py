"""The watermark on real Kafka: what is archived moves it, what is not yet archived holds it."""

from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.archive.reading.watermark import complete_until
from config.settings import Settings
from ingest.hours import Hour, wall_clock
from tests.support.posts import PAST, Sender, archive_all, some_posts, with_archive


def complete(settings: Settings, now: int) -> Hour:
    return complete_until(ledger_of(settings), settings.kafka, settings.archive, now)


def test_an_empty_topic_holds_nothing_up(settings: Settings) -> None:
    now = wall_clock()
    assert complete(settings, now) == Hour.of(now - 120_000)


def test_what_is_not_archived_holds_its_hour_open(settings: Settings) -> None:
    settings = with_archive(settings, idle_after_s=0)
    sender, now = Sender(settings), wall_clock()
    sender.send(some_posts(3), partition=0)
    assert complete(settings, now) == Hour(0)
    archive_all(settings)
    assert complete(settings, wall_clock()) >= Hour.of(now - 120_000)


def test_a_partition_that_may_get_more_has_passed_its_latest_post_less_the_lateness(settings: Settings) -> None:
    settings = with_archive(settings, idle_after_s=3_600)
    Sender(settings).send(some_posts(300, hours=5))
    archive_all(settings)
    latest = PAST + 299 * 5 * 12_000
    assert complete(settings, wall_clock()) == Hour.of(latest - 120_000 - 60_000)


def test_a_transaction_on_its_way_holds_its_partition(settings: Settings) -> None:
    settings = with_archive(settings, idle_after_s=0)
    sender = Sender(settings)
    sender.begin(some_posts(1), partition=1)
    assert complete(settings, wall_clock()) == Hour(0)
    sender.finish()
    archive_all(settings)
    assert complete(settings, wall_clock()) > Hour(0)
