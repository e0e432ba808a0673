"""Samples: a few posts of each ranked tag of an hour, tags used with it, and its spellings. The batch layer keeps them.

The collection `samples` has one document an hour and lens of hashtags, `hashtag|2017-01-06T07` over all sources and
`hashtag|2017-01-06T07|bluesky` of one. A run writes it *before* the hour's own document, with the same fencing token.
It answers only beside an hour's document whose token is not larger, as a document of `lenses` does.

A sample names a post by its place: an archive, a partition, an offset. Texts stay in the archive. Tags, spellings and
names of sources are values: none is ever the name of a field.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypedDict

from ingest.hours import Hour, Millis, moment_of
from serving.views.documents import Lens, lens_id


class Place(NamedTuple):
    """The place of a post in the history of archives: offsets of two archives don't compare."""

    era: int
    """The place of its archive among those that a run reads, the current one last."""
    partition: int
    offset: int


class SampledPost(NamedTuple):
    """One post of a sample."""

    order: int
    """Hash of the post's source and id, of 56 bits: the posts with the smallest ones are the sample."""
    place: Place


class RelatedTag(NamedTuple):
    """A tag that posts use together with another one more often than by chance."""

    tag: str
    shown: str
    both: int
    """Posts that use both."""
    score: float
    """G2 of both in one post, see `serving.views.likelihood`, in thousandths."""


class TagSample(NamedTuple):
    """What an hour keeps of one ranked tag."""

    tag: str
    uses: int
    posts: tuple[SampledPost, ...]
    """Ascending."""
    related: tuple[RelatedTag, ...]
    """By score descending, then by tag."""
    spellings: tuple[tuple[str, int], ...]
    """With their uses, most first."""


class HourSamples(NamedTuple):
    """The samples of one hour through one lens."""

    most: int
    """Posts of a tag that it keeps at most."""
    tagged: int
    """Posts of the hour that have a hashtag: chance is about these."""
    tags: tuple[TagSample, ...]
    """In the order of the ranking."""


class TagSampleDocument(TypedDict):
    """A tag inside a `SamplesDocument`."""

    tag: str
    uses: int
    posts: list[list[int]]
    """For each its order, the number of its archive in `archives`, partition and offset."""
    related: list[list[str | int | float]]
    """For each tag, spelling, posts with both, score."""
    spellings: list[list[str | int]]


class SamplesDocument(TypedDict):
    """`samples`."""

    _id: str
    hour: str
    source: str | None
    rule: str
    run: str
    token: int
    computed_at: datetime
    archives: list[str]
    most: int
    tagged: int
    tags: list[TagSampleDocument]


class SampleStamp(NamedTuple):
    """The run behind samples."""

    rule: str
    run: str
    token: int
    computed_at: Millis
    archives: Sequence[str]
    """Ids of the archives by `Place.era`."""


def samples_document(hour: Hour, lens: Lens, samples: HourSamples, stamp: SampleStamp) -> SamplesDocument:
    """The document of an hour's samples."""
    return {
        "_id": lens_id(lens, hour),
        "hour": str(hour),
        "source": lens.source,
        "rule": stamp.rule,
        "run": stamp.run,
        "token": stamp.token,
        "computed_at": moment_of(stamp.computed_at),
        "archives": list(stamp.archives),
        "most": samples.most,
        "tagged": samples.tagged,
        "tags": [_tag_document(each) for each in samples.tags],
    }


def _tag_document(sample: TagSample) -> TagSampleDocument:
    return {
        "tag": sample.tag,
        "uses": sample.uses,
        "posts": [[order, *place] for order, place in sample.posts],
        "related": [[*each] for each in sample.related],
        "spellings": [[*each] for each in sample.spellings],
    }


def tag_sample(document: TagSampleDocument) -> TagSample:
    """A tag's sample from its document. Raises `ValueError` or `TypeError` where it is damaged."""
    return TagSample(
        document["tag"],
        document["uses"],
        tuple(SampledPost(order, Place(*place)) for order, *place in document["posts"]),
        tuple(RelatedTag(*each) for each in document["related"]),  # type: ignore[arg-type]
        tuple((shown, count) for shown, count in document["spellings"]),  # type: ignore[misc]
    )
