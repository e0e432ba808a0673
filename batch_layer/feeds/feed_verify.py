"""Verify a feed: kept + rejected + left out + gaps = accepted, each offset once, in every sink.

It recounts from the rows themselves. Of each partition of a sink, below its position:

    accepted    offsets of committed messages that Kafka still has
    rows        offsets that the sink's rows hold
    rejects     offsets among the rejects of the stage, which their topic still has
    gaps        offsets that the sink has recorded as skipped

An accepted offset that is in none of the three is one that the sink's `where` left out, or is missing: so their number
has to be the count of the sink itself. A row twice, or at an offset that nobody accepted, is wrong as
well. Offsets that retention has deleted count as accepted where a row holds them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from batch_layer.sinks.contract import ListedPlace, Standing
from batch_layer.sinks.stages import make_stage, open_place
from config.errors import DamagedError, TrendsError
from config.quantity import quantity
from config.settings import Settings
from ingest.feeds.declaration.model import ARCHIVE, NamedFeed
from ingest.feeds.record_encoder import topic_of
from ingest.kafka.client import OFFSET_IS_GONE
from ingest.kafka.offsets import ends
from ingest.kafka.reading import messages, reader

_SHOWN = 5
"""Offsets that a finding names."""


@dataclass(frozen=True)
class SinkRecount:
    """One sink, all partitions together."""

    sink: str
    accepted: int = 0
    """Committed records below the positions."""
    kept: int = 0
    rejected: int = 0
    left_out: int = 0
    lost: int = 0
    """Accepted records in gaps."""
    wrong: tuple[str, ...] = ()
    """What does not add up, a sentence each."""
    not_compared: str = ""
    """Why nobody could recount it."""


def verify_feed(settings: Settings, feed: NamedFeed) -> Iterator[SinkRecount]:
    """Recount each sink of a feed; what a running stage adds meanwhile does not count.

    It asks all sinks for their positions first, and reads the topic and the rejects once, behind that.
    """
    sinks = feed.declaration.sinks
    standings = {sink: _standings(settings, feed, sink) for sink, table in sinks.items() if table.from_ != ARCHIVE}
    readable = _Readable(settings, feed)
    for sink, table in sinks.items():
        if table.from_ == ARCHIVE:
            yield SinkRecount(sink, not_compared="its rows are the archive's own files: see `trends verify --all`")
            continue
        stage, place = make_stage(settings, feed, sink), open_place(settings, feed, sink)
        try:
            held = standings[sink]
            if isinstance(held, TrendsError):
                raise held
            accepted, rejects = readable.of(table.from_), readable.rejects.get(stage.reader.stage, {})
            found = [
                recount(
                    f"{stage.topic}/{number}",
                    each,
                    place.offsets(number),
                    accepted.get(number, frozenset()),
                    rejects.get(number, frozenset()),
                )
                for number, each in sorted(held.items())
            ]
            strangers = place.foreign() if isinstance(place, ListedPlace) else []
        except DamagedError as error:
            yield SinkRecount(sink, wrong=(str(error),))
        except TrendsError as error:
            yield SinkRecount(sink, not_compared=str(error))
        else:
            whole = sum_of(sink, found)
            yield replace(whole, wrong=(*whole.wrong, *_name_strangers(strangers)))


def _standings(settings: Settings, feed: NamedFeed, sink: str) -> Mapping[int, Standing] | TrendsError:
    try:
        return open_place(settings, feed, sink).standings()
    except TrendsError as error:
        return error


class _Readable:
    """Offsets that stages could read, and those that they refused; reads Kafka once, for the first sink that asks."""

    def __init__(self, settings: Settings, feed: NamedFeed) -> None:
        self._settings = settings
        self._feed = feed

    def of(self, origin: str) -> Mapping[int, AbstractSet[int]]:
        """By partition: of Kafka committed messages, of another sink its rows."""
        if origin == "kafka":
            return self._messages
        place = open_place(self._settings, self._feed, origin)
        return {number: set(place.offsets(number)) for number in place.standings()}

    @cached_property
    def _messages(self) -> Mapping[int, AbstractSet[int]]:
        return accepted_offsets(self._settings, topic_of(self._feed).name)

    @cached_property
    def rejects(self) -> Mapping[str, Mapping[int, AbstractSet[int]]]:
        """By stage and partition."""
        return rejected_offsets(self._settings, topic_of(self._feed).name)


def _name_strangers(paths: Sequence[str]) -> Iterator[str]:
    for path in paths[:_SHOWN]:
        yield f"{path}: no manifest names this file. Tables show it, and no stage reads it: move it away"
    if len(paths) > _SHOWN:
        yield f"{quantity(len(paths) - _SHOWN, 'more file')} that no manifest names"


class PartitionRecount(NamedTuple):
    """One partition of a sink."""

    accepted: int
    kept: int
    rejected: int
    left_out: int
    lost: int
    wrong: list[str]


def recount(
    where: str, standing: Standing, rows: Iterable[int], accepted: AbstractSet[int], rejects: AbstractSet[int]
) -> PartitionRecount:
    """Recount a partition. `rows`, `accepted` and `rejects` are offsets; those from the position on do not count."""
    counts = Counter(offset for offset in rows if offset < standing.position)
    low = min(accepted, default=standing.position)
    have = {offset for offset in accepted if offset < standing.position} | {offset for offset in counts if offset < low}
    refused = {offset for offset in rejects if offset in have}
    gaps = {offset for offset in have if any(start <= offset < end for start, end, _ in standing.gaps)}
    left = have - counts.keys() - refused - gaps
    wrong = _complain(where, "in several rows", [offset for offset, times in counts.items() if times > 1])
    wrong += _complain(where, "in a row that nobody accepted", counts.keys() - have)
    wrong += _complain(where, "in a row and among the rejects", counts.keys() & refused)
    if len(left) != standing.left_out:
        wrong += _complain(where, f"in no row, and the sink left out {standing.left_out:,}", left) or [
            f"{where}: the sink left out {standing.left_out:,}, and no offset is missing"
        ]
    if len(counts) != standing.kept:
        wrong.append(f"{where}: {quantity(len(counts), 'row')}, and the count of the sink is {standing.kept:,}")
    return PartitionRecount(len(have), len(counts), len(refused), len(left), len(gaps), wrong)


def sum_of(sink: str, partitions: Iterable[PartitionRecount]) -> SinkRecount:
    """A sink, from its partitions."""
    found = list(partitions)
    return SinkRecount(
        sink,
        accepted=sum(each.accepted for each in found),
        kept=sum(each.kept for each in found),
        rejected=sum(each.rejected for each in found),
        left_out=sum(each.left_out for each in found),
        lost=sum(each.lost for each in found),
        wrong=tuple(sentence for each in found for sentence in each.wrong),
    )


def accepted_offsets(settings: Settings, topic: str) -> dict[int, set[int]]:
    """The offsets of the committed messages that Kafka has now, by partition."""
    until = ends(settings.kafka, topic)
    found: dict[int, set[int]] = {number: set() for number in until}
    with closing(reader(settings.kafka, f"{topic}.reader")) as consumer:
        for message in messages(consumer, settings.kafka, topic, until):
            if message.error() is None or message.error().code() != OFFSET_IS_GONE:
                found[message.partition()].add(message.offset())
    return found


def rejected_offsets(settings: Settings, topic: str) -> dict[str, dict[int, set[int]]]:
    """The offsets of a topic that are among the rejects, by stage and partition: by their headers."""
    where = re.compile(rf"{re.escape(topic)}/(\d+)@(\d+)")
    found: dict[str, dict[int, set[int]]] = {}
    with closing(reader(settings.kafka, f"{settings.kafka.rejects}.reader")) as consumer:
        rejects = settings.kafka.rejects
        for message in messages(consumer, settings.kafka, rejects, ends(settings.kafka, rejects)):
            headers = dict(message.headers() or [])
            place = where.fullmatch((headers.get("where") or b"").decode(errors="replace"))
            if place:
                stage = (headers.get("stage") or b"").decode(errors="replace")
                found.setdefault(stage, {}).setdefault(int(place[1]), set()).add(int(place[2]))
    return found


def _complain(where: str, what: str, offsets: Iterable[int]) -> list[str]:
    wrong = sorted(offsets)
    if not wrong:
        return []
    named = ", ".join(map(str, islice(wrong, _SHOWN)))
    more = f" and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
    return [f"{where}: {quantity(len(wrong), 'offset')} {what}: {named}{more}"]
