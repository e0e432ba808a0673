"""The batch layer on real servers: Spark reads HDFS, MongoDB holds what it computed."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyspark.sql.classic.dataframe import DataFrame

from batch_layer.archive import avro
from batch_layer.archive.compaction import Compaction
from batch_layer.archive.reading.coverage import CoversLessError, StrandedError
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.plan import Span
from batch_layer.publish import HourResult, Stamp, publish, sweep
from batch_layer.rank import PostFields, rank_hour
from batch_layer.runner import RunObserver
from batch_layer.runs.outcome import PartlyDoneError
from batch_layer.runs.run_ledger import BusyError, Job, Run, RunLedger, StoppedError
from batch_layer.spark.job import SparkFailedError
from batch_layer.storage.webhdfs import HdfsStore
from bench.inputs.archive_writer import ArchiveWriter
from config.errors import FencedError
from config.settings import Settings
from ingest.hours import moment_of, wall_clock
from ingest.rule.hashtags import AS_IS, Rule
from serving.views.documents import ARCHIVES, HOURS, RUNS, TOPS, Row
from serving.views.store import Store
from tests.support import oracle
from tests.support.batch import (
    FIRST,
    Layers,
    as_bytes,
    documents,
    post,
    run_missing,
    speed_hours,
    speed_row,
    top,
)
from tests.support.posts import recorded_posts
from tests.support.wait import until

BOSTON = "crisislex_t6/2013_Boston_Bombings-ontopic_offtopic.csv"


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as store:
        yield store


def test_every_hour_of_the_recorded_posts_equals_the_oracle(
    settings: Settings, layer: Layers, store: Store, test_data: Path
) -> None:
    posts = list(recorded_posts(test_data / BOSTON))
    archive = ArchiveWriter(settings)
    for partition in range(2):
        archive.add(partition, posts[partition::2])
    archive.add(2, posts[:300])  # sent again

    batch = layer()
    outcome = batch.run(batch.plan_missing())

    sent = list(oracle.posts_of_csv(test_data / BOSTON))
    expected = oracle.count(sent, once=True)
    there = documents(store)
    assert {str(hour): top(document) for hour, document in there.items()} == {
        hour: oracle.top(counts, 1_000) for hour, counts in expected.items()
    }
    assert sum(each["posts"] for each in there.values()) == len({each.id for each in sent})
    assert all(each["uses"] == expected[each["hour"]].total() for each in there.values())
    assert all(each["complete"] and not each["dirty"] and each["tied_beyond"] == 0 for each in there.values())
    assert len(outcome.hours) == len(expected)
    assert not layer().plan_missing().hours


def test_compacted_hours_are_not_shuffled_and_give_the_same_documents(
    settings: Settings, layer: Layers, store: Store, test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffles: list[int] = []

    def counted(posts: DataFrame, partitions: int, *columns: str) -> DataFrame:
        shuffles.append(partitions)
        return repartition(posts, partitions, *columns)

    repartition = DataFrame.repartition
    monkeypatch.setattr(DataFrame, "repartition", counted)
    posts = list(recorded_posts(test_data / BOSTON))
    archive = ArchiveWriter(settings)
    for partition in range(2):
        archive.add(partition, posts[partition::2])
    archive.add(2, posts[:300])  # sent again
    run_missing(layer())
    assert len(shuffles) == 1
    apart = documents(store)

    batch = layer()
    batch.ledger.refresh()
    Compaction(batch.ledger, settings.archive, 2_000_000_000_000).run(list(apart))
    batch.run(batch.plan_range(Span(None, None)))

    assert len(shuffles) == 1
    assert {hour: _counted(document) for hour, document in documents(store).items()} == {
        hour: _counted(document) for hour, document in apart.items()
    }
    batch.run(batch.plan_hour(FIRST.plus(8)))  # one file, which Spark may give to several tasks
    assert len(shuffles) == 2
    assert _counted(documents(store)[FIRST.plus(8)]) == _counted(apart[FIRST.plus(8)])


def _counted(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in ("top", "uses", "tags", "posts", "tied_beyond")}


def test_spark_ranks_as_the_pure_definition_does(settings: Settings, layer: Layers, store: Store) -> None:
    texts = ["#Ａ #a", "＃東京 no", "plain", "#été #ETE #Été", "#x" * 3, "#\U00010400 #_1", "a.b/#no #ye\u0301s", ""]
    posts = [
        post(at % 11, at % 2, texts[at % len(texts)], ("Native", "#a") if at % 7 == 0 else None) for at in range(60)
    ]
    archive = ArchiveWriter(settings)
    for partition in range(3):
        archive.add(partition, posts[partition * 20 : partition * 20 + 10])
        archive.add(partition, posts[partition * 20 + 10 : partition * 20 + 20])

    run_missing(layer())

    for hour, document in documents(store).items():
        arrived = [PostFields(each.source, each.id, each.text, each.tags) for each in posts if each.hour == hour]
        pure = rank_hour(arrived, AS_IS, settings.batch.keep)
        assert tuple(Row(**row) for row in document["top"]) == pure.rows
        assert (document["uses"], document["tags"], document["posts"]) == (pure.uses, pure.tags, pure.posts)


def test_of_a_post_in_two_files_the_first_arrival_counts(settings: Settings, layer: Layers, store: Store) -> None:
    archive = ArchiveWriter(settings)
    archive.add(1, [post(1, 0, "#second"), post(2, 0, "#two")])
    archive.add(0, [post(1, 0, "#first"), post(3, 0, "no hashtag")])
    archive.add(0, [post(3, 0, "#third")])
    run_missing(layer())
    document = documents(store)[FIRST]
    assert (top(document), document["posts"]) == ([("first", 1), ("two", 1)], 3)


def test_an_hour_without_hashtags_gets_a_document(settings: Settings, layer: Layers, store: Store) -> None:
    ArchiveWriter(settings).add(0, [post(1, 0, "plain")])
    run_missing(layer())
    document = documents(store)[FIRST]
    assert (document["top"], document["uses"], document["posts"], document["complete"]) == ([], 0, 1, True)


@pytest.mark.parametrize("cut", ["between two blocks", "inside a block"])
def test_a_cut_file_is_seen_and_all_other_hours_are_computed(
    settings: Settings, layer: Layers, store: Store, cut: str
) -> None:
    archive = ArchiveWriter(settings)
    parts = archive.add(0, [post(at, at % 3, f"#t{at} {'x' * 50}") for at in range(90)])
    path = archive.paths.absolute(parts[1].path)
    whole = archive.store.get(path) or b""
    with archive.store.open(path) as file:
        records = [avro.in_millis(each) for each in avro.read(file, path)]
    archive.store.put(path, avro.encode(records[:20], "deflate") if cut.startswith("between") else whole[:-300])

    batch = layer()
    with pytest.raises(PartlyDoneError, match=r"2013-04-15T13"):
        run_missing(batch)

    assert set(documents(store)) == {FIRST, FIRST.plus(2)}
    assert store.collection(RUNS).find_one()["state"] == "failed"  # type: ignore[index]
    archive.store.put(path, whole)
    run_missing(batch)
    assert set(documents(store)) == {FIRST, FIRST.plus(1), FIRST.plus(2)}


def test_a_file_that_compaction_replaced_meanwhile_is_looked_up_again(
    settings: Settings, layer: Layers, store: Store
) -> None:
    archive = ArchiveWriter(settings)
    archive.add(0, [post(1, 0, "#a")])
    archive.add(1, [post(2, 0, "#a #b")])
    batch = layer()
    plan = batch.plan_missing()
    ledger = Ledger(settings.hdfs, settings.archive, settings.kafka.posts)
    at_once = settings.archive.model_copy(update={"keep_replaced_s": 0})
    for hours in ([FIRST], []):
        ledger.refresh()
        Compaction(ledger, at_once, 2_000_000_000_000).run(hours)
    assert len(ledger.parts(FIRST)) == 1

    batch.run(plan)

    assert top(documents(store)[FIRST]) == [("a", 2), ("b", 1)]


def test_a_late_post_makes_its_hour_dirty_and_the_next_run_mends_it(
    settings: Settings, layer: Layers, store: Store
) -> None:
    archive = ArchiveWriter(settings)
    archive.add(0, [post(1, 0, "#a"), post(2, 1, "#b")])
    batch = layer()
    run_missing(batch)
    untouched = as_bytes(store, [FIRST.plus(1)])
    archive.add(1, [post(3, 0, "#late")])

    plan = batch.plan_missing()
    assert [(each.hour, each.state) for each in plan.hours] == [(FIRST, "dirty")]
    told: list[bool] = []
    batch.run(plan, observer=RunObserver(threading.Event(), lambda *_: told.append(True)))

    assert top(documents(store)[FIRST]) == [("a", 1), ("late", 1)]
    assert told == [True]
    assert not batch.plan_missing().hours
    assert as_bytes(store, [FIRST.plus(1)]) == untouched


def test_a_document_that_covers_more_than_the_archive_stays_unless_somebody_allows_less(
    settings: Settings, layer: Layers, store: Store
) -> None:
    archive = ArchiveWriter(settings)
    archive.add(0, [post(1, 0, "#a"), post(2, 1, "#b")])
    archive.add(1, [post(3, 0, "#a"), post(4, 1, "#b")])
    run_missing(layer())
    before = as_bytes(store, [FIRST, FIRST.plus(1)])
    archive.store.delete(archive.paths.commit(1, 0))

    batch = layer()
    plan = batch.plan_range(Span(None, None))
    for refused in (batch.run, batch.preview):
        with pytest.raises(PartlyDoneError, match=r"covers partition 1 up to offset 3, and this run up to 0") as told:
            refused(plan)
        assert (told.value.outcome.hours, len(told.value.outcome.failed)) == ([], 2)
    with pytest.raises(CoversLessError):
        batch.run(plan, reset=True)
    assert as_bytes(store, before) == before, "an hour was replaced by one that lacks posts"

    batch.run(batch.plan_hour(FIRST), allow_less=True)
    assert top(documents(store)[FIRST]) == [("a", 1)]
    assert as_bytes(store, [FIRST.plus(1)]) == {FIRST.plus(1): before[FIRST.plus(1)]}
    batch.run(batch.plan_range(Span(None, None)), allow_less=True, reset=True, resume=False)
    assert top(documents(store)[FIRST.plus(1)]) == [("b", 1)]


def test_an_hour_in_progress_is_provisional_keeps_its_speed_rows_and_is_final_once_complete(
    settings: Settings, layer: Layers, store: Store
) -> None:
    ArchiveWriter(settings).add(0, [post(1, 0, "#a"), post(2, 1, "#b")])
    for hour in (FIRST, FIRST.plus(1)):
        speed_row(store, hour, "a")
    early = layer(until=FIRST.plus(1))
    early.run(early.plan_hour(FIRST.plus(1)))
    assert not documents(store)[FIRST.plus(1)]["complete"]
    assert speed_hours(store) == {FIRST, FIRST.plus(1)}

    plan = run_missing(layer())

    assert [each.state for each in plan.hours] == ["missing", "provisional"]
    assert documents(store)[FIRST.plus(1)]["complete"]
    assert speed_hours(store) == set()


def test_a_corrected_rule_changes_the_hours_since_then_and_leaves_those_before_byte_for_byte(
    settings: Settings, layer: Layers, store: Store
) -> None:
    ArchiveWriter(settings).add(0, [post(at, at % 4, "#spam #ham" if at % 8 < 4 else "#spam") for at in range(40)])
    run_missing(layer())
    hours = [FIRST.plus(at) for at in range(4)]
    before = as_bytes(store, hours)
    rule = Rule.with_corrections(ignore=["spam"], aliases={})

    with_corrections = layer(rule)
    plan = with_corrections.plan_range(Span(FIRST.plus(2), None))
    preview = with_corrections.preview(plan)
    assert before == as_bytes(store, hours), "a preview writes nothing"
    assert store.collection(RUNS).count_documents({}) == 1
    outcome = with_corrections.run(plan)

    assert (preview.changes, preview.hours, preview.run) == (outcome.changes, outcome.hours, "")
    after = as_bytes(store, hours)
    assert [before[hour] == after[hour] for hour in hours] == [True, True, False, False]
    assert [top(each) for each in documents(store).values()][2:] == [[("ham", 5)]] * 2
    assert {each["rule"] for hour, each in documents(store).items() if hour >= hours[2]} == {rule.version}
    assert [(each.hour, each.entered, each.left) for each in outcome.changes] == [
        (hour, (), ("spam",)) for hour in hours[2:]
    ]


def test_two_runs_of_one_job_at_once_are_one_and_a_refusal(settings: Settings, store: Store) -> None:
    runs = [RunLedger(store, 60, owner=f"{at}:1") for at in range(2)]
    job = Job("hour", FIRST, FIRST.plus(1), "1")
    with runs[0].start(job, reach=FIRST) as first:
        with pytest.raises(BusyError, match="already being computed by 0:1 since"):
            runs[1].start(job, reach=FIRST)
        other = runs[1].start(Job("hour", FIRST.plus(1), FIRST.plus(2), "1"), reach=FIRST)
        assert other.token > first.token
    again = runs[1].start(job, reach=FIRST)
    assert (again.attempt, again.token > other.token) == (1, True)


def test_two_runs_of_one_hour_at_once_end_in_the_same_document(settings: Settings, layer: Layers, store: Store) -> None:
    ArchiveWriter(settings).add(0, [post(1, 0, "#a")])
    batches = [layer() for _ in range(2)]
    plans = [batches[0].plan_hour(FIRST), batches[1].plan_range(Span(FIRST, None))]
    threads = [threading.Thread(target=batch.run, args=(plan,)) for batch, plan in zip(batches, plans, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert top(documents(store)[FIRST]) == [("a", 1)]
    runs = list(store.collection(RUNS).find())
    assert [each["state"] for each in runs] == ["done", "done"]
    assert documents(store)[FIRST]["token"] == max(each["token"] for each in runs)


def test_a_run_that_was_taken_for_dead_publishes_nothing_over_its_successor(settings: Settings, store: Store) -> None:
    job = Job("recompute", FIRST, None, "1")
    zombie = RunLedger(store, 0.05).start(job, reach=FIRST)  # it never renews
    successor = until(lambda: _started(RunLedger(store, 60), job))
    assert (successor.id, successor.attempt) == (zombie.id, 2)
    ranked = {text: rank_hour([PostFields("x", "1", text, None)], AS_IS, 10) for text in ("#new", "#old")}

    publish(store, [HourResult(FIRST, ranked["#new"], (1,), True)], Stamp(successor.id, successor.token, "1"), 2)
    late = publish(store, [HourResult(FIRST, ranked["#old"], (1,), True)], Stamp(zombie.id, zombie.token, "1"), 1)

    assert late.refused == 1
    assert top(documents(store)[FIRST]) == [("new", 1)]
    with pytest.raises(FencedError):
        zombie.tell(hours_done=1)


def test_many_first_writes_of_one_hour_at_once_end_in_that_of_the_largest_token(settings: Settings) -> None:
    def write(token: int) -> None:
        ranked = rank_hour([PostFields("x", "1", f"#t{token}", None)], AS_IS, 10)
        with Store(settings.mongo) as own:
            publish(own, [HourResult(FIRST, ranked, (1,), True)], Stamp(f"r{token}", token, "1"), 1)

    threads = [threading.Thread(target=write, args=(token,)) for token in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store(settings.mongo) as store:
        assert top(documents(store)[FIRST]) == [("t8", 1)]


def test_the_full_history_begins_with_nothing_and_leaves_rows_of_hours_in_progress(
    settings: Settings, layer: Layers, store: Store
) -> None:
    ArchiveWriter(settings).add(0, [post(at, at % 3, "#a") for at in range(9)])
    batch = layer(until=FIRST.plus(2))
    batch.run(batch.plan_hour(FIRST.plus(2)))
    run_missing(batch)
    store.collection(HOURS).insert_one({"_id": "batch|2001-01-01T00", "hour": "2001-01-01T00", "run": "x", "token": 1})
    for hour in (FIRST, FIRST.plus(2)):
        speed_row(store, hour, "a")

    with_corrections = layer(Rule.with_corrections(ignore=[], aliases={"a": "b"}), until=FIRST.plus(2))
    plan = with_corrections.plan_range(Span(None, None))
    preview = with_corrections.preview(plan)
    outcome = with_corrections.run(plan, reset=True)

    assert [(each.hour, each.entered, each.left) for each in outcome.changes] == [
        (FIRST, ("b",), ("a",)), (FIRST.plus(1), ("b",), ("a",))
    ]  # fmt: skip
    assert preview.changes == outcome.changes
    assert set(documents(store)) == {FIRST, FIRST.plus(1)}
    assert {each["run"] for each in documents(store).values()} == {outcome.run}
    assert {each["hour"] for each in store.collection(TOPS).find()} == {str(FIRST), str(FIRST.plus(1))}, "tombstones"
    assert speed_hours(store) == {FIRST.plus(2)}


def test_a_stopped_recomputation_goes_on_with_what_it_had_not_published(
    settings: Settings, layer: Layers, store: Store
) -> None:
    small = settings.model_copy(update={"batch": settings.batch.model_copy(update={"slice_posts": 3})})
    ArchiveWriter(settings).add(0, [post(at, at % 6, "#a") for at in range(18)])
    batch = layer(settings=small)
    stop = threading.Event()

    def tell(hours: int, _posts: int) -> None:
        if hours == 2:
            stop.set()

    with pytest.raises(StoppedError):
        batch.run(batch.plan_range(Span(FIRST, None)), observer=RunObserver(stop, tell))
    first = as_bytes(store, list(documents(store)))
    outcome = batch.run(batch.plan_range(Span(FIRST, None)))

    assert (outcome.resumed, len(outcome.hours)) == (2, 4)
    assert as_bytes(store, first) == first
    run = store.collection(RUNS).find_one() or {}
    assert (run["state"], run["attempt"], run["hours_done"], run["hours_planned"]) == ("done", 2, 6, 6)
    assert batch.run(batch.plan_range(Span(FIRST, None)), resume=False).resumed == 0


def test_speed_rows_that_came_back_after_a_publish_are_swept(settings: Settings, layer: Layers, store: Store) -> None:
    ArchiveWriter(settings).add(0, [post(1, 0, "#a"), post(2, 1, "#a")])
    run_missing(layer(until=FIRST.plus(1)))
    for hour in (FIRST, FIRST.plus(1)):
        speed_row(store, hour, "a")
    assert sweep(store) == 1
    assert speed_hours(store) == {FIRST.plus(1)}


def test_hdfs_that_is_down_is_told_and_damages_nothing(settings: Settings, layer: Layers, store: Store) -> None:
    ArchiveWriter(settings).add(0, [post(1, 0, "#a")])
    batch = layer()
    plan = batch.plan_missing()
    gone = settings.hdfs.model_copy(update={"name_node": "hdfs://127.0.0.1:1", "url": "http://127.0.0.1:1"})
    batch.settings = settings.model_copy(update={"hdfs": gone})
    with pytest.raises(SparkFailedError, match="Connection refused"):
        batch.run(plan)
    assert not documents(store)


def _started(runs: RunLedger, job: Job) -> Run | None:
    try:
        return runs.start(job, reach=FIRST)
    except BusyError:
        return None


# Two archives: a topic was recreated, and its posts go to another folder

LAST = FIRST.plus(1_000)


def rooted(settings: Settings, root: str, *earlier: str) -> Settings:
    """The settings with another archive."""
    return settings.model_copy(update={"hdfs": settings.hdfs.model_copy(update={"root": root, "earlier": earlier})})


def archive_in_turn(settings: Settings, layer: Layers, test_data: Path) -> Settings:
    """Most posts are computed; the topic is recreated; late ones go to a new archive, and an edit of a former one."""
    posts = list(recorded_posts(test_data / BOSTON))
    ArchiveWriter(settings).add(0, posts[500:])
    run_missing(layer(until=LAST))
    other = rooted(settings, f"{settings.hdfs.root}-2")
    edited = msgspec.structs.replace(posts[500], text="#edited")
    ArchiveWriter(other).add(0, [edited, *posts[:500]])
    return other


def test_late_posts_in_the_archive_of_a_recreated_topic_are_counted_with_those_of_the_former(
    settings: Settings, layer: Layers, store: Store, test_data: Path
) -> None:
    other = archive_in_turn(settings, layer, test_data)
    batch = layer(until=LAST, settings=other)
    plan = run_missing(batch)
    expected = oracle.count(list(oracle.posts_of_csv(test_data / BOSTON)), once=True)
    there = documents(store)
    assert {str(hour): top(document) for hour, document in there.items()} == {
        hour: oracle.top(counts, 1_000) for hour, counts in expected.items()
    }
    assert {each.state for each in plan.hours} == {"dirty"}
    new, old = batch.ledger.origin.archive, batch.history.earlier[0].origin.archive
    changed = [there[each.hour] for each in plan.hours]
    assert {(each["archive"], tuple(each["earlier"])) for each in changed} == {(new, (old,))}
    assert [(run["archive"]) for run in store.collection(RUNS).find().sort("token")] == [old, new]
    assert not layer(until=LAST, settings=other).plan_missing().hours
    assert not layer(until=LAST, settings=other).plan_missing().stranded

    batch.run(batch.plan_range(Span(None, None)), reset=True)  # all of history is still computed
    assert {str(hour): top(document) for hour, document in documents(store).items()} == {
        hour: oracle.top(counts, 1_000) for hour, counts in expected.items()
    }


def test_an_hour_is_left_as_it_is_while_one_of_its_archives_cannot_be_read(
    settings: Settings, layer: Layers, store: Store, test_data: Path
) -> None:
    other = archive_in_turn(settings, layer, test_data)
    away = f"{settings.hdfs.root}-moved"
    hdfs = HdfsStore(settings.hdfs)
    assert hdfs.rename(settings.hdfs.root, away)
    before = as_bytes(store, documents(store))
    batch = layer(until=LAST, settings=other)
    plan = batch.plan_missing()
    stranded = [each.hour for each, _ in plan.stranded]
    assert stranded
    assert not plan.hours
    with pytest.raises(StrandedError, match=f"which lay in {settings.hdfs.root},"):
        batch.check(plan)
    assert as_bytes(store, documents(store)) == before

    named = layer(until=LAST, settings=rooted(other, other.hdfs.root, away))
    assert [each.hour for each in named.plan_missing().hours] == stranded
    moved = layer(until=LAST, settings=rooted(settings, away))
    assert not moved.plan_missing().hours, "the id has travelled with the folder: what was computed is final"


def test_documents_of_the_version_before_name_no_archive_and_their_late_posts_are_counted_too(
    settings: Settings, layer: Layers, store: Store, test_data: Path
) -> None:
    other = archive_in_turn(settings, layer, test_data)
    fields = dict.fromkeys(("archive", "topic_id", "earlier"), "")
    store.collection(HOURS).update_many({}, {"$unset": fields, "$set": {"computed_at": moment_of(wall_clock())}})
    store.collection(ARCHIVES).delete_many({})
    for root in (settings.hdfs.root, other.hdfs.root):
        HdfsStore(settings.hdfs).delete(f"{root}/_identity", everything_below=True)
    assert not layer(until=LAST).plan_missing().hours, "the archive is adopted, and its documents are final"
    HdfsStore(settings.hdfs).delete(f"{settings.hdfs.root}/_identity", everything_below=True)
    store.collection(ARCHIVES).delete_many({})

    ArchiveWriter(other).add(1, [])  # so it is an archive of the version before as well
    batch = layer(until=LAST, settings=other)
    assert {archive for _, archive in batch.plan_missing().stranded} == {"?"}
    named = layer(until=LAST, settings=rooted(other, other.hdfs.root, settings.hdfs.root))
    run_missing(named)
    expected = oracle.count(list(oracle.posts_of_csv(test_data / BOSTON)), once=True)
    assert {str(hour): top(document) for hour, document in documents(store).items()} == {
        hour: oracle.top(counts, 1_000) for hour, counts in expected.items()
    }
