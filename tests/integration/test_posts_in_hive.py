"""The archived posts in Hive: SQL over the archive's own files counts what the batch layer counts."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pyhive import hive as pyhive

from batch_layer.archive.compaction import Compaction
from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.feeds.feed_verify import verify_feed
from batch_layer.feeds.running import RunOptions, run_feed
from batch_layer.feeds.stage_status import stage_statuses
from batch_layer.sinks.hive.posts_table import PostsStage, PostsTables
from batch_layer.sinks.stages import open_place
from batch_layer.spark.session import Engine
from bench.inputs.archive_writer import ArchiveWriter
from config.errors import UsageError
from config.settings import Settings
from config.settings.logins import hive_login
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.hours import Hour, moment_of
from ingest.post import Post
from ingest.rule.hashtags import in_text
from serving.views.store import Store
from tests.support.batch import Layers, documents, run_missing
from tests.support.posts import recorded_posts

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"
FEED = FeedFile(SHIPPED / "posts.toml").feed({}, {})
TOP = """
SELECT tag, count(*) AS uses FROM (
  SELECT DISTINCT source, id, lower(tag) AS tag FROM posts LATERAL VIEW explode(tags) each AS tag
  WHERE dt = '{day}' AND hour = '{hour}') named
GROUP BY tag ORDER BY uses DESC, tag LIMIT 10
"""


def select(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    login = hive_login(settings)
    with closing(
        pyhive.connect(host=login["host"], port=login["port"], username="anybody", database=settings.hive.database)
    ) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def with_tags(post: Post) -> Post:
    """The post as a source sends it that names the hashtags."""
    return Post(**{name: getattr(post, name) for name in post.__struct_fields__} | {"tags": tuple(in_text(post.text))})


def test_sql_gives_the_top_ten_of_the_batch_layer(
    settings_with_hive: Settings, engine: Engine, test_data: Path
) -> None:
    settings = settings_with_hive
    posts = [with_tags(post) for post in recorded_posts(test_data / BOSTON)]
    archive = ArchiveWriter(settings)
    archive.add(0, posts[: len(posts) // 2])
    archive.add(1, posts[len(posts) // 3 :])  # a sixth of them comes twice
    with closing(PostsTables(settings, "posts")) as tables:
        assert tables.register() == len(ledger_of(settings).hours())
    layers = Layers(settings, engine)
    run_missing(layers())
    with Store(settings.mongo) as store:
        found = documents(store)
    layers.close()
    busy = sorted(found, key=lambda hour: -found[hour]["posts"])[:3]
    for hour in busy:
        day, of_day = str(hour).split("T")
        expected = [(each["tag"], each["count"]) for each in found[hour]["top"]][:10]
        assert select(settings, TOP.format(day=day, hour=of_day)) == expected
    assert select(settings, "SELECT count(*) FROM posts") == [(len({post.id for post in posts}),)]
    assert select(settings, "SELECT count(*) FROM posts_archived")[0][0] > len(posts)


def test_files_that_a_compaction_has_replaced_count_once(settings_with_hive: Settings) -> None:
    settings = settings_with_hive
    at = Hour.parse("2017-01-06T07").start_ms
    archive = ArchiveWriter(settings)
    for start in (0, 5):
        archive.add(
            0, [Post(str(n), "x", at + n, at, f"é #{n}", None, ("a", "b"), None) for n in range(start, start + 5)]
        )
    tables = PostsTables(settings, "posts")
    assert tables.register() == 1
    ledger = ledger_of(settings)
    Compaction(ledger, settings.archive, at + 1).run(ledger.hours())
    assert tables.register() == 0
    assert select(settings, "SELECT count(*) FROM posts_archived") == [(20,)]
    rows = select(
        settings, "SELECT id, source, created_at, text, lang, tags, `partition`, `offset`, dt, hour FROM posts"
    )
    first = min(rows)
    assert (len(rows), first[:2], first[3:5]) == (10, ("0", "x"), ("é #0", None))
    assert str(first[2])[:19] == f"{moment_of(at):%Y-%m-%d %H:%M:%S}"
    assert first[5] in {'["a","b"]'} and first[6:] == (0, 0, "2017-01-06", "07")
    archive.add(0, [Post("late", "x", at + 3_600_000, at, "x")])
    (status,) = stage_statuses(settings, FEED, at)
    assert (status.kept, status.unregistered, status.why) == (11, 1, "1 folder not registered with Hive yet")
    assert tables.register() == 1
    (status,) = stage_statuses(settings, FEED, at)
    assert (status.unregistered, status.why) == (0, "")
    tables.close()
    place = open_place(settings, FEED, "hive")
    assert [row["id"] for row in place.rows(2)] == ["9", "late"]
    assert [each.not_compared for each in verify_feed(settings, FEED)] == [
        "its rows are the archive's own files: see `trends verify --all`"
    ]
    place.clear()
    assert select(settings, "SHOW TABLES") == []
    assert ledger.hours(), "the archive stays"


def test_the_feed_of_posts_registers_until_it_is_drained(settings_with_hive: Settings) -> None:
    settings = settings_with_hive
    run_feed(settings, FEED, RunOptions(until_drained=True), threading.Event())
    assert select(settings, "SELECT count(*) FROM posts") == [(0,)]
    other = NamedFeed(
        "other",
        Feed.model_validate(
            {"about": "x", "topic": {"name": "t"}, "sinks": {"hive": {"type": "hive", "table": "posts"}}}
        ),
    )
    with pytest.raises(UsageError, match="does not read the archive"):
        PostsStage(settings, other, "hive")
