"""The store of views, on a real replica set."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from pydantic import SecretStr

from config.errors import NoDataError, UnavailableError, UsageError
from config.settings import MongoSettings, Settings
from serving.query.query import Query
from serving.render.text import caption
from serving.views import indexes
from serving.views.documents import COLLECTIONS, HASHTAGS, SAMPLES, USES, Row
from serving.views.samples import HourSamples, SamplesDocument, SampleStamp, samples_document
from serving.views.store import Store
from tests.support.views import HOUR, put_use, view


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


def test_preparing_twice_changes_nothing(store: Store) -> None:
    store.prepare()
    store.prepare()
    assert {"hours", "uses", "lanes", "progress", "runs"} <= set(store.database.list_collection_names())


def test_a_database_that_is_dropped_has_its_indexes_again_once_a_service_makes_sure_of_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> dict[str, list[str]]:
        return {name: sorted(store.collection(name).index_information()) for name in COLLECTIONS}

    store.prepare()
    before = kept()
    assert "janitor" in before[USES]
    store.client.drop_database(store.settings.database)
    put_use(store, "paris", 1)  # comes back by itself, and bare
    assert "janitor" not in kept()[USES]
    store.stay_prepared()  # not due yet
    assert "janitor" not in kept()[USES]
    monkeypatch.setattr(indexes, "AGAIN_S", 0.0)
    store.stay_prepared()
    assert kept() == before


def test_only_a_newer_run_replaces_a_document(store: Store) -> None:
    assert store.publish_all([view(token=2)])
    assert not store.publish_all([view(token=1, count=99)])
    assert Query(store).hour(HOUR, 10).uses == 6
    assert store.publish_all([view(token=3, count=7)])
    assert Query(store).hour(HOUR, 10).uses == 8


def test_a_repeated_publish_of_the_same_run_is_still_published(store: Store) -> None:
    assert store.publish_all([view(token=2)])
    assert store.publish_all([view(token=2)]), "a lost reply and a resend must not look like a defeat"


def test_several_hours_are_published_at_once_and_the_refused_are_not_counted(store: Store) -> None:
    store.publish_all([view(token=5)])
    assert store.publish_all([view(4), view(4, hour=HOUR.plus(1)), view(4, hour=HOUR.plus(2))]) == 2


def test_a_publish_holds_the_samples_of_a_few_hours_at_once(store: Store) -> None:
    held: list[int] = []

    def samples() -> Iterator[SamplesDocument]:
        stamp = SampleStamp("2", "run", 1, 0, ("archive",))
        for number in range(100):
            held.append(number - store.collection(SAMPLES).count_documents({}))
            yield samples_document(HOUR.plus(number), HASHTAGS, HourSamples(1, 0, ()), stamp)

    store.publish_all([view(1)], samples())
    assert store.collection(SAMPLES).count_documents({}) == 100
    assert max(held) < 32


def test_a_dirty_or_incomplete_hour_is_provisional_until_it_is_replaced(store: Store) -> None:
    store.publish_all([view(1)._replace(complete=False)])
    assert Query(store).hour(HOUR, 10).state == "provisional"
    store.publish_all([view(2)])
    assert Query(store).hour(HOUR, 10).state == "final"
    store.mark_dirty([HOUR])
    assert Query(store).hour(HOUR, 10).state == "provisional"
    store.publish_all([view(3)])
    assert Query(store).hour(HOUR, 10).state == "final"


def test_an_hour_without_a_document_is_answered_by_the_speed_layer(store: Store) -> None:
    for tag, count in [("b", 3), ("a", 3), ("z", 9), ("c", 3), ("d", 1)]:
        put_use(store, tag, count)
    answer = Query(store).hour(HOUR, 2)
    assert [(row.tag, row.count) for row in answer.rows] == [("z", 9), ("a", 3)]
    assert (answer.origin, answer.state, answer.tied_beyond, answer.uses, answer.tags) == ("speed", "live", 2, 19, 5)
    assert answer.posts is None


def test_hostile_tags_are_values_and_nothing_else(store: Store) -> None:
    tags = ["$inc", "a.b", "../..", "#LATEST", "<script>", "x" * 10_000, "|", "\u202e"]
    for at, tag in enumerate(tags):
        put_use(store, tag, at + 1)
    assert [row.tag for row in Query(store).hour(HOUR, 20).rows] == tags[::-1]
    rows = tuple(Row(tag, tag, 1) for tag in tags)
    store.publish_all([view(1)._replace(rows=rows)])
    assert [row.tag for row in Query(store).hour(HOUR, 20).rows] == tags


def test_no_data_says_which_hours_there_are(store: Store) -> None:
    with pytest.raises(NoDataError, match="No hour has data yet"):
        Query(store).hour(HOUR, 10)
    store.publish_all([view(1)])
    with pytest.raises(NoDataError, match="2017-01-06T07"):
        Query(store).hour(HOUR.plus(1), 10)


def test_one_layer_can_be_asked_alone(store: Store) -> None:
    store.publish_all([view(1)])
    put_use(store, "paris", 8)
    assert Query(store).hour(HOUR, 10).rows[0].count == 5
    assert Query(store, "speed").hour(HOUR, 10).rows[0].count == 8
    store.drop_all_uses([HOUR])
    with pytest.raises(NoDataError):
        Query(store, "speed").hour(HOUR, 10)


def test_a_range_takes_each_hour_from_one_layer_and_lists_the_holes(store: Store) -> None:
    store.publish_all([view(1)])
    put_use(store, "rain", 4, HOUR)  # a replay brought it back: never read
    put_use(store, "rain", 4, HOUR.plus(2))
    answer = Query(store).range(HOUR, HOUR.plus(4), 10)
    assert [(row.tag, row.count) for row in answer.rows] == [("paris", 5), ("rain", 5)]
    assert answer.missing == (HOUR.plus(1), HOUR.plus(3))
    assert (answer.origin, answer.state, answer.max_error) == ("mixed", "live", 0)
    assert caption(answer).startswith("both layers, live")
    with pytest.raises(UsageError):
        Query(store).range(HOUR, HOUR, 10)


def test_a_reader_sees_the_speed_rows_or_the_document_and_nothing_between(store: Store) -> None:
    tags = [f"t{at:03d}" for at in range(300)]
    for tag in tags:
        put_use(store, tag, 2)
    live = Query(store).hour(HOUR, 10)
    batch = view(1)._replace(rows=tuple(Row(tag, tag, 1) for tag in tags), uses=300, tags=300)
    seen = []
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            seen.append(Query(store).hour(HOUR, 10))

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        while len(seen) < 5:
            done.wait(0.01)
        store.publish_all([batch])
        store.drop_all_uses([HOUR])
        before = len(seen)
        while len(seen) < before + 5:
            done.wait(0.01)
    finally:
        done.set()
        reader.join()
    assert {(each.origin, each.uses, each.tags) for each in seen} == {("speed", 600, 300), ("batch", 300, 300)}
    assert all(not (one.origin == "batch" and two.origin == "speed") for one, two in pairwise(seen))
    assert seen[0] == replace(live)


def test_a_server_that_is_not_there_is_told_in_bounded_time_without_the_password() -> None:
    away = MongoSettings(uri=SecretStr("mongodb://me:hush@127.0.0.1:1/?replicaSet=rs0"), timeout_s=0.5)
    with Store(away) as gone, pytest.raises(UnavailableError) as refused:
        Query(gone).hour(HOUR, 10)
    assert "hush" not in str(refused.value)
    with pytest.raises(UsageError) as refused_too:
        Store(MongoSettings(uri=SecretStr("nonsense://me:hush@x")))
    assert "hush" not in str(refused_too.value)


def test_a_day_a_riser_and_a_history_are_read_as_ranges_are(store: Store) -> None:
    store.publish_all([view(1)])
    store.publish_all([view(1, count=9, hour=HOUR.plus(1))])
    put_use(store, "rain", 4, HOUR.plus(1))  # a replay brought it back: never read
    put_use(store, "rain", 4, HOUR.plus(2))
    query = Query(store)

    day = query.day(HOUR.plus(1), HOUR.plus(4), 10)
    assert [[(cell.row.tag, cell.move) for cell in line.cells] for line in day.lines] == [
        [("paris", "same"), ("rain", "same")],
        [("rain", "up")],
        [],
    ]
    assert [each.row.tag for each in query.rising(HOUR.plus(2), 2, 10, least=0).risers] == ["rain"]
    assert [point.count for point in query.history("rain", HOUR, HOUR.plus(4)).points] == [1, 1, 4, None]
    assert [point.count for point in Query(store, "batch").history("rain", HOUR, HOUR.plus(4)).points][2:] == [None] * 2


def test_a_question_about_nothing_is_told(store: Store) -> None:
    store.publish_all([view(1)])
    query = Query(store)
    with pytest.raises(NoDataError, match="2017-01-06T07"):
        query.day(HOUR.plus(1), HOUR.plus(3), 10)
    with pytest.raises(NoDataError, match="2017-01-06T07"):
        query.rising(HOUR.plus(1), 24, 10)
    with pytest.raises(NoDataError, match="to compare"):
        query.rising(HOUR, 24, 10)
    with pytest.raises(NoDataError, match="no data for #\\\\u202elondon"):
        query.history("\u202elondon", HOUR, HOUR.plus(1))
    with pytest.raises(UsageError):
        query.day(HOUR, HOUR, 10)
