"""Which hours there are and how many of each state, on a real replica set: counted there, whatever documents hold."""

from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Settings
from serving.query.query import Query
from serving.views import layer_coverage
from serving.views.documents import HASHTAGS, HOURS, BatchView, Lens
from serving.views.store import Store
from tests.support.views import HOUR, put_use, view


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


def publish(store: Store, hours: int, **of_all: Any) -> None:
    views: list[BatchView] = [replace_view(number, **of_all) for number in range(hours)]
    store.publish_all(views)


def replace_view(number: int, **of_all: Any) -> BatchView:
    return view(1, hour=HOUR.plus(number))._replace(**of_all)


def test_hours_are_counted_by_state_and_rule(store: Store) -> None:
    publish(store, 3)
    publish(store, 5, rule="1+ab", token=2)
    store.mark_dirty([HOUR])
    store.publish_all([replace_view(5, complete=False)])
    put_use(store, "late", 1)  # of an hour that has a document: not live
    put_use(store, "new", 1, HOUR.plus(9))
    with store.snapshot() as snapshot:
        counted = layer_coverage.states(snapshot)
    assert counted == layer_coverage.States(
        live=1, provisional=2, final=4, newest=HOUR.plus(9), rules={"1+ab": 5, "1": 1}
    )


def test_nothing_is_counted_where_there_is_nothing(store: Store) -> None:
    with store.snapshot() as snapshot:
        assert layer_coverage.states(snapshot) == layer_coverage.States(0, 0, 0, None, {})
        assert layer_coverage.extent(snapshot, HASHTAGS) is None
        assert layer_coverage.newest(snapshot, ("speed",), Lens(source="x")) is None


def test_hours_of_one_source_alone_are_bounded_as_those_of_several(store: Store) -> None:
    publish(store, 3, sources=("x",))
    store.publish_all([replace_view(3, sources=("bluesky", "x"))])
    store.publish_all([replace_view(3, lens=Lens(source="x"))])
    store.publish_all([replace_view(4)])
    with store.snapshot() as snapshot:
        found = layer_coverage.extent(snapshot, Lens(source="x"))
        hours = layer_coverage.hours_between(snapshot, "batch", Lens(source="x"), HOUR.plus(1), HOUR.plus(9))
    assert found == layer_coverage.Extent(HOUR, HOUR.plus(3), None)
    assert hours == [HOUR.plus(1), HOUR.plus(2), HOUR.plus(3)]


def test_no_question_about_a_day_takes_more_documents_for_a_longer_history(store: Store) -> None:
    examined = []
    for hours in (40, 400):
        publish(store, hours)
        until = HOUR.plus(30)
        post_filter = {"hour": {"$gte": str(HOUR), "$lt": str(until)}}
        plan = store.database.command(
            "explain",
            {"distinct": HOURS, "key": "hour", "query": post_filter},
            verbosity="executionStats",
        )
        examined.append(plan["executionStats"]["totalKeysExamined"])
        assert len(Query(store).range(HOUR, until, 10).views) == 30
    assert examined[0] == examined[1]


def test_states_are_counted_from_an_index_alone(store: Store) -> None:
    publish(store, 20)
    plan = store.database.command("explain", {
        "aggregate": HOURS, "cursor": {},
        "pipeline": layer_coverage.BY_STATE,
    }, verbosity="executionStats")  # fmt: skip
    assert "'totalDocsExamined': 0" in str(plan)
    assert "IXSCAN" in str(plan)
