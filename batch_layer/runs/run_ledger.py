"""RunLedger: batch jobs in MongoDB, each with its owner, rule, progress and fencing token.

One job runs once at a time: a running document is unique by `job`. Its owner renews a lease, by the server's clock. A
run whose lease has expired is dead, and the next run of its job takes over. Each attempt has a fencing token from one
counter, so a dead run that wakes up can publish nothing over its successor: the store compares tokens.

    {_id, job, kind, since, until, rule, state, owner, token, attempt, lease_until,
     hours_planned, hours_done, posts, archive, topic_id, started_at, ended_at, error}
                                                                        state: running, done, failed, abandoned
"""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from batch_layer.storage.chunk_files.identity import Origin
from config.errors import FencedError, TrendsError, UnavailableError
from ingest.hours import Hour
from serving.views.client import mongo_errors
from serving.views.documents import RUNS
from serving.views.store import Store

log = logging.getLogger(__name__)

Kind = Literal["hourly", "hour", "recompute", "full"]
_RESUMED: frozenset[str] = frozenset({"recompute", "full"})
_KEPT = 5_000
"""Runs that the ledger remembers."""
_TOKENS = "tokens"
"""Collection of the token counter."""


_UNKNOWN = Origin()


class BusyError(TrendsError):
    """A run that is alive computes the same job."""

    retriable = True


class StoppedError(TrendsError):
    """Somebody asked this run to stop."""

    exit_code = 130


class Job(NamedTuple):
    """Hours to compute, by a rule. Two runs with an equal `key` are the same job."""

    kind: Kind
    since: Hour | None
    until: Hour | None
    """Exclusive; None: as far as hours are complete."""
    rule: str

    @property
    def key(self) -> str:
        """`recompute|2017-01-02T06||1+3f9a0c2b`; the hourly job has no range, so it is one job under any rule."""
        if self.kind == "hourly":
            return self.kind
        return "|".join([self.kind, str(self.since or ""), str(self.until or ""), self.rule])


class Run:
    """One attempt at a job, which holds the job's lease while it is open."""

    def __init__(self, runs: "RunLedger", document: dict[str, Any]) -> None:
        self._runs = runs
        self.id: str = document["_id"]
        self.token: int = document["token"]
        self.attempt: int = document["attempt"]
        self._lost = threading.Event()
        self._closed = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name=f"lease of {self.id}", daemon=True)

    def check(self) -> None:
        """Raise `FencedError` where another run has taken over."""
        if self._lost.is_set():
            raise FencedError(
                "another run has taken over, since this one was silent for longer than its lease",
                where=f"run {self.id}",
                next_step="See `trends status`; what was published stays",
            )

    def tell(self, **counts: int) -> None:
        """Write the run's progress: `hours_planned`, `hours_done`, `posts`. Raises `FencedError`."""
        if not self._runs.update(self, counts):
            self._lost.set()
        self.check()

    def __enter__(self) -> "Run":
        self._renewer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._closed.set()
        self._renewer.join()
        if error is None:
            self._runs.end(self, "done", None)
        elif isinstance(error, Exception) and not isinstance(error, StoppedError):
            self._end_quietly("failed", str(error)[:1_000])
        else:
            self._end_quietly("abandoned", "stopped")

    def _end_quietly(self, state: str, why: str) -> None:
        try:
            self._runs.end(self, state, why)
        except UnavailableError as error:  # the lease runs out instead; the first error is the one to tell
            log.warning("the end of run %s was not written: %s", self.id, error)

    def _renew(self) -> None:
        while not self._closed.wait(self._runs.lease_s / 4):
            try:
                if not self._runs.update(self, {}):
                    self._lost.set()
                    return
            except UnavailableError as error:
                log.warning("the lease of run %s was not renewed: %s", self.id, error)


class RunLedger:
    """The ledger of one database."""

    def __init__(self, store: Store, lease_s: float, owner: str | None = None) -> None:
        self._runs = store.collection(RUNS)
        self._tokens = store.collection(_TOKENS)
        self.lease_s = lease_s
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}"
        self._prepared = False

    def start(self, job: Job, *, reach: Hour, resume: bool = True, origin: Origin = _UNKNOWN) -> Run:
        """A run of this job, as a context manager that writes how the run ended.

        `reach` stands for an open end of the job, `origin` says which archive the run reads. With `resume`, a
        recomputation that died or failed goes on under its own id. Raises `BusyError` where a run of the same job is
        alive.
        """
        self._prepare()
        with mongo_errors():
            self._expire(job)
            token = self._next_token()
            try:
                old = self._reopen(job, token, reach, origin) if resume and job.kind in _RESUMED else None
                document = old or self._open(job, token, reach, origin)
            except DuplicateKeyError:
                raise self._busy(job) from None
        log.debug("run %s of %s: attempt %d, token %d", document["_id"], job.key, document["attempt"], token)
        return Run(self, document)

    def update(self, run: Run, values: dict[str, int]) -> bool:
        """Write values and renew the lease; False where the run is not the owner's any more."""
        changed = [{"$set": {**values, "lease_until": self._lease()}}]
        with mongo_errors():
            return self._runs.update_one(_own(run), changed).matched_count == 1

    def end(self, run: Run, state: str, error: str | None) -> None:
        """Write how a run ended, unless another has taken it over."""
        with mongo_errors():
            self._runs.update_one(
                _own(run), [{"$set": {"state": state, "error": {"$literal": error}, "ended_at": "$$NOW"}}]
            )

    def computing(self) -> Iterator[dict[str, Any]]:
        """The recomputations that are alive."""
        alive = {"state": "running", "kind": {"$in": sorted(_RESUMED)}, "$expr": {"$gt": ["$lease_until", "$$NOW"]}}
        with mongo_errors():
            yield from self._runs.find(alive)

    def posts_per_second(self) -> float | None:
        """Speed of the last finished runs, all together; None where there is none of any size."""
        done = {"state": "done", "posts": {"$gt": 0}, "attempt": 1}
        with mongo_errors():
            recent = list(self._runs.find(done).sort("token", DESCENDING).limit(10))
        seconds = sum((each["ended_at"] - each["started_at"]).total_seconds() for each in recent)
        return sum(each["posts"] for each in recent) / seconds if seconds > 0 else None

    def _prepare(self) -> None:
        if not self._prepared:
            with mongo_errors():
                self._runs.create_index(
                    "job", name="one_at_a_time", unique=True, partialFilterExpression={"state": "running"}
                )
            self._prepared = True

    def _lease(self) -> dict[str, Any]:
        return {"$add": ["$$NOW", int(self.lease_s * 1000)]}

    def _next_token(self) -> int:
        counted = self._tokens.find_one_and_update(
            {"_id": "batch"}, {"$inc": {"last": 1}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(counted["last"]) if counted else 0  # the driver's type allows None, an upsert never gives it

    def _expire(self, job: Job) -> None:
        """Mark this job's run as abandoned if its lease has run out."""
        dead = {"job": job.key, "state": "running", "$expr": {"$lt": ["$lease_until", "$$NOW"]}}
        ended = {"state": "abandoned", "error": {"$literal": "its lease ran out"}, "ended_at": "$lease_until"}
        expired = self._runs.find_one_and_update(dead, [{"$set": ended}])
        if expired:
            log.warning("run %s of %s is dead: its lease ran out", expired["_id"], expired["owner"])

    def _start_fields(self, token: int) -> dict[str, Any]:
        return {
            "state": "running",
            "owner": {"$literal": self.owner},
            "token": token,
            "lease_until": self._lease(),
            "started_at": "$$NOW",
            "ended_at": None,
            "error": None,
        }

    def _reopen(self, job: Job, token: int, reach: Hour, origin: Origin) -> dict[str, Any] | None:
        """Continue the last run of this job, if it did not finish."""
        last = self._runs.find_one({"job": job.key}, sort=[("token", DESCENDING)])
        if last is None or last["state"] not in ("failed", "abandoned"):
            return None
        changed = {
            **self._start_fields(token),
            "attempt": {"$add": ["$attempt", 1]},
            "until": {"$literal": str(job.until or reach)},
            **{name: {"$literal": value} for name, value in origin._asdict().items()},
        }
        return self._runs.find_one_and_update(
            {"_id": last["_id"], "token": last["token"], "state": last["state"]},
            [{"$set": changed}],
            return_document=ReturnDocument.AFTER,
        )

    def _open(self, job: Job, token: int, reach: Hour, origin: Origin) -> dict[str, Any]:
        run = f"{job.kind}-{uuid4().hex[:12]}"
        about = {
            "job": job.key,
            "kind": job.kind,
            "since": str(job.since) if job.since else None,
            "until": str(job.until or reach),
            "rule": job.rule,
            "attempt": 1,
            "hours_planned": 0,
            "hours_done": 0,
            "posts": 0,
            **origin._asdict(),
        }
        changed = [
            {"$set": {**{name: {"$literal": value} for name, value in about.items()}, **self._start_fields(token)}}
        ]
        self._runs.update_one({"_id": run}, changed, upsert=True)
        self._runs.delete_many({"token": {"$lt": token - _KEPT}, "state": {"$ne": "running"}})
        return {"_id": run, "token": token, "attempt": 1}

    def _busy(self, job: Job) -> BusyError:
        holder = self._runs.find_one({"job": job.key, "state": "running"}) or {}
        since = holder.get("started_at")
        return BusyError(
            f"already being computed by {holder.get('owner', 'a run that has just ended')}"
            + (f" since {since:%Y-%m-%dT%H:%M:%SZ}" if since else ""),
            where=job.key,
            next_step=f"Wait for it; a run that is silent for {self.lease_s:g} s counts as dead",
        )


def _own(run: Run) -> dict[str, Any]:
    return {"_id": run.id, "token": run.token, "state": "running"}
