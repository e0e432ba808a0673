"""A feed into PostgreSQL: the recipe's table, each record once, bad rows among good ones, several writers at once."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest

from batch_layer.delivery.chunk import Chunk
from batch_layer.sinks.contract import Stage
from batch_layer.sinks.postgres.postgres_place import PostgresPlace
from batch_layer.sinks.postgres.postgres_sink import PostgresSink
from batch_layer.sinks.postgres.row_copy import TableRow
from batch_layer.sinks.registry import kind_of
from batch_layer.sinks.stages import make_stage
from config.errors import DamagedError, FencedError, TrendsError, UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.kafka.message import Message
from ingest.kafka.topic_ids import OtherTopicError
from tests.support.kafka import committed
from tests.support.table_feeds import (
    COLUMNS,
    NOON,
    SINK,
    RecordSender,
    execute,
    fill,
    make_topic,
    numbers,
    query,
    record,
    running,
    standing,
    weather_feed,
)
from tests.support.wait import until

PARTITION, OFFSET = '{ from = "$partition", type = "int" }', '{ from = "$offset", type = "bigint" }'
NUL = b'{"dt": %d, "name": "\\u0000"}' % NOON
REFUSED = '"value": PostgreSQL: unsupported Unicode escape sequence (\\u0000 cannot be converted to text.)'
DEEP = b'{"dt": %d, "n": %s}' % (NOON, b"[" * 900 + b"]" * 900)


@pytest.fixture
def settings(settings_with_postgres: Settings) -> Settings:
    return settings_with_postgres


def stage_of(settings: Settings, feed: NamedFeed, sink: str = SINK) -> Stage:
    return make_stage(settings, feed, sink)


def place_of(settings: Settings, feed: NamedFeed, sink: str = SINK) -> PostgresPlace:
    return PostgresPlace(stage_of(settings, feed, sink))


def rejects(settings: Settings) -> dict[str, str]:
    """Reason of each reject by its place."""
    messages = committed(settings.kafka.bootstrap, settings.kafka.rejects)
    headers = [dict(message.headers()) for message in messages]
    return {each["where"].decode(): each["reason"].decode() for each in headers}


def test_the_table_is_that_of_the_recipe_with_a_key(settings: Settings) -> None:
    feed = weather_feed(make_topic(settings))
    fill(settings, feed)
    columns = query(
        settings,
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'weather' "
        "ORDER BY ordinal_position",
    )
    execute(settings, "CREATE TABLE recipe (date_time TIMESTAMP, msg_offset BIGINT, partition INT, value JSONB)")
    theirs = query(
        settings,
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'recipe' "
        "ORDER BY ordinal_position",
    )
    assert columns == theirs
    keys = query(settings, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'weather'::regclass "
                 "AND contype = 'p'")  # fmt: skip
    assert keys == [("PRIMARY KEY (partition, msg_offset)",)]


def test_each_record_is_one_row_with_the_local_time_of_its_city(settings: Settings) -> None:
    topic = make_topic(settings, 2)
    sender = RecordSender(settings, topic)
    sender.send([record(number) for number in range(3)], 0)
    sender.send([record(10)], 1)
    feed = weather_feed(topic, 2)
    fill(settings, feed)
    rows = query(settings, "SELECT partition, msg_offset, date_time::text, value FROM weather ORDER BY 1, 2")
    assert [row[:2] for row in rows] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert rows[0][2:] == ("2023-11-19 12:00:00", {"dt": NOON, "n": 0, "name": "Paris"})
    assert standing(settings)[1:] == (3, 0, 0)
    sender.send([record(3)], 0)
    fill(settings, feed)
    fill(settings, feed)
    assert numbers(settings) == [0, 1, 2, 3, 10]


def test_both_hours_of_the_night_in_october_are_there(settings: Settings) -> None:
    topic = make_topic(settings)
    first = 1_729_989_000  # 2024-10-27 02:30 in Paris, and again an hour later
    RecordSender(settings, topic).send([record(0, first), record(3_600, first)])
    fill(settings, weather_feed(topic))
    rows = query(settings, "SELECT date_time::text, value->>'dt' FROM weather ORDER BY msg_offset")
    assert rows == [("2024-10-27 02:30:00", str(first)), ("2024-10-27 02:30:00", str(first + 3_600))]


PLACES = [[0], [7], [99], [49, 50], [0, 99], list(range(100)), list(range(0, 100, 3))]
"""Of the bad rows in a chunk of a hundred."""


def test_rows_that_the_server_refuses_become_rejects_with_its_words_and_spare_all_others(
    settings: Settings, rivals: tuple[NamedFeed, PostgresSink, PostgresSink]
) -> None:
    feed, sink, _ = rivals
    writer = sink.open(0)
    bad = [100 * chunk + place for chunk, places in enumerate(PLACES) for place in places]
    for start in range(0, 100 * len(PLACES), 100):
        values = [NUL if number in bad else record(number) for number in range(start, start + 100)]
        writer.delivery(chunk_of(sink, feed, start, values)).run()
    assert numbers(settings) == [number for number in range(writer.position) if number not in bad]
    assert standing(settings)[1:] == (writer.position - len(bad), len(bad), 0)
    reasons, topic = rejects(settings), feed.declaration.topic
    assert topic is not None
    assert reasons.keys() == {f"{topic.name}/0@{number}" for number in bad}
    assert set(reasons.values()) == {REFUSED}
    raw = [message.value() for message in committed(settings.kafka.bootstrap, settings.kafka.rejects)]
    assert raw == [NUL] * len(bad)


def test_what_the_reader_refuses_is_a_reject_and_deep_json_is_a_row(settings: Settings) -> None:
    topic = make_topic(settings)
    RecordSender(settings, topic).send([b"no JSON", DEEP, b'{"dt": 1e400}', b'{"n": 1}'])
    fill(settings, weather_feed(topic))
    assert query(settings, "SELECT msg_offset FROM weather") == [(1,)]
    assert standing(settings)[1:] == (1, 3, 0)
    assert rejects(settings).keys() == {f"{topic}/0@{number}" for number in (0, 2, 3)}


def test_a_row_that_a_rule_of_the_user_refuses_is_a_reject(
    settings: Settings, rivals: tuple[NamedFeed, PostgresSink, PostgresSink]
) -> None:
    feed, sink, _ = rivals
    execute(settings, "ALTER TABLE weather ADD CONSTRAINT small CHECK ((value->>'n')::int < 5)")
    execute(settings, "CREATE UNIQUE INDEX once ON weather ((value->>'n'))")
    execute(settings, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.value->>'n' = '4' "
            "THEN RAISE EXCEPTION 'no fours'; END IF; RETURN NEW; END $$")  # fmt: skip
    execute(settings, "CREATE TRIGGER fours BEFORE INSERT ON weather FOR EACH ROW EXECUTE FUNCTION refuse()")
    sink.open(0).delivery(chunk_of(sink, feed, 0, [record(number) for number in (1, 9, 2, 1, 4)])).run()
    assert numbers(settings) == [1, 2]
    reasons = [reason for _, reason in sorted(rejects(settings).items())]
    words = ["violates check constraint", "violates unique constraint", "no fours"]
    assert [expected in reason for expected, reason in zip(words, reasons, strict=True)] == [True] * 3, reasons


def test_text_that_is_no_utf_8_is_a_reject(settings: Settings) -> None:
    """Half a character can't come out of JSON; a reader of something else may yield one."""
    feed = weather_feed(make_topic(settings), sink={"columns": COLUMNS | {"name": {"from": "name", "type": "string"}}})
    sink = PostgresSink(stage_of(settings, feed))
    sink.prepare()
    sink.admit()
    writer = sink.open(0)
    chunk = chunk_of(sink, feed, 0, records(0, 3))
    rows = chunk.rows[""]
    rows[1] = rows[1]._replace(cells=(*rows[1].cells[:-1], "\ud800"))
    rows[2] = rows[2]._replace(cells=(*rows[2].cells[:-1], "a\0b"))
    writer.delivery(chunk).run()
    sink.close()
    assert numbers(settings) == [0]
    reasons = list(rejects(settings).values())
    assert ("no UTF-8" in reasons[0], "NUL" in reasons[1]) == (True, True)


def test_a_full_chunk_of_ten_thousand_rows_is_one_transaction(settings: Settings) -> None:
    topic = make_topic(settings)
    RecordSender(settings, topic).send([record(number) for number in range(10_000)])
    steps: list[str] = []
    fill(settings, weather_feed(topic), after_step=steps.append)
    assert steps == ["check", "position", "rows", "rejects", "commit"]
    assert numbers(settings) == list(range(10_000))
    assert query(settings, "SELECT count(DISTINCT xmin::text) FROM weather") == [(1,)]


def test_two_consumers_of_one_group_and_two_of_another_fill_it_once(settings: Settings) -> None:
    topic = make_topic(settings, 2)
    sender = RecordSender(settings, topic)
    feed = weather_feed(topic, 2, packet={"messages": 50, "after": "0.2s"})
    with running(settings, feed) as one, running(settings, feed) as two:
        for start in range(0, 2_000, 100):
            sender.send([record(number) for number in range(start, start + 100)], start // 100 % 2)
        until(lambda: len(numbers(settings)) == 2_000, lambda: len(numbers(settings)), 60)
    assert (one, two) == ([], [])
    assert sorted(numbers(settings)) == list(range(2_000))
    assert sum(standing(settings, partition=number)[1] for number in (0, 1)) == 2_000


def chunk_of(sink: PostgresSink, feed: NamedFeed, start: int, values: Sequence[bytes]) -> Chunk[str, TableRow]:
    assert feed.declaration.topic is not None
    chunk = Chunk(feed.declaration.topic.name, 0, start, sink.reader)
    for number, value in enumerate(values, start):
        chunk.take(Message(0, number, value), (NOON + 1_000) * 1_000)
    return chunk


def records(start: int, count: int) -> list[bytes]:
    return [record(number) for number in range(start, start + count)]


@pytest.fixture
def rivals(settings: Settings) -> Iterator[tuple[NamedFeed, PostgresSink, PostgresSink]]:
    """Two writers of one partition, which both have opened it."""
    feed = weather_feed(make_topic(settings))
    sinks = PostgresSink(stage_of(settings, feed)), PostgresSink(stage_of(settings, feed))
    for sink in sinks:
        sink.prepare()
        sink.admit()
    yield feed, *sinks
    for sink in sinks:
        sink.close()


def test_a_zombie_that_wakes_after_another_has_committed_is_fenced_off(
    settings: Settings, rivals: tuple[NamedFeed, PostgresSink, PostgresSink]
) -> None:
    feed, zombie, other = rivals
    late = zombie.open(0).delivery(chunk_of(zombie, feed, 0, records(0, 10)))
    other.open(0).delivery(chunk_of(other, feed, 0, records(0, 4))).run()
    with pytest.raises(FencedError, match="another stage has committed"):
        late.run()
    assert numbers(settings) == [0, 1, 2, 3]


def test_a_zombie_that_commits_late_makes_the_other_wait_and_fences_it_off(
    settings: Settings, rivals: tuple[NamedFeed, PostgresSink, PostgresSink]
) -> None:
    feed, zombie, other = rivals
    asleep, wake = threading.Event(), threading.Event()

    def sleep(step: str) -> None:
        if step == "rows":
            asleep.set()
            assert wake.wait(30)

    zombie._stage = make_stage(settings, feed, SINK, after_step=sleep)
    first = threading.Thread(target=zombie.open(0).delivery(chunk_of(zombie, feed, 0, records(0, 10))).run)
    errors: list[Exception] = []

    def overtake() -> None:
        try:
            other.open(0).delivery(chunk_of(other, feed, 0, records(0, 4))).run()
        except FencedError as error:
            errors.append(error)

    second = threading.Thread(target=overtake)
    first.start()
    assert asleep.wait(30)
    second.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    until(lambda: query(settings, waiting) == [(1,)], "nobody waits for the lock", 30)
    assert numbers(settings) == []
    wake.set()
    first.join(30)
    second.join(30)
    assert numbers(settings) == list(range(10))
    assert len(errors) == 1


def test_a_position_that_somebody_has_reset_doubles_no_row(
    settings: Settings, rivals: tuple[NamedFeed, PostgresSink, PostgresSink]
) -> None:
    feed, sink, _ = rivals
    sink.open(0).delivery(chunk_of(sink, feed, 0, records(0, 10))).run()
    execute(settings, "UPDATE feed_positions SET next = 5")
    with pytest.raises(DamagedError, match="is there already"):
        sink.open(0).delivery(chunk_of(sink, feed, 5, records(5, 10))).run()
    assert numbers(settings) == list(range(10))


def test_a_gap_is_recorded_with_its_reason_and_moves_the_position(
    settings: Settings, rivals: tuple[NamedFeed, PostgresSink, PostgresSink]
) -> None:
    feed, sink, other = rivals
    writer, stale = sink.open(0), other.open(0)
    assert writer.skip(7, "deleted by retention")
    assert not stale.skip(9, "too late")
    found = place_of(settings, feed).standings()[0]
    assert (found.position, found.gaps, found.kept) == (7, ((0, 7, "deleted by retention"),), 0)


@pytest.mark.parametrize(
    ("change", "words", "step"),
    [
        ("DROP COLUMN value", "value is missing and should be jsonb", 'ADD COLUMN "value" jsonb'),
        ("ADD COLUMN extra int", "extra is integer and should be absent", 'DROP COLUMN "extra"'),
        ("ALTER COLUMN value TYPE text", "value is text and should be jsonb", 'ALTER COLUMN "value" TYPE jsonb'),
        ("DROP CONSTRAINT weather_pkey", "primary key", 'ADD PRIMARY KEY ("partition", "msg_offset")'),
    ],
)  # fmt: skip
def test_a_table_of_another_shape_is_refused_with_the_statement_that_changes_it(
    settings: Settings, change: str, words: str, step: str
) -> None:
    feed = weather_feed(make_topic(settings))
    sink = PostgresSink(stage_of(settings, feed))
    sink.prepare()
    execute(settings, f"ALTER TABLE weather {change}")
    with pytest.raises(TrendsError) as error:
        sink.prepare()
    assert (words in str(error.value), step in str(error.value)) == (True, True), str(error.value)
    statement = error.value.next_step.partition("or type: ")[2]
    execute(settings, statement.replace("TYPE jsonb", "TYPE jsonb USING value::jsonb"))
    sink.prepare()
    sink.close()


def test_many_prepare_at_once(settings: Settings) -> None:
    feed = weather_feed(make_topic(settings))
    errors: list[Exception] = []

    def prepare() -> None:
        try:
            with closing(PostgresSink(stage_of(settings, feed))) as sink:
                sink.prepare()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []


def test_a_recreated_topic_is_refused_until_the_table_is_cleared(settings: Settings) -> None:
    topic = make_topic(settings)
    feed = weather_feed(topic)
    RecordSender(settings, topic).send([record(1), record(2)])
    fill(settings, feed)
    execute(settings, "UPDATE feed_positions SET topic_id = 'AAAAAAAAAAAAAAAAAAAAAQ'")  # as if it were another one now
    with pytest.raises(OtherTopicError, match="deleted and recreated") as error:
        fill(settings, feed)
    assert "`trends feed rebuild weather postgres`" in str(error.value)
    place_of(settings, feed).clear()
    fill(settings, feed)
    assert numbers(settings) == [1, 2]


def test_two_feeds_share_a_database_and_not_a_position(settings: Settings) -> None:
    for name in ("one", "two"):
        topic = make_topic(settings)
        RecordSender(settings, topic).send([record(1)])
        declared = weather_feed(topic, sink={"table": name}).declaration
        fill(settings, NamedFeed(name, declared))
    assert query(settings, "SELECT feed, sink, kept FROM feed_positions ORDER BY 1") == [
        ("one", SINK, 1), ("two", SINK, 1),
    ]  # fmt: skip
    assert numbers(settings, "one") == numbers(settings, "two") == [1]


def test_the_place_shows_rows_offsets_and_counts_and_clears_them(settings: Settings) -> None:
    topic = make_topic(settings, 2)
    sender = RecordSender(settings, topic)
    sender.send([record(number) for number in range(5)], 0)
    sender.send([record(number) for number in range(3)], 1)
    feed = weather_feed(topic, 2)
    place = place_of(settings, feed)
    assert (place.standings(), list(place.offsets(0)), place.rows(3)) == ({}, [], [])
    fill(settings, feed)
    assert {number: each.kept for number, each in place.standings().items()} == {0: 5, 1: 3}
    assert (list(place.offsets(0)), list(place.offsets(1))) == ([0, 1, 2, 3, 4], [0, 1, 2])
    assert [(row["partition"], row["value"]["n"]) for row in place.rows(2)] == [(0, 4), (0, 3)]
    place.clear()
    assert (place.standings(), list(place.offsets(0))) == ({}, [])


def declared(columns: dict[str, object], table: str = "weather") -> NamedFeed:
    sink = {"type": "postgres", "table": table, "columns": columns}
    return NamedFeed("f", Feed.model_validate({"about": "x", "topic": {"name": "t"}, "sinks": {"s": sink}}))


@pytest.mark.parametrize(
    ("columns", "table", "words"),
    [
        ({"value": COLUMNS["value"]}, "weather", f"Add partition = {PARTITION} and msg_offset = {OFFSET}"),
        ({"partition": COLUMNS["partition"]}, "weather", f"Add msg_offset = {OFFSET}"),
        (COLUMNS | {"msg_offset": {"from": "$offset", "type": "int"}}, "weather", "$offset needs the type bigint"),
        (COLUMNS, "feed_positions", "is a table of trends itself"),
    ],
)  # fmt: skip
def test_a_table_without_a_key_or_with_a_name_of_ours_is_refused(
    columns: dict[str, object], table: str, words: str
) -> None:
    feed = declared(columns, table)
    make: Callable[[Stage], object] = kind_of(feed.declaration.sinks["s"]).make_sink
    with pytest.raises(UsageError) as error:
        make(make_stage(Settings(), feed, "s"))
    assert words in str(error.value)


def test_every_type_comes_back_as_it_went_in(settings: Settings) -> None:
    topic = make_topic(settings)
    types = {
        "a_text": "string", "an_int": "int", "a_bigint": "bigint", "a_double": "double", "a_boolean": "boolean",
        "a_timestamp": "timestamp", "a_date": "date", "a_json": "json", "some_bytes": "bytes",
    }  # fmt: skip
    values = {
        "a_text": "Ménilmontant\t\\N\n'; DROP TABLE weather", "an_int": -5, "a_bigint": 2**62, "a_double": 1e-300,
        "a_boolean": True, "a_timestamp": "2024-02-29T12:00:00Z", "a_date": "2024-02-29", "a_json": [1, {"a": None}],
        "some_bytes": "\\x00é",
    }  # fmt: skip
    columns = COLUMNS | {name: {"from": name, "type": kind} for name, kind in types.items()}
    rows = [values, dict.fromkeys(values)]
    RecordSender(settings, topic).send([json.dumps({"dt": NOON} | row).encode() for row in rows])
    fill(settings, weather_feed(topic, sink={"columns": columns}))
    names = ", ".join(values)
    statement = f"SELECT {names} FROM weather ORDER BY msg_offset"
    full, empty = query(settings, statement)
    assert full[:5] == (values["a_text"], -5, 2**62, 1e-300, True)
    assert (full[5].isoformat(), full[6].isoformat()) == ("2024-02-29T12:00:00+00:00", "2024-02-29")
    assert full[7:] == ([1, {"a": None}], "\\x00é".encode())
    assert empty == (None,) * 9
