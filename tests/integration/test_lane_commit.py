"""The transaction that counts, on a real MongoDB."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import get_args

import pytest
from pydantic import SecretStr
from pymongo import uri_parser

from config.errors import UnavailableError
from config.settings import MongoSettings, Settings
from ingest.hours import Hour, moment_of, wall_clock
from ingest.rule.kinds import Phrase
from serving.query.query import Query
from serving.views.documents import LANES, PHRASE_USES, USES, Lens
from serving.views.layer_coverage import hours_between
from serving.views.store import Store
from speed_layer.lane_commit import MongoLanes, Verdict, commit_updates
from speed_layer.lane_update import NO_LANE, Counts, LaneUpdate, hour_of_kind
from speed_layer.lanes import Lanes

SEVEN, EIGHT = "2017-01-06T07", "2017-01-06T08"
ODD_TAGS = ("$inc", "a.b", "../..", "nul\x00", "été", "𝔰", "x" * 10_000, "|", "")


def update(since: int, until: int, hour: str = SEVEN, start: int = 0, partition: int = 3, **counts: int) -> LaneUpdate:
    told: Counts = {tag: (count, tag.title()) for tag, count in counts.items()}
    return LaneUpdate(hour, partition, start, since, until, told)


def lanes_of(store: Store, topic: str = "hashtags") -> MongoLanes:
    return MongoLanes(store, topic, timedelta(days=7), wall_clock)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as store:
        yield store


@pytest.fixture
def lanes(store: Store) -> MongoLanes:
    return lanes_of(store)


def counted(store: Store) -> Counter[tuple[str, str]]:
    return Counter({(use["hour"], use["tag"]): use["count"] for use in store.collection(USES).find()})


def test_an_update_moves_its_lane_and_adds_its_uses(store: Store, lanes: MongoLanes) -> None:
    assert commit_updates(lanes, [update(NO_LANE, 10, paris=2)]) == [Verdict.COUNTED]
    assert commit_updates(lanes, [update(10, 25, paris=1, rome=1)]) == [Verdict.COUNTED]
    assert counted(store) == {(SEVEN, "paris"): 3, (SEVEN, "rome"): 1}
    row = store.collection(USES).find_one({"_id": f"{SEVEN}|paris"})
    assert row is not None
    assert (row["shown"], row["origin"]) == ("Paris", "speed")
    with store.snapshot() as snapshot:
        assert [row.tag for row in snapshot.speed_rows(Hour.parse(SEVEN))] == ["paris", "rome"]


def test_an_update_of_phrases_has_its_own_lane_and_rows_and_touches_no_hashtag(store: Store, lanes: MongoLanes) -> None:
    bigrams = hour_of_kind(SEVEN, "bigram")
    updates = [update(NO_LANE, 10, paris=2), update(NO_LANE, 10, bigrams, paris=5)]
    assert commit_updates(lanes, updates) == [Verdict.COUNTED] * 2
    assert commit_updates(lanes, [update(10, 20, bigrams, paris=1, rome=1)]) == [Verdict.COUNTED]
    assert commit_updates(lanes, updates) == [Verdict.COUNTED_ALREADY] * 2
    assert counted(store) == {(SEVEN, "paris"): 2}
    hour = Hour.parse(SEVEN)
    with store.snapshot() as snapshot:
        assert [(row.tag, row.count) for row in snapshot.speed_rows(hour, kind="bigram")] == [("paris", 6), ("rome", 1)]
        assert snapshot.speed_totals(hour, 1, "bigram") == (7, 2, 1)
        assert [hours_between(snapshot, "speed", Lens(kind), hour, hour.plus(1)) for kind in get_args(Phrase)] == [
            [hour],
            [],
        ]
    live = Query(store, lens=Lens("bigram")).hour(hour, 1)
    assert (live.origin, live.lens.kind, live.uses, live.rows[0].tag) == ("speed", "bigram", 7, "paris")
    store.drop_all_uses([hour])
    assert not store.collection(PHRASE_USES).count_documents({})


def test_an_update_that_comes_again_is_counted_already(store: Store, lanes: MongoLanes) -> None:
    first, second = update(NO_LANE, 10, paris=2), update(10, 20, paris=1)
    commit_updates(lanes, [first, second])
    assert commit_updates(lanes, [first]) == [Verdict.COUNTED_ALREADY]
    assert commit_updates(lanes, [second]) == [Verdict.COUNTED_ALREADY]
    assert counted(store) == {(SEVEN, "paris"): 3}


@pytest.mark.parametrize("since", [NO_LANE, 5, 12])
def test_an_update_of_a_zombie_with_other_boundaries_is_refused(store: Store, lanes: MongoLanes, since: int) -> None:
    commit_updates(lanes, [update(NO_LANE, 10, paris=2)])
    assert commit_updates(lanes, [update(since, 30, paris=9)]) == [Verdict.REFUSED]
    assert counted(store) == {(SEVEN, "paris"): 2}


def test_several_lanes_are_counted_in_one_transaction(store: Store, lanes: MongoLanes) -> None:
    updates = [update(NO_LANE, 10, hour, partition=partition, x=1) for hour in (SEVEN, EIGHT) for partition in range(3)]
    assert lanes.commit(updates)
    assert counted(store) == {(SEVEN, "x"): 3, (EIGHT, "x"): 3}
    assert store.collection(LANES).count_documents({}) == 6


def test_one_stale_lane_undoes_the_transaction_and_the_others_are_counted_one_by_one(
    store: Store, lanes: MongoLanes
) -> None:
    commit_updates(lanes, [update(NO_LANE, 10, EIGHT, old=1)])
    updates = [
        update(NO_LANE, 10, paris=1),
        update(7, 20, EIGHT, stale=1),
        update(NO_LANE, 10, "2017-01-06T09", rome=1),
    ]
    assert not lanes.commit(updates)
    assert counted(store) == {(EIGHT, "old"): 1}
    assert commit_updates(lanes, updates) == [Verdict.COUNTED, Verdict.REFUSED, Verdict.COUNTED]
    assert counted(store) == {(EIGHT, "old"): 1, (SEVEN, "paris"): 1, ("2017-01-06T09", "rome"): 1}


def test_a_lane_twice_in_one_commit_is_counted_in_order(store: Store, lanes: MongoLanes) -> None:
    updates = [update(NO_LANE, 10, paris=1), update(10, 20, paris=1), update(NO_LANE, 10, paris=1)]
    assert commit_updates(lanes, updates) == [Verdict.COUNTED, Verdict.COUNTED, Verdict.COUNTED_ALREADY]
    assert counted(store) == {(SEVEN, "paris"): 2}


def test_a_lane_that_was_swept_is_not_made_anew_by_a_zombie(store: Store, lanes: MongoLanes) -> None:
    zombie = update(NO_LANE, 10, paris=2)
    commit_updates(lanes, [zombie])
    progress = Lanes(store, "hashtags")
    progress.save({3: 10})
    assert progress.sweep(3, 10, wall_moment_in(days=8), 100) == [SEVEN]
    assert commit_updates(lanes, [zombie]) == [Verdict.REFUSED]
    assert commit_updates(lanes, [update(NO_LANE, 20, start=10, paris=1)]) == [Verdict.COUNTED]
    assert counted(store) == {(SEVEN, "paris"): 3}


def test_rows_that_outlived_their_lane_are_added_to_beside_rows_that_are_new(store: Store, lanes: MongoLanes) -> None:
    commit_updates(lanes, [update(NO_LANE, 10, paris=2)])
    store.collection(LANES).delete_many({})
    updates = [update(NO_LANE, 20, start=10, paris=1, rome=1), update(NO_LANE, 20, EIGHT, start=10, oslo=4)]
    assert lanes.commit(updates)
    assert counted(store) == {(SEVEN, "paris"): 3, (SEVEN, "rome"): 1, (EIGHT, "oslo"): 4}
    assert not lanes.commit(updates)
    known = {"hour", "tag", "shown", "origin", "count", "expires", "_id"}
    assert [set(use) for use in store.collection(USES).find()] == [known] * 3


def test_a_row_that_two_partitions_write_in_one_transaction_gets_the_uses_of_both(
    store: Store, lanes: MongoLanes
) -> None:
    def of(partition: int, since: int, until: int, **counts: int) -> LaneUpdate:
        return update(since, until, SEVEN, **counts)._replace(partition=partition)

    commit_updates(lanes, [of(0, NO_LANE, 10, paris=5)])
    old_and_new = [of(0, 10, 20, paris=1), of(7, NO_LANE, 10, paris=2, rome=1, oslo=1)]
    assert commit_updates(lanes, old_and_new) == [Verdict.COUNTED] * 2
    assert commit_updates(lanes, old_and_new) == [Verdict.COUNTED_ALREADY] * 2
    both_new = [of(8, NO_LANE, 10, paris=1, bonn=2), of(9, NO_LANE, 10, paris=1, bonn=3)]
    assert commit_updates(lanes, both_new) == [Verdict.COUNTED] * 2
    assert counted(store) == {(SEVEN, "paris"): 10, (SEVEN, "rome"): 1, (SEVEN, "oslo"): 1, (SEVEN, "bonn"): 5}


def test_a_new_lane_that_is_there_undoes_the_transaction_at_once_beside_lanes_that_move(
    store: Store, lanes: MongoLanes
) -> None:
    eight = "2017-01-06T08"
    commit_updates(lanes, [update(NO_LANE, 10, paris=1), update(NO_LANE, 10, eight, rome=1)])
    begun = time.monotonic()
    mixed = [update(NO_LANE, 10, paris=1), update(10, 20, eight, rome=1)]
    assert commit_updates(lanes, mixed) == [Verdict.COUNTED_ALREADY, Verdict.COUNTED]
    assert time.monotonic() - begun < store.settings.timeout_s, "the driver has tried until its time was over"
    assert counted(store) == {(SEVEN, "paris"): 1, (eight, "rome"): 2}


def test_a_lane_beyond_progress_or_written_lately_is_not_swept(store: Store, lanes: MongoLanes) -> None:
    commit_updates(lanes, [update(NO_LANE, 10, paris=1), update(NO_LANE, 11, EIGHT, paris=1)])
    progress = Lanes(store, "hashtags")
    assert progress.sweep(3, 10, wall_moment_in(days=6), 100) == []
    assert progress.sweep(3, 10, wall_moment_in(days=8), 100) == [SEVEN]
    progress.save({3: 10})
    assert progress.read(3) == (10, {EIGHT: 11})


def test_progress_never_goes_back(store: Store) -> None:
    progress = Lanes(store, "hashtags")
    progress.save({0: 50, 1: 7})
    progress.save({0: 40, 1: 8})
    assert [progress.read(partition).progress for partition in range(3)] == [50, 8, 0]


def test_any_tag_is_a_value(store: Store, lanes: MongoLanes) -> None:
    odd = LaneUpdate.of(LaneUpdate(SEVEN, 0, 0, NO_LANE, 9, {tag: (1, tag) for tag in ODD_TAGS}).values())
    assert commit_updates(lanes, [odd]) == [Verdict.COUNTED]
    assert counted(store) == {(SEVEN, tag): 1 for tag in ODD_TAGS}


def test_rows_and_lanes_expire_by_the_clock_of_their_writing(store: Store, lanes: MongoLanes) -> None:
    commit_updates(lanes, [update(NO_LANE, 10, paris=1)])
    for name in (USES, LANES):
        (document,) = store.collection(name).find()
        assert wall_moment_in(days=6) < document["expires"] < wall_moment_in(days=8)


def test_two_bolts_with_the_same_steps_count_them_once(store: Store) -> None:
    updates = [update(NO_LANE, 10, f"2017-01-06T{hour:02d}", paris=1, rome=2) for hour in range(20)]
    verdicts: list[Verdict] = []
    bolts = [
        threading.Thread(
            target=lambda: verdicts.extend(commit_updates(lanes_of(store), updates)), name=f"bolt {number}"
        )
        for number in range(3)
    ]
    for bolt in bolts:
        bolt.start()
    for bolt in bolts:
        bolt.join(60)
    assert verdicts.count(Verdict.COUNTED) == 20
    assert Verdict.REFUSED not in verdicts
    assert set(counted(store).values()) == {1, 2}


def test_a_commit_whose_reply_is_lost_is_counted_once(settings: Settings, store: Store) -> None:
    """The proxy passes the commit on and cuts the connection before its reply."""
    with proxy(settings.mongo) as (through, cut), Store(through) as remote:
        lanes = lanes_of(remote)
        assert commit_updates(lanes, [update(NO_LANE, 10, paris=1)]) == [Verdict.COUNTED]
        cut.arm(b"commitTransaction")
        verdicts = commit_updates(lanes, [update(10, 20, paris=1), update(NO_LANE, 20, EIGHT, rome=1)])
        assert cut.done.is_set()
        assert Verdict.REFUSED not in verdicts
    assert counted(store) == {(SEVEN, "paris"): 2, (EIGHT, "rome"): 1}


def test_a_server_that_is_down_is_told_and_nothing_is_half_counted(settings: Settings, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    nowhere = MongoSettings(
        uri=SecretStr(f"mongodb://127.0.0.1:{port}/?directConnection=true"),
        database=settings.mongo.database,
        timeout_s=0.5,
    )
    with Store(nowhere) as down, pytest.raises(UnavailableError, match="MongoDB"):
        commit_updates(lanes_of(down), [update(NO_LANE, 10, paris=1)])
    assert not counted(store)


def wall_moment_in(days: float) -> datetime:
    return moment_of(wall_clock()) + timedelta(days=days)


class Cut:
    """Cuts one connection: that which carries a certain request, after it was passed on and answered."""

    def __init__(self) -> None:
        self._wanted: bytes | None = None
        self.done = threading.Event()

    def arm(self, request: bytes) -> None:
        self._wanted = request

    def takes(self, data: bytes) -> bool:
        if self._wanted is None or self._wanted not in data:
            return False
        self._wanted = None
        return True


@contextmanager
def proxy(settings: MongoSettings) -> Iterator[tuple[MongoSettings, Cut]]:
    """A TCP proxy in front of MongoDB whose connections can be cut."""
    (host, port), *_ = uri_parser.parse_uri(settings.uri.get_secret_value())["nodelist"]
    cut, opened = Cut(), list[socket.socket]()

    def serve(client: socket.socket) -> None:
        server = socket.create_connection((host, port))
        opened.extend((client, server))
        lost = threading.Event()
        threading.Thread(target=pump, args=(server, client, lost), daemon=True).start()
        try:
            while data := client.recv(1 << 20):
                if cut.takes(data):
                    lost.set()
                server.sendall(data)
        except OSError:
            pass

    def pump(server: socket.socket, client: socket.socket, lost: threading.Event) -> None:
        try:
            while data := server.recv(1 << 20):
                if lost.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    server.shutdown(socket.SHUT_RDWR)
                    cut.done.set()
                    return
                client.sendall(data)
        except OSError:
            pass

    def accept() -> None:
        try:
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        uri = f"mongodb://127.0.0.1:{listener.getsockname()[1]}/?directConnection=true"
        yield settings.model_copy(update={"uri": SecretStr(uri)}), cut
        listener.shutdown(socket.SHUT_RDWR)
        for each in opened:
            each.close()
