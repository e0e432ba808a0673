"""The poll: an API that the feed asks every so often, as a live service. Its records are those of `answers`.

A connection is a row of polls that succeed. One that fails ends the connection, so the live source waits, tries again
and reports as it does for a stream. The cursor is the last slot with an answer, and what the poll sent last of each id.
"""

import asyncio
import logging
import math
import os
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self

import httpx
import msgspec

from config.errors import BadRecordError, TrendsError
from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.event_time import FUTURE_MS
from ingest.feeds.record import Record
from ingest.feeds.sources.answers import AnswerReader, Part, decode_answer
from ingest.feeds.sources.api import Api
from ingest.feeds.sources.credential import Credential
from ingest.feeds.sources.latest import Latest
from ingest.feeds.sources.slots import Slots
from ingest.hours import Millis, iso
from ingest.sources.formats.contract import BrokenPart, Notice, Reading
from ingest.sources.live.backoff import DroppedError, RefusedError, safe_text
from ingest.sources.live.dedup import Memory
from ingest.sources.live.service import OnBytes, Service

POLL_S = 50.0
"""Longest poll, with all of its requests. The reader gives a connection 60 s to open (`OPEN_S`)."""
OPTIONAL_S = 10.0
"""Longest optional request, so that one without an answer does not take the time of the others."""
_LOOK_S = 1.0
"""How often a waiting poll looks at the clock, which may jump."""
_UNCHANGED = b""
"""In place of answers that the server has not changed."""

logger = logging.getLogger(__name__)

SPEC = '{"format":"answer"}'
"""Spec of the reader of answers: the feed's file says all else."""


class PollReader:
    """Reads the answers of one poll, JSON by the name of the request."""

    spec = SPEC

    def __init__(self, source: HttpSource, now: Callable[[], Millis], future_ms: int) -> None:
        """Raises `UsageError` as `AnswerReader` does."""
        self.answers = AnswerReader(source, future_ms)
        self.remark = ""
        """What was wrong with the last answers that were not unchanged."""
        self._now = now

    def read(self, record: bytes) -> Sequence[Part]:
        """See `RecordReader`."""
        if record == _UNCHANGED:
            return [Notice("not modified")]
        parts = self.answers.read(decode_answer(record), self._now())
        remark = _remark(parts)
        if remark and remark != self.remark:
            logger.warning("%s", remark)
        self.remark = remark
        return parts


class Poll(Service[Record]):
    """Polls one API. `until` is the last slot with an answer."""

    polls: ClassVar[bool] = True
    silence_s = math.inf  # a request has time limits of its own, and between slots there is nothing to hear

    def __init__(  # noqa: PLR0913 - what a test sets
        self, name: str, source: HttpSource, api: Api, now: Callable[[], Millis], *, future_ms: int = FUTURE_MS,
        most_polls: int | None = None, slots: Slots | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """`most_polls`: it ends after so many; None: never. Raises `UsageError` for expressions that do not compile."""
        self._reader = PollReader(source, now, future_ms)
        super().__init__(name, self._reader, Reading(name, now, future_ms, keep_payload=False))
        self.where = api.where
        self._source = source
        self._api = api
        self._slots = slots or Slots(source.every, now)
        self._sleep = sleep
        self._left = most_polls
        self._slot: Millis = 0
        """Of the answers that the reader gets next."""
        self._faults: dict[str, str] = {}
        self._latest = Latest("")
        self._version: tuple[int, ...] = ()
        self._read_version: tuple[int, ...] = ()

    @classmethod
    def of_feed(  # noqa: PLR0913 - what its command knows
        cls, name: str, source: HttpSource, now: Callable[[], Millis], future_ms: int = FUTURE_MS, *,
        environ: Mapping[str, str] = os.environ, most_polls: int | None = None,
    ) -> Self:  # fmt: skip
        """The poll of a feed. Raises `UsageError` with the key of the file as `where`, and for a missing secret."""
        api = Api(source, Credential.of(source, environ), now)
        return cls(name, source, api, now, future_ms=future_ms, most_polls=most_polls)

    def memory(self, packed: str) -> Memory[Record]:
        """See `Service`. A run may begin before answers that another run of this process has read."""
        self._api.forget()
        self._read_version = ()
        self._latest = Latest(packed)
        return self._latest

    @property
    def remark(self) -> str:
        """Optional requests that failed, holes in the answers, and a clock that stands before the last slot."""
        behind = [f"our clock is before the last poll, of {iso(self.until)}"] if self.now() < self.until else []
        return "; ".join([*behind, *self._faults.values(), *filter(None, [self._reader.remark])])

    @property
    def over(self) -> bool:
        """See `Service`."""
        return self._left == 0

    def remember_since(self) -> int:
        """See `Service`. Its memory keeps everything."""
        return 0

    def advance(self, record: bytes | None) -> None:
        """See `Service`. The gap before a slot goes with its records."""
        if record is None:
            return
        if missed := self._slots.missed(self.until, self._slot):
            self.gap(*missed)
        if record != _UNCHANGED:
            self._latest.begin_answer()
        self.until = self._slot
        self._read_version = self._version
        self._slots.success()
        if self._left is not None:
            self._left -= 1

    @asynccontextmanager
    async def connect(self, on_bytes: OnBytes) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        """See `Service`. The first poll is a part of it, if one is due."""
        async with self._api.client() as client:
            slot = self._slots.due(self.until)
            first = None if slot is None else await self._poll(client, slot, on_bytes)
            yield self._records(client, first, on_bytes)

    async def _records(
        self, client: httpx.AsyncClient, first: bytes | None, on_bytes: OnBytes
    ) -> AsyncGenerator[bytes, None]:
        if first is not None:
            yield first
        while True:
            while (slot := self._slots.due(self.until)) is None:
                await self._sleep(min(self._slots.wait_s(), _LOOK_S))
            yield await self._poll(client, slot, on_bytes)

    async def _poll(self, client: httpx.AsyncClient, slot: Millis, on_bytes: OnBytes) -> bytes:
        """The answers of one poll. Raises `DroppedError`, `RefusedError`."""
        try:
            async with asyncio.timeout(POLL_S):
                record = await self._ask_all(client, on_bytes)
        except TimeoutError:
            self._slots.failure = f"no answer in {POLL_S:.0f} s"
            raise DroppedError(self._slots.failure, where=self.where) from None
        except DroppedError as error:
            self._slots.failure = error.what
            raise
        self._slot = slot
        return record

    async def _ask_all(self, client: httpx.AsyncClient, on_bytes: OnBytes) -> bytes:
        answers: dict[str, Any] = {}
        bodies: dict[str, msgspec.Raw | None] = {}
        faults: dict[str, str] = {}
        version: list[int] = []
        for name, ask in self._source.ask.items():
            try:
                async with asyncio.timeout(OPTIONAL_S if ask.optional else None):
                    answer = await self._api.ask(client, name, answers, on_bytes)
            except (DroppedError, RefusedError, TimeoutError) as error:
                if not ask.optional:
                    raise
                late = f"{name}: no answer in {OPTIONAL_S:.0f} s"
                faults[name] = error.what if isinstance(error, TrendsError) else late
                answers[name], bodies[name] = None, None
                version.append(0)
            else:
                answers[name], bodies[name] = answer.value, msgspec.Raw(answer.body)
                version.append(answer.number)
        try:
            self._reader.answers.check(answers)
        except BadRecordError as error:
            self._api.forget()
            raise DroppedError(error.reason, where=self.where, kind="http") from None
        self._report(faults)
        self._version = tuple(version)
        return _UNCHANGED if self._version == self._read_version else msgspec.json.encode(bodies)

    def _report(self, faults: dict[str, str]) -> None:
        for name, why in faults.items():
            if self._faults.get(name) != why:
                logger.warning("%s: %s", self.where, why)
        self._faults = faults


def _remark(parts: Sequence[Part]) -> str:
    """Notices and broken records, each kind once with its first example."""
    kinds: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for part in parts:
        if isinstance(part, Record):
            continue
        kind, _, example = (f"rejected: {part.reason}" if isinstance(part, BrokenPart) else part.kind).partition(": ")
        if kind != "no answer":  # the fault of the request says more
            kinds[kind] += 1
            examples.setdefault(kind, example)
    told = (f"{kind}: {examples[kind]}{f', and {count - 1} more' * (count > 1)}" for kind, count in kinds.items())
    return safe_text("; ".join(told))
