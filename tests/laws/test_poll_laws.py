"""Whatever befalls a poll: a slot is committed once, slots and gaps cover the time, and what is sent has changed.

The API is a double that fails, is slow and says that nothing has changed; our clock jumps; the process is killed before
or after any commit and starts again, after a while, with what was committed alone. An oracle that knows the committed
batches and nothing of the poll says what each of them has to hold.
"""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple, cast

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from ingest.feeds.record import Record
from ingest.feeds.sources.api import Answer, Api
from ingest.feeds.sources.latest import Latest
from ingest.feeds.sources.poll import Poll
from ingest.feeds.sources.slots import Slots
from ingest.hours import Millis
from ingest.sources.base import Batch, Cursor
from ingest.sources.live.backoff import DroppedError
from ingest.sources.live.dedup import Memory
from ingest.sources.live.source import LiveSource, RunOptions
from ingest.sources.selection import AllItems
from tests.support.polls import MINUTE_MS, Clock, source, station
from tests.support.schedules import schedules

IDS = "abc"
Send = Literal["changed", "all"]


class Deed(NamedTuple):
    """What the API does when it is asked: the stations that change before, seconds until it answers, and how."""

    changes: frozenset[str]
    takes_s: int
    fails: Literal["", "network", "http", "limited"]


class Life(NamedTuple):
    """A process: it is killed when so many polls have answered, the last of them committed or not."""

    polls: int
    commits_last: bool
    down_s: int


class History(NamedTuple):
    send: Send
    lives: list[Life]
    deeds: list[Deed]
    jumps_s: list[int]
    """How our clock jumps at each wait."""


histories = st.builds(
    History,
    st.sampled_from(["changed", "all"]),
    st.lists(st.builds(Life, st.integers(1, 4), st.booleans(), st.integers(0, 200)), min_size=1, max_size=4),
    st.lists(
        st.builds(
            Deed,
            st.frozensets(st.sampled_from(IDS)),
            st.sampled_from([0, 0, 1, 40, 61, 130]),
            st.sampled_from(["", "", "", "network", "http", "limited"]),
        ),
        max_size=16,
    ),
    st.lists(st.sampled_from([0, 0, 0, 0, -200, -61, -5, 5, 61, 200]), max_size=12),
)


class Double:
    """The API, as `Api` shows it to a poll: it forgets with the process what makes a request conditional."""

    where = "api"

    def __init__(self, clock: Clock, deeds: Iterator[Deed]) -> None:
        self.bikes = dict.fromkeys(IDS, 0)
        self.last: list[dict[str, Any]] = []
        """The stations of the last answer, whether or not it came as a whole."""
        self._clock = clock
        self._deeds = deeds
        self._answer: Answer | None = None
        self._number = 0

    def forget(self) -> None:
        self._answer = None

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[None, None]:
        yield None

    async def ask(
        self, _client: object, _name: str, _answers: Mapping[str, Any], on_bytes: Callable[[int], None]
    ) -> Answer:
        deed = next(self._deeds, Deed(frozenset(), 0, ""))
        for code in deed.changes:
            self.bikes[code] += 1
        self._clock.go(deed.takes_s * 1000)
        if deed.fails:
            raise DroppedError("down", kind=deed.fails)
        self.last = [station(code, bikes) for code, bikes in self.bikes.items()]
        if self._answer is None or self._answer.value != self.last:
            self._number += 1
            content = json.dumps(self.last).encode()
            on_bytes(len(content))
            self._answer = Answer("", {}, content, self.last, self._number)
        return self._answer


@dataclass
class Oracle:
    """What was committed, and what that has to be."""

    send: Send
    slots: list[Millis] = field(default_factory=list)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    read: list[dict[str, Any]] | None = None
    """The last answer that this process has committed."""

    def check(self, batch: Batch[Record], answer: list[dict[str, Any]]) -> None:
        slot = batch.cursor["until"]
        before = self.slots[-1] if self.slots else 0
        assert slot > before, "a slot is committed twice"
        assert slot % MINUTE_MS == 0
        missing = [(before + MINUTE_MS, slot)] if before and slot > before + MINUTE_MS else []
        assert [(gap.since, gap.until) for gap in batch.gaps] == missing, "slots and gaps cover the time"
        if self.send == "changed":
            due = [each for each in answer if self.sent.get(each["stationcode"]) != each]
        else:
            due = [] if self.read == answer else answer
        assert [record.value for record in batch.items] == due, "what has changed is sent, and nothing else"

    def commit(self, batch: Batch[Record], answer: list[dict[str, Any]]) -> None:
        self.slots.append(batch.cursor["until"])
        self.sent |= {record.name: record.value for record in batch.items}
        self.read = answer


MakePoll = Callable[[Send, Double, Clock, int], Poll]


def right(send: Send, double: Double, clock: Clock, polls: int) -> Poll:
    declared = source("http://127.0.0.1:1", send=send)
    slots = Slots(declared.every, clock.now, clock.steady_s)
    api = cast(Api, double)
    return Poll("feed/law", declared, api, clock.now, most_polls=polls, slots=slots, sleep=clock.sleep)


def play(history: History, make: MakePoll = right) -> Oracle:
    clock, oracle, cursor = Jumpy(iter(history.jumps_s)), Oracle(history.send), Cursor()
    double = Double(clock, iter(history.deeds))
    for life in history.lives:
        double.forget()
        oracle.read = None
        options = RunOptions[Record](AllItems(), batch_ms=60_000, sleep=clock.wait)
        polls = 0
        try:
            for batch in LiveSource(make(history.send, double, clock, life.polls), options).batches(cursor, 1):
                if batch.cursor.get("until", 0) == cursor.get("until", 0):
                    continue  # a report of the state
                polls += 1
                if polls == life.polls and not life.commits_last:
                    oracle.check(batch, double.last)
                    break
                oracle.check(batch, double.last)
                oracle.commit(batch, double.last)
                cursor = json.loads(json.dumps(batch.cursor))
        except DroppedError:
            pass  # it never had a connection, and gave up
        clock.go(life.down_s * 1000)
    return oracle


class Jumpy(Clock):
    """A clock that somebody sets while the poll waits."""

    def __init__(self, jumps_s: Iterator[int]) -> None:
        super().__init__()
        self._jumps_s = jumps_s

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.ms += 1000 * next(self._jumps_s, 0)


@settings(max_examples=schedules(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_no_slot_twice_no_time_untold_and_nothing_sent_that_has_not_changed(history: History) -> None:
    oracle = play(history)
    assert all(later > earlier for earlier, later in pairwise(oracle.slots))


# Polls that somebody might write, which the law has to find wrong


class Forgetful(Poll):
    """It remembers what it sent in its process alone."""

    def memory(self, packed: str) -> Memory[Record]:
        super().memory(packed)
        return Latest("")


class Trusting(Slots):
    """It believes the clock."""

    def due(self, after: Millis) -> Millis | None:
        slot = self.now() // self.every_ms * self.every_ms
        return slot if slot != after else None


class Silent(Slots):
    """It tells of the gaps that it sees while it runs."""

    def missed(self, after: Millis, slot: Millis) -> tuple[Millis, Millis, str] | None:
        return super().missed(after, slot) if self._last else None


class Unread(Poll):
    """It takes what the server has not changed for what was read, although another process read it."""

    def memory(self, packed: str) -> Memory[Record]:
        memory, self._read_version = super().memory(packed), (1,)
        return memory


def wrong(kind: type[Poll] = Poll, slots: type[Slots] = Slots) -> MakePoll:
    def make(send: Send, double: Double, clock: Clock, polls: int) -> Poll:
        declared = source("http://127.0.0.1:1", send=send)
        times = slots(declared.every, clock.now, clock.steady_s)
        api = cast(Api, double)
        return kind("feed/law", declared, api, clock.now, most_polls=polls, slots=times, sleep=clock.sleep)

    return make


WRONG = {
    "forgetful": wrong(Forgetful),
    "trusting": wrong(slots=Trusting),
    "silent": wrong(slots=Silent),
    "unread": wrong(Unread),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_poll_is_found(name: str) -> None:
    def fails(history: History) -> bool:
        try:
            play(history, WRONG[name])
        except AssertionError:
            return True
        return False

    found = find(
        histories, fails, settings=settings(max_examples=2_000, deadline=None, database=None, phases=[Phase.generate])
    )
    play(found)  # which the right one bears
