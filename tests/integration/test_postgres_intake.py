"""A stage that reads another one's table: every row once, by offset; a time never decides."""

import threading
from contextlib import closing

import pytest

from batch_layer.delivery.intake import AtEnd, Trouble
from batch_layer.sinks.postgres.postgres_intake import PostgresIntake
from batch_layer.sinks.postgres.postgres_place import PostgresPlace
from batch_layer.sinks.stages import make_stage
from config.errors import UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.kafka.message import Message
from ingest.kafka.topic_ids import OtherTopicError
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

COPY = "copy"


@pytest.fixture
def settings(settings_with_postgres: Settings) -> Settings:
    return settings_with_postgres


class CrashError(BaseException):
    """The stage dies here."""


def intake_of(settings: Settings, feed: NamedFeed) -> PostgresIntake:
    return PostgresIntake(make_stage(settings, feed, SINK), make_stage(settings, feed, COPY), sleep=lambda _: None)


def same(settings: Settings) -> bool:
    """Whether both tables hold the same rows."""
    both = [
        query(settings, f"SELECT partition, msg_offset, date_time, value FROM {table} ORDER BY 1, 2")
        for table in ("weather", COPY)
    ]
    return both[0] == both[1]


def test_a_copy_holds_what_the_table_holds_but_for_nothing_that_became_no_row(settings: Settings) -> None:
    topic = make_topic(settings, 2)
    sender, feed = RecordSender(settings, topic), weather_feed(topic, 2)
    sender.send([record(0), b"no JSON", record(2), b"null"], 0)
    sender.send([record(number) for number in range(5_000)], 1)
    fill(settings, feed)
    fill(settings, feed, COPY)
    assert same(settings)
    assert (standing(settings, COPY, 0)[1:], standing(settings, COPY, 1)[1:]) == ((2, 0, 0), (5_000, 0, 0))
    sender.send([record(7)], 0)
    fill(settings, feed, COPY)
    assert len(numbers(settings, COPY)) == 5_002
    fill(settings, feed)
    fill(settings, feed, COPY)
    assert same(settings)


def test_numbers_and_texts_come_through_a_second_table_unchanged(settings: Settings) -> None:
    topic = make_topic(settings)
    values = [
        "1e2",
        "1.0",
        "-0.0",
        "1e-300",
        "123456789012345678901234567890",
        '"\\ud83d\\ude00 \\"\\\\"',
        "[{}, null]",
    ]
    RecordSender(settings, topic).send([b'{"dt": %d, "v": %s}' % (NOON, value.encode()) for value in values])
    feed = weather_feed(topic)
    fill(settings, feed)
    fill(settings, feed, COPY)
    assert same(settings)
    assert len(query(settings, "SELECT FROM copy")) == len(values)


def test_rows_that_come_late_are_copied_though_an_export_by_time_loses_them(settings: Settings) -> None:
    topic = make_topic(settings)
    sender, feed = RecordSender(settings, topic), weather_feed(topic)
    exported: list[int] = []
    for batch in ([record(100), record(101)], [record(50), record(102)], [record(60)]):
        sender.send(batch)
        fill(settings, feed)
        fill(settings, feed, COPY)
        by_time = "SELECT (value->>'n')::int FROM weather WHERE date_time > %s ORDER BY date_time"
        last = "2023-11-19 00:00" if not exported else f"2023-11-19 12:{max(exported) // 60:02}:{max(exported) % 60:02}"
        exported += [number for (number,) in query(settings, by_time, last)]
    assert exported == [100, 101, 102], "the control has lost what came late"
    assert numbers(settings, COPY) == [100, 101, 50, 102, 60]


def test_ref_date_is_written_and_never_read(settings: Settings) -> None:
    topic = make_topic(settings)
    sender, feed = RecordSender(settings, topic), weather_feed(topic)
    execute(settings, "CREATE TABLE REF_DATE (application_name TEXT, ref_date TIMESTAMP)")  # as the recipe has it
    for number, change in enumerate(
        ["DELETE FROM ref_date", "UPDATE ref_date SET ref_date = '2099-01-01'", "DROP TABLE ref_date"]
    ):
        sender.send([record(number)])
        fill(settings, feed)
        fill(settings, feed, COPY)
        written = query(
            settings, "SELECT application_name, abs(extract(epoch FROM now() - ref_date)) < 60 FROM ref_date"
        )
        assert written == [("weather.copy", True)]
        execute(settings, change)
    assert numbers(settings, COPY) == [0, 1, 2]


def test_a_ref_date_that_takes_no_time_stops_nothing(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    topic = make_topic(settings)
    execute(settings, "CREATE TABLE ref_date (something_else int)")
    RecordSender(settings, topic).send([record(1)])
    feed = weather_feed(topic)
    fill(settings, feed)
    fill(settings, feed, COPY)
    assert numbers(settings, COPY) == [1]
    assert "ref_date of weather.copy is not written" in caplog.text


@pytest.mark.parametrize("fatal", ["check", "position", "rows", "rejects", "commit"])
def test_a_crash_of_the_reader_after_any_step_copies_each_row_once(settings: Settings, fatal: str) -> None:
    topic = make_topic(settings)
    RecordSender(settings, topic).send([record(number) for number in range(100)])
    feed = weather_feed(topic)
    fill(settings, feed)

    def die(step: str) -> None:
        if step == fatal:
            raise CrashError

    with pytest.raises(CrashError):
        fill(settings, feed, COPY, after_step=die)
    assert len(numbers(settings, COPY)) == (100 if fatal == "commit" else 0)
    fill(settings, feed, COPY)
    assert numbers(settings, COPY) == list(range(100))


def test_two_readers_follow_a_table_that_grows_and_copy_each_row_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch_layer.sinks.postgres.postgres_intake.EVERY_S", 0.2)
    topic = make_topic(settings)
    sender, feed = RecordSender(settings, topic), weather_feed(topic, packet={"messages": 50, "after": "0.2s"})
    with running(settings, feed, COPY) as one, running(settings, feed, COPY) as two, running(settings, feed) as first:
        for start in range(0, 1_000, 100):
            sender.send([record(number) for number in range(start, start + 100)])
        until(
            lambda: "copy" in tables(settings) and len(numbers(settings, COPY)) == 1_000, lambda: (one, two, first), 60
        )
    assert (one, two, first) == ([], [], [])
    assert numbers(settings, COPY) == list(range(1_000))
    assert standing(settings, COPY)[1:] == (1_000, 0, 0)


def tables(settings: Settings) -> set[str]:
    return {name for (name,) in query(settings, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_a_table_from_an_older_backup_is_filled_again_and_its_copy_stays_right(settings: Settings) -> None:
    topic = make_topic(settings)
    sender, feed = RecordSender(settings, topic), weather_feed(topic)
    sender.send([record(number) for number in range(10)])
    fill(settings, feed)
    fill(settings, feed, COPY)
    execute(settings, "DELETE FROM weather WHERE msg_offset >= 4")
    execute(settings, "UPDATE feed_positions SET next = 4, kept = 4 WHERE sink = 'postgres'")
    fill(settings, feed, COPY)
    assert numbers(settings, COPY) == list(range(10))
    sender.send([record(10)])
    fill(settings, feed)
    fill(settings, feed, COPY)
    assert numbers(settings) == numbers(settings, COPY) == list(range(11))
    assert standing(settings)[1:] == standing(settings, COPY)[1:] == (11, 0, 0)


def test_nothing_of_an_open_transaction_is_read(settings: Settings) -> None:
    topic = make_topic(settings)
    sender, feed = RecordSender(settings, topic), weather_feed(topic)
    sender.send([record(0)])
    fill(settings, feed)
    sender.send([record(1)])
    asleep, wake = threading.Event(), threading.Event()

    def sleep(step: str) -> None:
        if step == "rejects":
            asleep.set()
            assert wake.wait(30)

    writer = threading.Thread(target=fill, args=(settings, feed), kwargs={"after_step": sleep})
    writer.start()
    try:
        assert asleep.wait(60)
        with closing(intake_of(settings, feed)) as intake:
            assert intake.join(lambda _: None) == 1
            intake.seek(0, 0)
            assert [event[:2] for event in intake.read()] == [(0, 0), (0,)]
            assert intake.ends([0, 5])[5] == 0
    finally:
        wake.set()
        writer.join(60)
    fill(settings, feed, COPY)
    assert numbers(settings, COPY) == [0, 1]


def test_a_lost_connection_is_told_once_and_mended(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batch_layer.sinks.postgres.postgres_intake.EVERY_S", 0.0)
    topic = make_topic(settings)
    RecordSender(settings, topic).send([record(number) for number in range(5)])
    feed = weather_feed(topic)
    fill(settings, feed)
    with closing(intake_of(settings, feed)) as intake:
        intake.join(lambda _: None)
        intake.seek(0, 0)
        execute(settings, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trends'")
        events = intake.read()
        assert [type(event) for event in events] == [Trouble]
        assert isinstance(events[0], Trouble)
        assert events[0].error.retriable
        events = intake.read()
        assert [event.offset for event in events if isinstance(event, Message)] == [0, 1, 2, 3, 4]
        assert events[-1] == AtEnd(0)
        assert intake.read() == []
        assert intake.drained({0: 5, 1: 0}, {0: 9, 1: 9}) == {0, 1}
        assert (intake.lag(0, 2), intake.drained({0: 4}, {0: 9})) == (intake.ends([0])[0] - 2, set())


def test_a_table_that_was_filled_again_from_a_recreated_topic_is_refused(settings: Settings) -> None:
    topic = make_topic(settings)
    RecordSender(settings, topic).send([record(number) for number in range(5)])
    feed = weather_feed(topic)
    fill(settings, feed)
    with closing(intake_of(settings, feed)) as intake:
        intake.join(lambda _: None)
        intake.seek(0, 0)
        execute(settings, "UPDATE feed_positions SET topic_id = 'AAAAAAAAAAAAAAAAAAAAAQ'")
        with pytest.raises(OtherTopicError):
            intake.read()
        with pytest.raises(OtherTopicError):
            intake.join(lambda _: None)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"value": None}, {}, 'Add value = { from = "$value", type = "json" }'),
        ({}, {"key": {"from": "$key", "type": "string"}}, "$key"),
        ({}, {"sent": {"from": "$sent", "type": "timestamp"}}, 'Add sent = { from = "$sent", type = "timestamp" }'),
    ],
)
def test_a_reader_that_needs_what_the_table_does_not_hold_is_refused(
    first: dict[str, object], second: dict[str, object], words: str
) -> None:
    def sink(name: str, changes: dict[str, object], origin: str) -> dict[str, object]:
        columns = {key: value for key, value in (COLUMNS | changes).items() if value is not None}
        return {"type": "postgres", "table": name, "from": origin, "columns": columns}

    sinks = {SINK: sink("weather", first, "kafka"), COPY: sink(COPY, second, SINK)}
    source = weather_feed("t").declaration.source
    assert source is not None
    feed = NamedFeed("f", Feed.model_validate({"about": "x", "source": source, "topic": {"name": "t"}, "sinks": sinks}))
    place = PostgresPlace(make_stage(Settings(), feed, SINK))
    with pytest.raises(UsageError) as error:
        place.intake(make_stage(Settings(), feed, COPY))
    assert words in str(error.value)
