"""Hours with a damaged part are named, and every other hour of the same run is computed: what Spark reads included."""

from io import BytesIO

import pytest

from batch_layer.archive import avro
from batch_layer.runs.outcome import PartlyDoneError
from batch_layer.spark.session import Engine
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import HOUR_MS
from serving.views.store import Store
from tests.support.batch import FIRST, Layers, documents, post, top

TEXT = "#spam #ham"


def no_text(raw: bytes) -> bytes:
    """Bytes that are no UTF-8 where a text was."""
    return raw.replace(TEXT.encode(), b"#\xff\xfe" + TEXT.encode()[3:], 1)


def moved(raw: bytes, by_ms: int) -> bytes:
    """The first post is of another time."""
    records = [avro.in_millis(record) for record in avro.read(_file(raw), "here")]
    records[0]["created_at"] += by_ms
    return avro.encode(records, "null")


def rotten(raw: bytes) -> bytes:
    """A deflate block that does not unpack."""
    packed = avro.encode((avro.in_millis(each) for each in avro.read(_file(raw), "here")), "deflate")
    middle = len(packed) // 2 + 100
    return packed[:middle] + bytes(40) + packed[middle + 40 :]


def _file(raw: bytes) -> BytesIO:
    return BytesIO(raw)


def test_a_damaged_hour_of_any_kind_holds_no_other_hour_up(settings: Settings, engine: Engine) -> None:
    archive = ArchiveWriter(settings)
    for partition in range(2):
        archive.add(partition, [post(10 * at + 1_000 * n + partition, at, TEXT) for at in range(6) for n in range(5)])
    harm = {
        1: no_text,
        2: lambda raw: moved(raw, HOUR_MS),  # into hour 3, which is whole
        4: lambda raw: moved(raw, 2**61),
        5: rotten,
    }
    layers = Layers(settings, engine)
    batch = layers()
    batch.ledger.refresh()
    for at, damage in harm.items():
        path = batch.ledger.parts(FIRST.plus(at))[0].path
        records = [avro.in_millis(each) for each in avro.read(_file(archive.store.get(path) or b""), path)]
        archive.store.put(path, damage(avro.encode(records, "null")))
    try:
        with pytest.raises(PartlyDoneError) as caught:
            batch.run(batch.plan_missing())
        assert sorted(hour for hour, _ in caught.value.outcome.failed) == [FIRST.plus(at) for at in harm]
        with Store(settings.mongo) as store:
            there = documents(store)
            assert sorted(there) == [FIRST, FIRST.plus(3)]
            assert [top(document) for document in there.values()] == [[("ham", 10), ("spam", 10)]] * 2
    finally:
        layers.close()
