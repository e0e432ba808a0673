"""Tag posts: the samples of a tag in some hours as one, and what people see of it. Pure.

Samples add up: the posts with the smallest orders of all hours are the sample that one run over all of them would have
kept. Counts of spellings and of posts with a related tag add up too, and so do scores, as log-likelihood ratios of
independent tables do. An hour keeps its first related tags and spellings, so a sum is the least that it can be.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingest.hours import Hour, Millis
from serving.answers.merge import State
from serving.answers.spelling import by_uses
from serving.views.documents import Lens, Origin
from serving.views.samples import RelatedTag, TagSample

MOST_SHOWN = 10
"""Related tags and spellings of an answer."""


class SampledHour(NamedTuple):
    """What the views have of a tag in an hour with data."""

    hour: Hour
    origin: Origin
    state: State
    has_samples: bool
    """Whether the hour was computed with samples; then a tag without a sample is none of its ranked tags."""
    sample: TagSample | None = None
    archives: tuple[str, ...] = ()
    """Ids of the archives of the sample."""


class PostPlace(NamedTuple):
    """The place of a sampled post in the archives, by its order."""

    order: int
    hour: Hour
    archive: str
    partition: int
    offset: int


@dataclass(frozen=True)
class TagSamples:
    """The samples of a tag in the hours `[since, until)`, as one."""

    tag: str
    lens: Lens
    since: Hour
    until: Hour
    hours: tuple[SampledHour, ...]
    """Those with data, ascending."""
    places: tuple[PostPlace, ...]
    """Ascending by order."""
    related: tuple[RelatedTag, ...]
    """By score descending, then by tag."""
    spellings: tuple[tuple[str, int], ...]
    """With their uses, most first."""

    @property
    def uses(self) -> int:
        """Uses in the hours that have a sample."""
        return sum(each.sample.uses for each in self.hours if each.sample)

    @property
    def live(self) -> tuple[Hour, ...]:
        """Hours that the speed layer answers: samples come with the batch layer."""
        return tuple(each.hour for each in self.hours if each.origin == "speed")

    @property
    def without(self) -> tuple[Hour, ...]:
        """Hours that the batch layer computed without samples."""
        return tuple(each.hour for each in self.hours if each.origin == "batch" and not each.has_samples)

    @property
    def mend(self) -> str | None:
        """The command that computes the hours without samples again, and those between; None if there are none."""
        hours = self.without
        if len(hours) < 2:
            return f"trends batch hour {hours[0]}" if hours else None
        return f"trends recompute --since {hours[0]} --until {hours[-1].plus(1)}"

    @property
    def sampled(self) -> tuple[Hour, ...]:
        """Hours computed with samples, whether or not they have the tag."""
        return tuple(each.hour for each in self.hours if each.has_samples)


def add_samples(tag: str, lens: Lens, since: Hour, until: Hour, hours: Iterable[SampledHour]) -> TagSamples:
    """The samples of a tag in some hours as one. `hours`: those with data, ascending."""
    held = tuple(hours)
    places: list[PostPlace] = []
    spelled: Counter[str] = Counter()
    both: Counter[str] = Counter()
    scores: defaultdict[str, float] = defaultdict(float)
    shown: dict[str, Counter[str]] = {}
    for each in held:
        if each.sample is not None:
            places += [
                PostPlace(order, each.hour, each.archives[era], partition, offset)
                for order, (era, partition, offset) in each.sample.posts
            ]
            spelled.update(dict(each.sample.spellings))
            for related in each.sample.related:
                both[related.tag] += related.both
                scores[related.tag] += related.score
                shown.setdefault(related.tag, Counter())[related.shown] += related.both
    ranked = sorted(scores, key=lambda other: (-scores[other], other))[:MOST_SHOWN]
    related_tags = tuple(
        RelatedTag(other, by_uses(shown[other])[0][0], both[other], round(scores[other], 3)) for other in ranked
    )
    spellings = tuple(by_uses(spelled)[:MOST_SHOWN])
    return TagSamples(tag, lens, since, until, held, tuple(sorted(places)), related_tags, spellings)


class ShownPost(NamedTuple):
    """A post of a sample, as people see it."""

    source: str
    id: str
    at: Millis
    """When its author wrote it."""
    text: str | None
    """None where the settings hide texts."""
    link: str | None
    """The original; None where the source has no address for it."""


class AbsentPost(NamedTuple):
    """A post of a sample that the archive does not give now."""

    place: PostPlace
    why: str


@dataclass(frozen=True)
class TagPosts:
    """Posts behind a tag."""

    samples: TagSamples
    posts: tuple[ShownPost, ...]
    """In the order of the sample, posts with a text that another one has last."""
    absent: tuple[AbsentPost, ...]
    hidden: int
    """Posts of the sample that the settings hide."""
    shows_text: bool


def without_repeats(posts: Sequence[ShownPost], n: int) -> tuple[ShownPost, ...]:
    """The first n posts of a sample; one with the text of another only where there are too few others."""
    texts: set[str] = set()
    first: list[ShownPost] = []
    again: list[ShownPost] = []
    for post in posts:
        text = " ".join((post.text or "").split())
        (again if text and text in texts else first).append(post)
        texts.add(text)
    return tuple((first + again)[:n])
