"""Sample posts: generated from a seed, to try everything without anybody's data.

They look like a day of a social network, small: tags by Zipf's law in several scripts and spellings, a rhythm of the
day, two bursts, posts that arrive hours late, posts sent twice, unreadable lines.

The source makes posts in blocks, each from the seed and its own number, so it can make any of them again: the cursor is
the moment up to which the posts lie, and the number of the next one.
"""

import itertools
import threading
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import msgspec

from config.errors import BadRecordError, UsageError
from config.quantity import quantity
from ingest.hours import HOUR_MS, Millis
from ingest.post import Post
from ingest.sources.base import Batch, Cursor
from ingest.sources.formats.contract import BrokenPart, Reading
from ingest.sources.formats.timestamps import X_EPOCH_MS
from ingest.sources.rate_limit import rate_limited
from ingest.sources.sample.text import TextMaker
from ingest.sources.x.v2 import V2Reader
from ingest.wire import Reject

BLOCK = 1_000
RHYTHM = (3, 2, 2, 1, 1, 2, 4, 7, 9, 9, 8, 8, 10, 10, 9, 9, 10, 11, 13, 15, 16, 14, 10, 6)
"""Posts in each hour of a day, as weights."""
BURST_WEIGHT = 2.5
LATE, TWICE, BROKEN = 0.01, 0.005, 0.0008
"""How likely a post comes hours late, comes twice, or follows an unreadable line."""
MOST_LATE_MS = 6 * HOUR_MS

BROKEN_LINES = (
    b'{"data": {"id": "1", "text": "cut off in the mid',
    b'{"data": {"id": "2", "text": "not \xff UTF-8"}}',
    b'{"data": {"id": "3", "created_at": "2024-02-30T12:00:00.000Z", "text": "no such day"}}',
    b'{"data": {"created_at": "2024-02-28T12:00:00.000Z", "text": "no id"}}',
    b'{"data": {"id": "5", "text": "half a character \\ud83d"}}',
    b'{"data": {"id": "6", "created_at": "2262-04-12T00:00:00.000Z", "text": "from far ahead"}}',
)


class _Cursor(msgspec.Struct, frozen=True):
    end: Millis
    """The moment up to which the posts lie."""
    next: int
    """Number of the next post. From the number of posts asked for on, they are live."""


class _GeneratedPost(NamedTuple):
    """A post, the unreadable line before it, if any, and the number of the next post."""

    post: Post
    reject: Reject | None
    next: int


class _Plan:
    """The times of posts: how many of all, in each of the hours up to `end`."""

    def __init__(self, end: Millis, hours: int) -> None:
        self._start = end - hours * HOUR_MS
        self._bursts = [int(hours * 0.35), int(hours * 0.8)]
        weights = [
            RHYTHM[(self._start // HOUR_MS + hour) % 24] * (BURST_WEIGHT if hour in self._bursts else 1.0)
            for hour in range(hours)
        ]
        self._before = [0.0, *itertools.accumulate(weights)]

    def moment(self, share: float) -> tuple[Millis, int | None]:
        """The time of the post that has this share of all posts before it, and its burst."""
        at = share * self._before[-1]
        hour = min(bisect_right(self._before, at), len(self._before) - 1) - 1
        inside = (at - self._before[hour]) / (self._before[hour + 1] - self._before[hour])
        burst = self._bursts.index(hour) if hour in self._bursts else None
        return self._start + int((hour + inside) * HOUR_MS), burst

    def late(self, moment: Millis, share: float) -> Millis:
        """A moment hours before that one, not before the plan begins."""
        return max(self._start, moment - int(share * MOST_LATE_MS))


class SampleSource:
    """Seeded posts over `hours` up to `end`, then, with `live_per_second`, on and on as the clock goes.

    `end` counts where there is no cursor yet: a cursor keeps the end that it began with. The name tells seed, number
    and hours, so a complete sample gives nothing more until a restart.
    """

    def __init__(  # noqa: PLR0913 - the options of a sample
        self,
        reading: Reading,
        *,
        end: Millis,
        seed: int = 1,
        posts: int = 20_000,
        hours: int = 24,
        live_per_second: float = 0.0,
        batch_ms: int = 200,
        stop: threading.Event | None = None,
    ) -> None:
        if posts < 1 or hours < 1 or end - hours * HOUR_MS < X_EPOCH_MS:
            what = f"can't make {quantity(posts, 'post')} over {quantity(hours, 'hour')}"
            raise UsageError(what, next_step="At least 1 of each, since 2010")
        self.name = f"sample:{seed}:{posts}:{hours}h"
        self._reading = reading
        self._broken = V2Reader(reading)
        self._end = end
        self._seed = seed
        self._posts = posts
        self._hours = hours
        self._live = live_per_second
        self._live_most = max(1, int(live_per_second * batch_ms / 1000))
        self._stop = stop or threading.Event()
        self._texts = TextMaker()

    def batches(self, cursor: Cursor, most: int) -> Iterator[Batch[Post]]:
        """See `Source`. Live posts are new each time: only their texts come again."""
        start = _decode_cursor(cursor) if cursor else _Cursor(self._end, 0)
        yield from _batches(self._backfill(start), start.end, most)
        if self._live:
            live = _batches(self._going_on(start), start.end, min(most, self._live_most))
            yield from rate_limited(live, self._live, self._stop)

    def left(self, cursor: Cursor) -> int:
        """Posts still to make behind a cursor, live ones apart."""
        return max(0, self._posts - (_decode_cursor(cursor).next if cursor else 0))

    def _backfill(self, start: _Cursor) -> Iterator[_GeneratedPost]:
        plan = _Plan(start.end, self._hours)
        for block in range(start.next // BLOCK, -(-self._posts // BLOCK)):
            for made in self._block(block, plan):
                if made.next > start.next:
                    yield made

    def _going_on(self, start: _Cursor) -> Iterator[_GeneratedPost]:
        random = Random(f"{self._seed}/live/{start.next}")  # noqa: S311 - not for secrets
        for number in itertools.count(max(start.next, self._posts)):
            lang, text = self._texts.make(random, None)
            yield _GeneratedPost(self._post(number, self._reading.now(), lang, text), None, number + 1)

    def _block(self, block: int, plan: _Plan) -> Iterator[_GeneratedPost]:
        random = Random(f"{self._seed}/{block}")  # noqa: S311 - not for secrets
        sent: list[Post] = []
        for number in range(block * BLOCK, min((block + 1) * BLOCK, self._posts)):
            moment, burst = plan.moment((number + random.random()) / self._posts)
            late, twice, broken, how_late, again = (random.random() for _ in range(5))
            lang, text = self._texts.make(random, burst)
            if late < LATE:
                moment = plan.late(moment, how_late)
            post = self._post(number, moment, lang, text)
            if twice < TWICE and sent:
                post = sent[int(again * len(sent))]
            sent.append(post)
            yield _GeneratedPost(post, self._reject(number) if broken < BROKEN else None, number + 1)

    def _post(self, number: int, moment: Millis, lang: str, text: str) -> Post:
        """Its id follows the numbering of X: the time, then a number that tells it from others of that moment."""
        salt = zlib.crc32(str(self._seed).encode())
        id_ = ((moment - X_EPOCH_MS) << 22) | ((number ^ salt) & 0x3FFFFF)
        return Post(str(id_), self._reading.source, moment, self._reading.now(), text, lang)

    def _reject(self, number: int) -> Reject:
        raw = BROKEN_LINES[number % len(BROKEN_LINES)]
        try:
            found = self._broken.read(raw)
            reason = found[0].reason if found and isinstance(found[0], BrokenPart) else "can't be read"
        except BadRecordError as error:
            reason = error.reason
        return Reject(raw, "ingest", reason, f"{self.name}#{number}", self._broken.spec)


def _batches(made: Iterator[_GeneratedPost], end: Millis, most: int) -> Iterator[Batch[Post]]:
    while some := list(itertools.islice(made, most)):
        posts = [one.post for one in some]
        rejects = [one.reject for one in some if one.reject is not None]
        cursor: Cursor = msgspec.to_builtins(_Cursor(end, some[-1].next))
        yield Batch(posts, rejects, cursor)


def _decode_cursor(cursor: Cursor) -> _Cursor:
    try:
        return msgspec.convert(cursor, _Cursor)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"not a cursor of a sample: {error}", next_step="`--restart` starts from the beginning"
        ) from None
