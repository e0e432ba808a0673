"""Ranking of an hour: the pure definition that hourly runs, recomputations and the full history share.

    posts as they arrived -> each (source, id) once -> the rule -> counts and spellings -> ranked rows

A *lens* selects the terms to count: hashtags over all sources, and further ones: phrases (bigrams, trigrams), and
hashtags of one source alone. One pass over the posts counts the terms of all lenses, and one function ranks them. If an
hour has posts of one source only, that source's hashtags are the hour's and need no second ranking.

The same pass samples posts of the ranked hashtags: `batch_layer.samples`.

Nothing here knows Spark. `batch_layer.spark.arrow` feeds it from sorted Arrow batches, and tests from lists.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from typing import NamedTuple

from batch_layer.samples import Sampler, Use, pack
from ingest.rule.escapes import author_text
from ingest.rule.hashtags import Rule
from ingest.rule.kinds import Phrase
from ingest.rule.phrases import phrases
from serving.views.documents import HASHTAGS, Lens, Row, rank
from serving.views.fitting import fitting
from serving.views.samples import Place

_ROW_BYTES = 64
"""Bytes of a row beside its tag and spelling."""


class PostFields(NamedTuple):
    """The fields of a post that its hour's ranking needs."""

    source: str
    id: str
    text: str | None
    """None stands for any text that has no `#` or `＃`, hence no hashtag, where no lens counts phrases."""
    tags: Iterable[str] | None
    """Hashtags that the source itself names, or None."""
    lang: str | None = None
    """Decides which function words are no part of a phrase."""
    place: Place = Place(0, 0, 0)
    """Where the archive has it: samples name it so."""


class Columns(NamedTuple):
    """Posts of one hour, `PostFields`, by column."""

    source: Sequence[str]
    id: Sequence[str]
    text: Sequence[str | None]
    tags: Sequence[Iterable[str] | None]
    lang: Sequence[str | None]
    place: Iterable[tuple[int, int, int]] = repeat((0, 0, 0))
    """As in `Place`; a plain tuple is made faster."""


class Further(NamedTuple):
    """What a ranking has besides hashtags over all sources."""

    kinds: tuple[Phrase, ...] = ()
    by_source: bool = False
    """Hashtags by source, where the hour has posts of more than one."""
    samples: int = 0
    """Posts that samples keep of each ranked hashtag; 0: no samples."""


NOTHING_FURTHER = Further()


@dataclass(frozen=True, slots=True)
class Ranking:
    """An hour through one lens, counted and ranked."""

    rows: tuple[Row, ...]
    """The first `keep` tags, fewer where they are huge: count descending, then tag ascending by code point."""
    tied_beyond: int
    """Tags without a row though they have the last row's count."""
    uses: int
    tags: int
    """Distinct tags, those without a row included."""
    posts: int
    """Distinct (source, id): of the hour, or of the one source."""


@dataclass(frozen=True, slots=True)
class HourRanking(Ranking):
    """One hour: its hashtags over all sources, and its further lenses."""

    read: int
    """Posts as they arrived, repeated ones included: the manifests count the same."""
    sources: tuple[str, ...] = ()
    """Its sources, ascending; none without `Further.by_source`."""
    further: tuple[tuple[Lens, Ranking], ...] = ()
    samples: tuple[tuple[Lens, bytes], ...] = ()
    """Of its lenses of hashtags, packed: `batch_layer.samples.unpack`."""


Name = tuple[str, str]
"""Source and id."""
_Arrival = tuple[str, str, str | None, Iterable[str] | None, str | None, tuple[int, int, int]]
"""The fields of `PostFields`."""
Spelled = Counter[tuple[str, str]]
"""How many posts use a tag in a spelling."""


def rank_hour(posts: Iterable[PostFields], rule: Rule, keep: int, further: Further = NOTHING_FURTHER) -> HourRanking:
    """`rank_columns` for posts one by one."""
    rows = list(posts)
    return rank_columns([Columns(*zip(*rows, strict=True))] if rows else [], rule, keep, further)


def rank_columns(chunks: Iterable[Columns], rule: Rule, keep: int, further: Further = NOTHING_FURTHER) -> HourRanking:
    """Rank one hour's posts, which come in order of (partition, offset).

    Of a repeated post only the first arrival counts. Memory: the names of the hour's posts, its tags and its phrases.
    """
    seen: set[Name] = set()
    tags: defaultdict[str, Spelled] = defaultdict(Counter)
    phrased: dict[Phrase, Spelled] = {kind: Counter() for kind in further.kinds}
    samplers: defaultdict[str, Sampler] = defaultdict(lambda: Sampler(further.samples))
    read = 0
    for chunk in chunks:
        read += len(chunk.id)
        uses: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)  # a counter adds many at once much faster
        sampled: defaultdict[str, list[Use]] = defaultdict(list)
        for source, post_id, text, native, lang, place in _first_arrivals(chunk, seen):
            written = author_text(source, text or "")
            if written or native:
                used = rule.tags(written, native)
                uses[source] += used.items()
                if used and further.samples:
                    sampled[source].append((post_id, place, used))
            if written and phrased:
                for kind, found in phrases(written, lang, phrased).items():
                    phrased[kind].update(found.items())
        for source, pairs in uses.items():
            tags[source].update(pairs)
        for source, used_by in sampled.items():
            samplers[source].add(source, used_by)
    posts_of = Counter(map(itemgetter(0), seen))
    together = _together(tags.values())
    whole = _ranking(together, len(seen), keep)
    lenses = [(Lens(kind), _ranking(spelled, len(seen), keep)) for kind, spelled in phrased.items()]
    samples = _samples(samplers, HASHTAGS, whole, together, further.samples)
    if further.by_source and len(posts_of) > 1:
        for source in sorted(posts_of):
            lens, ranking = Lens(source=source), _ranking(tags[source], posts_of[source], keep)
            lenses.append((lens, ranking))
            samples += _samples(samplers, lens, ranking, tags[source], further.samples)
    sources = tuple(sorted(posts_of)) if further.by_source else ()
    return HourRanking(
        whole.rows, whole.tied_beyond, whole.uses, whole.tags, whole.posts, read, sources, tuple(lenses), tuple(samples)
    )


def _samples(
    samplers: Mapping[str, Sampler], lens: Lens, ranking: Ranking, spelled: Spelled, most: int
) -> list[tuple[Lens, bytes]]:
    """The samples of an hour through a lens of hashtags; none if the settings keep none."""
    if not most:
        return []
    parts = [sampler for source, sampler in samplers.items() if lens.source in (None, source)]
    return [(lens, pack(Sampler.of_all(parts, most).samples(ranking.rows, spelled)))]


def _first_arrivals(chunk: Columns, seen: set[Name]) -> Iterable[_Arrival]:
    """The posts whose names `seen` lacks. Adds the names."""
    names = list(zip(chunk.source, chunk.id, strict=True))
    rows = zip(chunk.source, chunk.id, chunk.text, chunk.tags, chunk.lang, chunk.place)  # noqa: B905 - without places
    new = set(names)
    if len(new) == len(names) and new.isdisjoint(seen):  # as nearly always: no need to look at each
        seen |= new
        return rows
    first = []
    for name, row in zip(names, rows, strict=True):
        if name not in seen:
            seen.add(name)
            first.append(row)
    return first


def _together(counters: Collection[Spelled]) -> Spelled:
    if len(counters) == 1:
        return next(iter(counters))
    added: Spelled = Counter()
    for each in counters:
        added.update(each)
    return added


def _ranking(spelled: Spelled, posts: int, keep: int) -> Ranking:
    counts: Counter[str] = Counter()
    for (tag, _), count in spelled.items():
        counts[tag] += count
    ranked = rank(_foremost(counts, keep))[:keep]
    shown = _most_used(spelled, {tag for tag, _ in ranked})
    rows = tuple(fitting((Row(tag, shown[tag], count) for tag, count in ranked), _size))
    last = rows[-1].count if rows else 0
    tied = sum(count == last for count in counts.values()) - sum(row.count == last for row in rows)
    return Ranking(rows, tied, counts.total(), len(counts), posts)


def _foremost(counts: Mapping[str, int], keep: int) -> Mapping[str, int]:
    """The tags that can be among the first `keep`: most of an hour's phrases occur once, and need no sorting."""
    if len(counts) <= keep:
        return counts
    least = heapq.nlargest(keep, counts.values())[-1]
    return {tag: count for tag, count in counts.items() if count >= least}


def _size(row: Row) -> int:
    """Bytes of a row in a document."""
    return len(row.tag.encode()) + len(row.shown.encode()) + _ROW_BYTES


def _most_used(spelled: Spelled, tags: Container[str]) -> dict[str, str]:
    """The most frequent spelling of each of these tags; of equals the first by code point."""
    best: dict[str, tuple[int, str]] = {}
    for (tag, spelling), count in spelled.items():
        if tag in tags:
            offered = (-count, spelling)
            if tag not in best or offered < best[tag]:
                best[tag] = offered
    return {tag: spelling for tag, (_, spelling) in best.items()}
