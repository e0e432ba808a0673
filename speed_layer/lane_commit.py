"""Counters: the transaction that counts uses, and what is said of a step afterwards.

One transaction moves lanes from `since` to `next` *and* adds the uses, so the counts and the proof that they were
counted are one thing. The equality of `since` is fence and commit at once: what was counted in a lane is one chain of
offset ranges, whoever wrote it. A replay, a zombie's step and a lost reply all match nothing, and then the lane itself
is read, for matching nothing alone proves nothing.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

import pymongo
from pymongo import InsertOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ingest.hours import Millis, moment_of
from serving.views.client import Store, mongo_errors
from serving.views.documents import LANES, PHRASE_USES, PROGRESS, USES, use_id
from speed_layer.lane_update import NO_LANE, Step, parse_hour_of_kind
from speed_layer.lanes import progress_id

log = logging.getLogger(__name__)

_DUPLICATE_KEY = 11000
_Write = InsertOne[dict[str, Any]] | UpdateOne


class Verdict(Enum):
    """What became of a step."""

    COUNTED = "counted"
    COUNTED_ALREADY = "counted already"
    REFUSED = "refused"
    """Its lane stands elsewhere: the spout must read again."""


class Ledger(Protocol):
    """Where lanes and uses are kept."""

    def commit(self, steps: Sequence[Step]) -> bool:
        """Move every lane from `since` to `next` and add all uses; or, where any lane stands elsewhere, do nothing.

        True only where it was done. False also where it had been done before and the reply was lost.
        """

    def lane_next(self, step: Step) -> int | None:
        """The next of the step's lane, of which a majority knows."""


def settle(ledger: Ledger, steps: Sequence[Step]) -> list[Verdict]:
    """Count steps: together where every lane is where it should be and occurs once, else one by one in order."""
    if len(steps) > 1 and len({step.lane for step in steps}) == len(steps) and ledger.commit(steps):
        return [Verdict.COUNTED] * len(steps)
    return [_settle_one(ledger, step) for step in steps]


def _settle_one(ledger: Ledger, step: Step) -> Verdict:
    if ledger.commit([step]):
        return Verdict.COUNTED
    found = ledger.lane_next(step)
    return Verdict.COUNTED_ALREADY if found is not None and found >= step.next else Verdict.REFUSED


class _LaneElsewhereError(Exception):
    """Aborts the transaction."""


class _RowThereError(Exception):
    """Aborts the transaction: a row was to be inserted and is there."""


class MongoLedger:
    """The `Ledger` of the views. Raises `UnavailableError`; then a step may be counted or not."""

    def __init__(self, store: Store, topic: str, keep: timedelta, now: Callable[[], Millis]) -> None:
        self._store = store
        self._topic = topic
        self._keep = keep
        self._now = now

    def commit(self, steps: Sequence[Step]) -> bool:
        """See `Ledger`. The driver repeats what is transient; a commit whose reply is lost is asked for again.

        A lane that is new has no rows yet, as a rule, and to insert one costs half of an upsert: so where most rows are
        of such lanes they are inserted. If one is there all the same, nothing was written, and all are upserted.
        """
        try:
            return self._commit(steps, inserting=_mostly_new(steps))
        except _RowThereError:
            return self._commit(steps, inserting=False)

    def _commit(self, steps: Sequence[Step], inserting: bool) -> bool:
        with (
            mongo_errors(),
            pymongo.timeout(self._store.settings.timeout_s),
            self._store.client.start_session() as session,
        ):
            try:
                session.with_transaction(
                    lambda session: self._write(steps, inserting, session),
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern("majority"),
                )
            except _LaneElsewhereError:
                return False
        return True

    def lane_next(self, step: Step) -> int | None:
        """See `Ledger`."""
        with mongo_errors(), pymongo.timeout(self._store.settings.timeout_s):
            lane = self._store.collection(LANES).find_one({"_id": step.lane})
        return None if lane is None else int(lane["next"])

    def _write(self, steps: Sequence[Step], inserting: bool, session: ClientSession) -> None:
        self._refuse_passed([step for step in steps if step.since == NO_LANE], session)
        expires = moment_of(self._now()) + self._keep
        with _duplicates_raise(_LaneElsewhereError):
            moved = self._write_all(LANES, [_move(step, expires) for step in steps], session)
        if moved != len(steps):
            raise _LaneElsewhereError
        rows: dict[str, list[_Write]] = {}
        for step in steps:
            name = USES if parse_hour_of_kind(step.hour)[1] is None else PHRASE_USES
            added = _new_rows if inserting and step.since == NO_LANE else _rows
            rows.setdefault(name, []).extend(added(step, expires))
        with _duplicates_raise(_RowThereError if inserting else _LaneElsewhereError):
            for name, writes in rows.items():
                self._write_all(name, writes, session)

    def _write_all(self, name: str, writes: Sequence[_Write], session: ClientSession) -> int:
        """Write inserts, then updates; how many documents were inserted or matched.

        Each is a call of its own. A duplicate key ends the transaction on the server, and a write behind it fails as if
        it might succeed when tried again: the driver would repeat the transaction until its time is over.
        """
        count = 0
        for kind in (InsertOne, UpdateOne):
            if run := [write for write in writes if isinstance(write, kind)]:
                written = self._store.collection(name).bulk_write(run, ordered=False, session=session)
                count += written.inserted_count + written.matched_count
        return count

    def _refuse_passed(self, steps: Sequence[Step], session: ClientSession) -> None:
        """A lane is removed once progress has passed it: a step that would make it anew must not begin below that."""
        starts: dict[str, int] = {}
        for step in steps:
            name = progress_id(self._topic, step.partition, step.lineage)
            starts[name] = min(step.start, starts.get(name, step.start))
        if starts:
            found = self._store.collection(PROGRESS).find({"_id": {"$in": list(starts)}}, session=session)
            if any(each["next"] > starts[each["_id"]] for each in found):
                raise _LaneElsewhereError


@contextmanager
def _duplicates_raise(kind: type[Exception]) -> Iterator[None]:
    """Duplicate keys, and nothing else, become an error of this kind."""
    try:
        yield
    except BulkWriteError as error:
        if all(each["code"] == _DUPLICATE_KEY for each in error.details["writeErrors"]):
            raise kind from None
        raise


def _mostly_new(steps: Sequence[Step]) -> bool:
    """Whether most rows are of lanes that do not exist yet. Some late uses among many others are not worth a try."""
    new = sum(len(step.counts) for step in steps if step.since == NO_LANE)
    return 2 * new > sum(len(step.counts) for step in steps)


def _move(step: Step, expires: datetime) -> _Write:
    if step.since == NO_LANE:
        return InsertOne({"_id": step.lane, "next": step.next, "expires": expires})
    return UpdateOne({"_id": step.lane, "next": step.since}, {"$set": {"next": step.next, "expires": expires}})


def _new_rows(step: Step, expires: datetime) -> list[_Write]:
    return [
        InsertOne({"_id": row_id, **row, "count": step.counts[row["tag"]][0], "expires": expires})
        for row_id, row in _named(step)
    ]


def _rows(step: Step, expires: datetime) -> list[_Write]:
    return [
        UpdateOne(
            {"_id": row_id},
            {"$inc": {"count": step.counts[row["tag"]][0]}, "$set": {"expires": expires}, "$setOnInsert": row},
            upsert=True,
        )
        for row_id, row in _named(step)
    ]


def _named(step: Step) -> Iterator[tuple[str, dict[str, str]]]:
    """The `_id` of each row of a step, and what of it never changes."""
    hour, kind = parse_hour_of_kind(step.hour)
    of_kind = {} if kind is None else {"kind": kind}
    for tag, (_, shown) in step.counts.items():
        yield use_id(hour, tag, kind), {"hour": hour, "tag": tag, "shown": shown, "origin": "speed", **of_kind}
