"""Samples of an hour: posts of each ranked tag, tags used together with it, and its spellings. Pure.

`batch_layer.rank` passes each post once; this keeps, for each tag, the posts with the smallest hash of (source, id):
bottom-k sampling, so the sample is a function of the set of posts. It depends on no order, file, retry or time, every
post of the tag is equally likely in it, and the samples of two hours make one of both: the smallest of all.

    Edith Cohen, Haim Kaplan, "Summarizing Data using Bottom-k Sketches", PODC 2007.

Two tags are related if more posts use both than chance gives, by Dunning's G2 (`serving.views.likelihood`) of the table
(posts with and without the one) x (posts with and without the other), over posts that have a hashtag.

Bounds: `MOST_TAGS` tags, the setting's number of posts each, `RELATED` tags, `SPELLINGS` spellings, no tag or spelling
beside the tag's own of more than `LONGEST_BYTES`, pairs among the first `PAIRED` tags of a post, and in all what a
document holds.
"""

import heapq
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations

import msgspec

from serving.views.documents import Row
from serving.views.fitting import fitting
from serving.views.likelihood import log_likelihood
from serving.views.samples import HourSamples, Place, RelatedTag, SampledPost, TagSample

MOST_TAGS = 1_000
"""Ranked tags of an hour that have samples."""
RELATED = 10
SPELLINGS = 10
PAIRED = 20
"""A post with more hashtags counts as one with its first so many, in pairs alone."""
LONGEST_BYTES = 300
"""Longest related tag, and longest spelling that is not the tag's only one."""
_TAG_BYTES, _POST_BYTES, _PAIR_BYTES = 120, 60, 60
"""Bytes of a tag, of a post and of a related tag or a spelling in a document, beside their texts."""
_Spelled = Mapping[tuple[str, str], int]
Use = tuple[str, tuple[int, int, int], Mapping[str, str]]
"""Id, place and tags of a post, each tag with its spelling, in the post's order."""
_ORDER_BYTES = 7
_PLACE = struct.Struct(">HIQ")
"""Bytes of a place after those of the order: they sort as the numbers do, and the garbage collector ignores them."""
_SLACK = 4
"""A tag holds so many times the posts of its sample before it drops the others."""

_decoder = msgspec.msgpack.Decoder(HourSamples)


def order_of(source: str, post_id: str) -> int:
    """The place of a post in the order of samples: the BLAKE2b hash, of 56 bits, of its source, a NUL and its id."""
    return int.from_bytes(_digest(source, post_id), "big")


def _digest(source: str, post_id: str) -> bytes:
    return blake2b(f"{source}\0{post_id}".encode(), digest_size=_ORDER_BYTES).digest()


class Sampler:
    """Collects the samples of posts of one source, or of all. Memory: `_SLACK` samples a tag, and each set of tags."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept: defaultdict[str, list[bytes]] = defaultdict(list)
        """The posts of each tag, those with the smallest order among them, and not many others."""
        self.sets: Counter[tuple[str, ...]] = Counter()
        """Posts by the first tags that they use."""

    def add(self, source: str, posts: Sequence[Use]) -> None:
        """Add posts of one source, each of which has a tag."""
        kept_of, most = self.kept, self._most * _SLACK
        for post_id, place, used in posts:
            post = _digest(source, post_id) + _PLACE.pack(*place)
            for tag in used:
                kept = kept_of[tag]
                kept.append(post)
                if len(kept) > most:
                    kept.sort()
                    del kept[self._most :]
        self.sets.update([tuple(used) if len(used) <= PAIRED else tuple(used)[:PAIRED] for _, _, used in posts])

    @classmethod
    def of_all(cls, samplers: Iterable["Sampler"], most: int) -> "Sampler":
        """The samples of several sources together."""
        parts = list(samplers)
        if len(parts) == 1:
            return parts[0]
        whole = cls(most)
        for part in parts:
            whole.sets.update(part.sets)
            for tag, kept in part.kept.items():
                whole.kept[tag] += kept
        return whole

    def samples(self, rows: Sequence[Row], spelled: _Spelled) -> HourSamples:
        """The samples of ranked tags. `spelled`: uses by tag and spelling."""
        ranked = {row.tag: row for row in rows[:MOST_TAGS]}
        tagged = self.sets.total()
        related = _related(ranked, self.sets, tagged)
        spellings = _spellings(ranked, spelled)
        each = (self._of_tag(row, related.get(tag, ()), spellings[tag]) for tag, row in ranked.items())
        return HourSamples(self._most, tagged, tuple(fitting(each, _size)))

    def _of_tag(self, row: Row, related: Sequence[RelatedTag], spellings: Sequence[tuple[str, int]]) -> TagSample:
        posts = sorted(self.kept[row.tag])[: self._most]
        sampled = tuple(map(_sampled, posts))
        return TagSample(row.tag, row.count, sampled, tuple(related), tuple(spellings))


def _sampled(post: bytes) -> SampledPost:
    return SampledPost(int.from_bytes(post[:_ORDER_BYTES], "big"), Place(*_PLACE.unpack_from(post, _ORDER_BYTES)))


def pack(samples: HourSamples) -> bytes:
    """Samples as bytes, for the way from a worker: the driver holds those of many hours at once."""
    return msgspec.msgpack.encode(samples)


def unpack(packed: bytes) -> HourSamples:
    """Samples from their bytes."""
    return _decoder.decode(packed)


def _related(
    ranked: Mapping[str, Row], sets: Mapping[tuple[str, ...], int], tagged: int
) -> dict[str, list[RelatedTag]]:
    """For each ranked tag those used together with it more often than by chance."""
    pairs: Counter[tuple[str, str]] = Counter()
    short = {tag for tag in ranked if _is_short(tag)}
    for used, count in sets.items():
        if len(used) > 1:
            for pair in combinations(sorted(short.intersection(used)), 2):
                pairs[pair] += count
    found: defaultdict[str, list[RelatedTag]] = defaultdict(list)
    for (one, other), both in pairs.items():
        uses, others = ranked[one].count, ranked[other].count
        if both * tagged > uses * others:
            score = round(log_likelihood(both, others - both, uses, tagged - uses), 3)
            found[one].append(RelatedTag(other, _shown(ranked[other]), both, score))
            found[other].append(RelatedTag(one, _shown(ranked[one]), both, score))
    return {tag: heapq.nsmallest(RELATED, each, key=_by_score) for tag, each in found.items()}


def _by_score(related: RelatedTag) -> tuple[float, str]:
    return -related.score, related.tag


def _shown(row: Row) -> str:
    return row.shown if _is_short(row.shown) else row.tag


def _spellings(ranked: Mapping[str, Row], spelled: _Spelled) -> dict[str, list[tuple[str, int]]]:
    """The most used spellings of each ranked tag; of equals the first by code point."""
    found: dict[str, list[tuple[str, int]]] = {tag: [] for tag in ranked}
    for (tag, shown), count in spelled.items():
        if tag in ranked and _is_short(shown):
            found[tag].append((shown, count))
    return {tag: heapq.nsmallest(SPELLINGS, each, key=_by_count) for tag, each in found.items()}


def _by_count(spelling: tuple[str, int]) -> tuple[int, str]:
    return -spelling[1], spelling[0]


def _is_short(text: str) -> bool:
    return len(text) <= LONGEST_BYTES // 4 or len(text.encode()) <= LONGEST_BYTES


def _size(sample: TagSample) -> int:
    """Bytes of a tag in a document."""
    related = [text for each in sample.related for text in each[:2]]
    texts = [sample.tag, *related, *(text for text, _ in sample.spellings)]
    beside = _PAIR_BYTES * (len(sample.related) + len(sample.spellings)) + _POST_BYTES * len(sample.posts) + _TAG_BYTES
    return sum(len(text.encode()) for text in texts) + beside
