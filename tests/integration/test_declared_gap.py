"""`trends archive gap`: the hole alone becomes a gap, and only where a person says so."""

import json
from collections import Counter
from pathlib import Path

from batch_layer.archive.reading.ledger import ledger_of
from batch_layer.storage.webhdfs import HdfsStore
from config.settings import Settings
from tests.support.commands import run_trends
from tests.support.damage import delete_from_kafka, manifest_of, three_chunks
from tests.support.posts import Sender, archive_all, ids_of, some_posts


def test_a_hole_becomes_a_gap_of_exactly_its_offsets_and_the_partition_goes_on(
    settings: Settings, settings_file: Path
) -> None:
    posts = three_chunks(settings)
    store, path = HdfsStore(settings.hdfs), manifest_of(settings, 1, 10)
    store.delete(path)
    delete_from_kafka(settings, 1, 32)

    for wrong in (("1", "0"), ("1", "11"), ("0", "0")):
        refused = run_trends(settings_file, "archive", "gap", *wrong, "--yes")
        assert (refused.returncode, refused.stdout) == (3, ""), refused.stderr
    unasked = run_trends(settings_file, "archive", "gap", "1", "10")
    assert (unasked.returncode, store.get(path)) == (130, None), "nobody has said yes"

    done = run_trends(settings_file, "archive", "gap", "1", "10", "--yes", "--json")
    assert json.loads(done.stdout) == {
        "partition": 1, "start": 10, "next": 21, "set_aside": None, "archived_to": 32,
    }, done.stderr  # fmt: skip
    more = some_posts(10)
    Sender(settings).send(more, partition=1)
    archive_all(settings)
    ledger = ledger_of(settings)
    assert [(m.kind, m.start, m.next) for m in ledger.partitions[1]][:3] == [
        ("chunk", 0, 10),
        ("gap", 10, 21),
        ("chunk", 21, 32),
    ]
    assert ids_of(ledger) == Counter(post.id for post in [*posts[:10], *posts[20:], *more])


def test_a_damaged_manifest_is_set_aside_first(settings: Settings, settings_file: Path) -> None:
    posts = three_chunks(settings)
    store, path = HdfsStore(settings.hdfs), manifest_of(settings, 1, 10)
    store.put(path, b"rotten")
    done = run_trends(settings_file, "archive", "gap", "1", "10", "--yes", "--json")
    told = json.loads(done.stdout)
    assert (told["next"], told["archived_to"], told["set_aside"]) == (21, 32, f"{path}.damaged"), done.stderr
    assert store.get(f"{path}.damaged") == b"rotten"
    assert ids_of(ledger_of(settings)) == Counter(post.id for post in [*posts[:10], *posts[20:]])


def test_where_no_manifest_follows_a_damaged_one_nothing_is_lost_that_kafka_has(
    settings: Settings, settings_file: Path
) -> None:
    posts = three_chunks(settings)
    store, path = HdfsStore(settings.hdfs), manifest_of(settings, 1, 21)
    store.put(path, b"rotten")
    done = run_trends(settings_file, "archive", "gap", "1", "21", "--yes", "--json")
    assert json.loads(done.stdout)["next"] is None, done.stderr
    archive_all(settings)
    assert ids_of(ledger_of(settings)) == Counter(post.id for post in posts)
