"""Whatever a document in MongoDB holds, every command ends with an answer or one sentence, and a run replaces it."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.errors import BSONError
from click.testing import CliRunner

from batch_layer.runner import BatchRunner
from batch_layer.runs.run_ledger import Job, RunLedger
from bench.harness import stack_settings
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from serving.cli import main
from serving.views.documents import HOURS, LENSES, RUNS, USES, Lens
from serving.views.store import Store
from tests.support.posts import PAST, some_posts
from tests.support.views import view_of_posts

FLIPS = 25
HOUR = Hour.of(PAST)
COMMANDS = [
    ["top", "--hour", str(HOUR), "--json"],
    ["top", "--hour", str(HOUR), "--source", "x"],
    ["top", "--since", str(HOUR), "--until", str(HOUR.plus(3))],
    ["day", "--date", "2013-04-15", "--json"],
    ["rising", "--hour", str(HOUR.plus(1))],
    ["tag", "a", "--since", str(HOUR), "--until", str(HOUR.plus(3))],
    ["explain", "--hour", str(HOUR)],
    ["status", "--json"],
]
STRANGE: list[Any] = [None, "", "x", -1, 1.5, True, [], {}, [1], b"\xff", 2**62, datetime(1, 1, 1, tzinfo=UTC)]


@pytest.fixture
def store(settings: Settings, settings_file: Path) -> Iterator[Store]:
    """Two computed hours, one through a lens too, one of the speed layer, and a run."""
    archive, posts = ArchiveWriter(settings), some_posts(20, hours=1)
    archive.add(0, posts)
    with Store(settings.mongo) as store, stack_settings.use(settings_file):
        own = view_of_posts(HOUR, posts, (21, 0, 0))
        store.publish_all([own, own._replace(lens=Lens(source="x")), view_of_posts(HOUR.plus(1), posts, (21, 0, 0))])
        use = {"hour": str(HOUR.plus(2)), "tag": "a", "shown": "a", "count": 5, "origin": "speed"}
        store.collection(USES).insert_one({"_id": f"{HOUR.plus(2)}|a"} | use)
        with RunLedger(store, 60).start(Job("hour", HOUR, HOUR.plus(1), AS_IS.version), reach=HOUR):
            pass
        yield store


def damaged(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The document with a field gone, a field of another type, a strange row, or flipped bytes that still decode."""
    broken = dict(document)
    name = chance.choice([each for each in document if each != "_id"])
    kind = chance.randrange(4)
    if kind == 0:
        del broken[name]
    elif kind == 1:
        broken[name] = chance.choice(STRANGE)
    elif kind == 2 and isinstance(broken.get("top"), list):
        broken["top"] = [chance.choice(STRANGE), {"tag": chance.choice(STRANGE), "shown": "a", "count": 1}]
    else:
        raw = bytearray(bson.encode(document))
        raw[chance.randrange(5, len(raw) - 1)] ^= 1 << chance.randrange(8)
        try:
            broken = bson.decode(bytes(raw)) | {"_id": document["_id"]}
        except (BSONError, ValueError, OverflowError):
            broken[name] = None
    return broken


@pytest.mark.parametrize("collection", [HOURS, LENSES, USES, RUNS])
def test_every_command_ends_well_beside_a_damaged_document(store: Store, collection: str) -> None:
    chance = random.Random(collection)
    documents = store.collection(collection)
    whole = list(documents.find())
    assert whole
    for _ in range(FLIPS):
        one = chance.choice(whole)
        broken = damaged(one, chance)
        documents.replace_one({"_id": one["_id"]}, broken)
        for command in chance.sample(COMMANDS, 3):
            done = CliRunner().invoke(main, command)
            said = f"{command} beside {broken}: {done.output[-500:]}"
            assert isinstance(done.exception, SystemExit | None), said
            assert done.exit_code in {0, 1, 3}, said
            assert "internal error" not in done.output, said
        documents.replace_one({"_id": one["_id"]}, one)


def test_a_damaged_document_is_told_with_the_command_that_mends_it_and_counts_as_missing(
    store: Store, settings: Settings
) -> None:
    store.collection(HOURS).update_one({"hour": str(HOUR)}, {"$set": {"uses": "many"}})
    asked = CliRunner().invoke(main, ["top", "--hour", str(HOUR)])
    assert asked.exit_code == 1
    assert f"batch|{HOUR}: damaged document: uses is 'many'" in asked.output
    assert f"trends batch hour {HOUR}" in asked.output
    batch = BatchRunner(settings, lambda: AS_IS, lambda: PAST, lambda _: HOUR.plus(9))
    try:
        assert [(each.hour, each.state) for each in batch.plan_missing().hours] == [(HOUR, "missing")]
    finally:
        batch.close()


@pytest.mark.parametrize("token", ["x", None, [], 1.5])
def test_a_document_whose_token_is_damaged_fences_nobody(store: Store, token: object) -> None:
    store.collection(HOURS).update_one({"hour": str(HOUR)}, {"$set": {"token": token}})
    assert store.publish_all([view_of_posts(HOUR, some_posts(3, hours=1), (21, 0, 0))])
    with store.snapshot() as snapshot:
        assert snapshot.batch([HOUR])[str(HOUR)]["posts"] == 3
