"""The parts of a feed: which there are, in which order, and which of them a process runs."""

import pytest

from batch_layer.feeds import rebuild
from batch_layer.feeds.parts import choose, parts_of
from config.errors import UsageError
from ingest.feeds.declaration.model import Feed, HdfsSink, NamedFeed
from tests.support.feed_files import feed_of, hdfs_sink

CSV = {"type": "csv", "columns": {"n": {"from": "n", "type": "int"}}}
FEED = NamedFeed(
    "numbers",
    Feed.model_validate(
        {
            "about": "Numbers",
            "source": {"type": "file", "path": "numbers.csv", "format": "csv"},
            "topic": {"name": "numbers"},
            "sinks": {
                "third": CSV | {"from": "second", "file": "3.csv"},
                "first": CSV | {"file": "1.csv"},
                "second": CSV | {"from": "first", "file": "2.csv"},
            },
        }
    ),
)


def test_parts_follow_the_data() -> None:
    assert parts_of(FEED) == ["source", "first", "second", "third"]


def test_only_chooses_parts_and_keeps_their_order() -> None:
    assert choose(FEED, []) == parts_of(FEED)
    assert choose(FEED, ["third", "source"]) == ["source", "third"]


def test_a_part_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no part 'fourth'; there are source, first, second, third"):
        choose(FEED, ["fourth"])


@pytest.mark.parametrize(("origin", "engine"), [("kafka", "spark"), ("first", "python")])
def test_python_rebuilds_from_a_sink_what_spark_writes_from_kafka(origin: str, engine: str) -> None:
    sinks = {"first": hdfs_sink(root="/first"), "second": hdfs_sink(root="/second", engine="spark")}
    reading = rebuild._reading(feed_of(sinks), rebuild.RebuildPlan("second", origin, 0, 0))
    table = reading.declaration.sinks["second"]
    assert isinstance(table, HdfsSink)
    assert (table.from_, table.engine) == (origin, engine)
