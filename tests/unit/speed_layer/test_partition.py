"""What a spout does for one partition, one by one. The laws run it through everything that can happen."""

from collections.abc import Sequence

from config.errors import UnavailableError
from ingest.hours import Hour
from ingest.wire import Reject, Use, encode
from speed_layer.assignment import share
from speed_layer.lane_update import NO_LANE, LaneUpdate
from speed_layer.partition import FEWEST_ROWS, Environment, Limits, Partition
from speed_layer.spout import task_count, task_index

SEVEN, EIGHT = "2017-01-06T07", "2017-01-06T08"
LIMITS = Limits(chunk_messages=3, backlog_messages=5, chunk_ms=100, rows=1_000, known_lanes=2)


class Bench:
    """A partition and its environment."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.now = 0
        self.parked: list[Reject] = []
        self.parking_fails = False
        environment = Environment(self.park, lambda: Hour.parse("2017-01-06T23"), lambda: self.now)
        self.partition = Partition("hashtags", 0, limits, environment)

    def park(self, rejects: Sequence[Reject]) -> None:
        if self.parking_fails:
            raise UnavailableError("no answer")
        self.parked += rejects

    def started(self, progress: int = 0, **lanes: int) -> Partition:
        self.partition.start(progress, {f"2017-01-06T{hour[1:]}": at for hour, at in lanes.items()})
        return self.partition

    def cut(self, lanes: dict[str, int] | None = None) -> list[LaneUpdate]:
        unknown = self.partition.unknown_hours()
        self.partition.learn({hour: (lanes or {}).get(hour, NO_LANE) for hour in unknown})
        return self.partition.cut()


def use(offset: int, hour: str = SEVEN) -> tuple[int, bytes]:
    return offset, encode(Use("paris", hour, "1", "x", "Paris"))


def test_nothing_is_wanted_before_progress_was_read() -> None:
    bench = Bench()
    assert bench.partition.may_start()
    assert bench.partition.room() == 0
    assert bench.partition.cut() == []


def test_a_chunk_is_due_when_it_is_large_or_old() -> None:
    bench = Bench()
    partition = bench.started()
    assert not partition.due()
    bench.now = 1_000
    partition.take([use(0)])
    assert not partition.due()
    partition.take([use(1), use(2)])
    assert partition.due()
    assert len(bench.cut()) == 1
    partition.ack(1, SEVEN)
    partition.take([use(3)])
    assert not partition.due()
    bench.now += 100
    assert partition.due()


def test_a_step_goes_from_the_lane_as_it_is_stored_and_then_from_the_chunk_before() -> None:
    bench = Bench()
    partition = bench.started(10, T07=12)
    partition.take([use(10), use(12), use(13, EIGHT)])
    first = bench.cut({EIGHT: 4})
    assert [(update.hour, update.start, update.since, update.next) for update in first] == [
        (SEVEN, 10, 12, 14),
        (EIGHT, 10, 4, 14),
    ]
    for update in first:
        partition.ack(1, update.hour)
    partition.take([use(20)])
    (second,) = bench.cut()
    assert (second.start, second.since, second.next) == (14, 14, 21)


def test_the_next_chunk_folds_while_one_is_in_flight_and_waits_for_it() -> None:
    bench = Bench()
    partition = bench.started()
    partition.take([use(0)])
    bench.cut()
    partition.take([use(1), use(2), use(3)])
    assert partition.room() == 2
    assert not partition.ready()
    assert partition.position == 0
    partition.ack(1, SEVEN)
    assert partition.position == 1
    assert partition.due()


def test_after_a_fail_it_waits_for_every_report_and_then_reads_again_with_patience() -> None:
    bench = Bench()
    partition = bench.started()
    partition.take([use(0), use(1, EIGHT)])
    bench.cut()
    partition.fail(1, SEVEN)
    assert partition.room() == 0
    assert not partition.may_start()
    partition.ack(1, EIGHT)
    assert not partition.may_start()
    bench.now += 50
    assert partition.may_start()
    assert partition.position == 0


def test_each_fail_in_a_row_waits_longer_and_asks_for_less() -> None:
    bench = Bench(Limits(rows=100_000))
    waits, rooms = [], []
    for _ in range(20):
        bench.started()
        rooms.append(bench.partition.room())
        bench.partition.lose("down")
        begin = bench.now
        while not bench.partition.may_start():
            bench.now += 50
        waits.append(bench.now - begin)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (50, 10_000)
    assert rooms == sorted(rooms, reverse=True)
    assert rooms[-1] == FEWEST_ROWS


def test_reports_of_an_older_chunk_are_ignored() -> None:
    bench = Bench()
    partition = bench.started()
    partition.take([use(0)])
    bench.cut()
    partition.ack(0, SEVEN)
    partition.fail(0, SEVEN)
    assert partition.in_flight
    partition.ack(1, SEVEN)
    assert partition.position == 1


def test_a_lane_that_went_on_without_it_makes_it_read_again() -> None:
    bench = Bench()
    partition = bench.started()
    partition.take([use(0), use(1)])
    assert bench.cut({SEVEN: 1}) == []
    assert partition.room() == 0


def test_rejects_are_parked_before_progress_passes_them() -> None:
    bench = Bench()
    partition = bench.started()
    bench.parking_fails = True
    partition.take([(0, b"?")])
    assert bench.cut() == []
    assert partition.position == 0
    bench.parking_fails = False
    partition.start(0, {})
    partition.take([(0, b"?")])
    assert bench.cut() == []
    assert (partition.position, len(bench.parked)) == (1, 1)


def test_old_offsets_make_it_read_again() -> None:
    bench = Bench()
    partition = bench.started(5)
    partition.take([use(4)])
    assert partition.room() == 0


def test_lanes_that_are_passed_are_let_go_of_and_those_ahead_are_kept() -> None:
    bench = Bench()
    partition = bench.started(0, T01=500)
    for offset in range(8):
        partition.take([use(offset, f"2017-01-06T{offset + 10}")])
        bench.cut()
        partition.ack(partition.serial, f"2017-01-06T{offset + 10}")
    assert partition._lanes == {"2017-01-06T01": 500, "2017-01-06T17": 8}


def test_partitions_are_shared_out_by_number() -> None:
    context = {"taskid": 7, "task->component": {"1": "__acker", "7": "uses", "11": "uses", "3": "uses", "5": "counts"}}
    assert (task_index(context), task_count(context)) == (1, 3)
    assert [share([0, 1, 2, 3, 4], index, 3) for index in range(3)] == [[0, 3], [1, 4], [2]]
