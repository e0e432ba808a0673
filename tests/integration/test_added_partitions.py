"""Topics that get more partitions on a live system, and settings that say another number than the topic has."""

from collections.abc import Iterator

import pytest

from batch_layer.archive.archiver import wall_clock
from batch_layer.archive.lag import archive_lag
from batch_layer.archive.manifest import Manifest, encode
from batch_layer.archive.upkeep import ledger_of
from batch_layer.archive.watermark import complete_until
from batch_layer.recompute import Batch
from batch_layer.spark import Engine
from config.errors import TrendsError
from config.settings import Settings
from ingest.hashtags import AS_IS
from ingest.hours import Hour
from serving.cli.verify import _settled
from serving.store import Store
from tests.integration.archived import Archive
from tests.integration.batches import documents, top
from tests.integration.posting import (
    PAST,
    Sender,
    archive_all,
    assert_exactly_once,
    some_posts,
    with_archive,
)
from tests.topics import widened

FIRST = Hour.of(PAST)


@pytest.fixture(scope="module")
def engine(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One Spark session for all."""
    engine = Engine(stack.spark, stack.hdfs, tmp_path_factory.mktemp("spark"))
    yield engine
    engine.close()


def saying(settings: Settings, partitions: int) -> Settings:
    """The settings with another `kafka.partitions`."""
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": partitions})})


def complete(settings: Settings) -> Hour:
    """The first hour that is not complete."""
    return complete_until(ledger_of(settings), settings.kafka, settings.archive, wall_clock())


def test_an_added_partition_takes_part_before_anything_of_it_is_archived(settings: Settings) -> None:
    settings = with_archive(settings, idle_after_s=0)
    Sender(settings).send(some_posts(30))
    archive_all(settings)
    assert complete(settings) > FIRST.plus(3)

    assert widened(settings.kafka, settings.kafka.posts, 6) == (3, 6)
    assert complete(settings) > FIRST.plus(3), "empty partitions hold nothing up"
    more = some_posts(30)
    Sender(settings).send(more, partition=4)

    assert complete(settings) == Hour(0), "what is not archived holds its hours open"
    assert list(archive_lag(settings.kafka, ledger_of(settings))) == [0, 1, 2, 3, 4, 5]
    assert archive_lag(settings.kafka, ledger_of(settings))[4] > 0
    assert not _settled(settings)

    archive_all(settings)
    assert complete(settings) > FIRST.plus(3)
    assert len(ledger_of(settings).covered) == 5
    assert _settled(settings)


def test_verify_counts_added_partitions_too(settings: Settings) -> None:
    posts = some_posts(60)
    Sender(settings).send(posts[:30])
    archive_all(settings)
    widened(settings.kafka, settings.kafka.posts, 6)
    Sender(settings).send(posts[30:])
    archive_all(settings)
    assert len(assert_exactly_once(settings, posts).covered) > 3


@pytest.mark.parametrize("said", [1, 50])
def test_a_setting_that_differs_from_the_topic_changes_no_document(
    settings: Settings, engine: Engine, said: int
) -> None:
    settings = with_archive(settings, idle_after_s=0)
    Sender(settings).send(some_posts(90))
    archive_all(settings)
    assert computed(saying(settings, said), engine) == {FIRST.plus(at): [("a", 30)] for at in range(3)}


def computed(settings: Settings, engine: Engine) -> dict[Hour, list[tuple[str, int]]]:
    """What a batch layer of these settings makes of every complete hour."""
    batch = Batch(settings, lambda: AS_IS, wall_clock)
    batch.engine = engine
    try:
        batch.run(batch.plan_missing())
        assert not batch.plan_missing().hours
    finally:
        batch.store.close()
    with Store(settings.mongo) as store:
        made = documents(store)
    assert all(document["complete"] and not document["dirty"] for document in made.values())
    return {hour: top(document) for hour, document in made.items()}


def test_an_archive_of_more_partitions_than_the_topic_has_is_another_topics(settings: Settings) -> None:
    archive = Archive(settings)
    link = Manifest(uuid="0" * 32, kind="gap", topic=settings.kafka.posts, partition=4, start=0, next=5, committed_at=0)
    archive.store.put(archive.paths.commit(4, 0), encode(link))
    with pytest.raises(TrendsError, match="the archive has 5 partitions and the topic 3"):
        complete(settings)
