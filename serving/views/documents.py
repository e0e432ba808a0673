"""Views: what the two layers write to MongoDB, and how a document there looks. The contract between all layers.

Collections
    `hours`     one document an hour, written by the batch layer, replaced whole: `HourDocument`
    `lenses`    one document a (lens, hour), written by the batch layer, replaced whole: `LensDocument`
    `samples`   one document a (lens of hashtags, hour), written by the batch layer: see `serving.views.samples`
    `uses`      one document a (hour, tag), written by the speed layer in its transactions: `UseDocument`
    `phrase_uses`   the same of phrases, where some are sent to it: `PhraseUseDocument`
    `lanes`, `progress`, `writers`   the speed layer's own (see `speed_layer.lanes` and `.heartbeats`)
    `runs`      the batch layer's ledger of jobs (see `batch_layer.runs.run_ledger`)
    `archives`  the archives that hours were computed from (see `batch_layer.archive.reading.archives`)
    `archive_marks`, `due_hours`   how far the archive is known (see `batch_layer.archive.reading.follower`)
    `rules`     one document a version of the rule: its text (see `serving.views.rulebook`)
    `alerts`    messages of webhooks, with their attempts (see `serving.alerts.deliveries`)
    `tops`      what the batch layer knows of the topic of finished hours (see `batch_layer.tops.outbox`)

Each hour is answered from exactly one of `hours` and `uses`: from the batch document where there is one. So the batch
layer deletes an hour's uses only after its document is majority-committed, and a row that comes back is never read.

An hour's document decides for its lenses too: what is missing, final or dirty, and which run is the newest. A run
writes an hour's lens documents *before* the hour's own, with the same token, and afterwards deletes those of a smaller
token. So a lens document answers only beside an hour's document whose token is not larger, and nobody plans by it.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from config.terminal_text import LONGEST, printable
from ingest.hours import Hour, Millis, moment_of
from ingest.rule import kinds

HOURS, LENSES, SAMPLES, USES, PHRASE_USES = "hours", "lenses", "samples", "uses", "phrase_uses"
LANES, PROGRESS, WRITERS, RUNS, RULES = "lanes", "progress", "writers", "runs", "rules"
ARCHIVES = "archives"
TOPS = "tops"
ALERTS = "alerts"
ARCHIVE_MARKS, DUE_HOURS = "archive_marks", "due_hours"
COLLECTIONS = frozenset(
    {
        *(HOURS, LENSES, SAMPLES, USES, PHRASE_USES, LANES, PROGRESS, WRITERS),
        *(RUNS, RULES, ARCHIVES, ARCHIVE_MARKS, DUE_HOURS, TOPS, ALERTS),
    }
)
"""Names of the collections."""

FIRST = 10
"""Tags of an hour that are its top."""

Origin = Literal["batch", "speed"]
Kind = kinds.Kind


class Lens(NamedTuple):
    """What to count in an hour's posts. The hour's own document is that of `HASHTAGS`."""

    kind: Kind = "hashtag"
    source: str | None = None
    """One source alone; None: all of them together. Phrases have no lens by source."""

    def __str__(self) -> str:
        """As a sentence names it: `bigrams`, `hashtags of bluesky`."""
        return f"{self.kind}s" if self.source is None else f"{self.kind}s of {self.source}"

    def label(self, shown: str, longest: int = LONGEST) -> str:
        """The name of a tag on a terminal or a chart: a hashtag with its sign, a phrase as it is."""
        return ("#" if self.kind == "hashtag" else "") + printable(shown, longest)

    @property
    def options(self) -> str:
        """The options that select it on the command line, each after a blank: ` --kind bigram`."""
        kind = "" if self.kind == "hashtag" else f" --kind {self.kind}"
        return kind if self.source is None else f"{kind} --source {shlex.quote(self.source)}"


HASHTAGS = Lens()
"""Hashtags over all sources: both layers count them in every hour."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tag of an hour. `shown` is the spelling most used (batch) or first seen (speed)."""

    tag: str
    shown: str
    count: int


def rank(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Tags with their counts: count descending, then tag ascending by code point. A total order, so one answer."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


class SpeedCounts(TypedDict):
    """The speed layer's view of an hour at the publish of its batch document."""

    uses: int
    tags: int
    top: list["RowDocument"]
    """The first ten."""


class Provenance(NamedTuple):
    """The archives behind an hour. `covered` is of the first; offsets of others are `earlier`."""

    archive: str = ""
    """Id of the archive at that time; empty if it had none yet."""
    topic_id: str = ""
    """Kafka's id of the topic of that archive; empty where it is unknown."""
    earlier: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Ids of further archives, and their covered offsets."""


class BatchView(NamedTuple):
    """One hour as the batch layer computed it."""

    hour: Hour
    rows: tuple[Row, ...]
    """Ranked, the first `batch.keep` of them."""
    tied_beyond: int
    """Tags beyond the kept rows that tie with the last one."""
    uses: int
    tags: int
    posts: int
    rule: str
    """Version of the hashtag rule."""
    run: str
    """Id of the run that computed it."""
    token: int
    """Fencing token of that run: a document of a smaller token never replaces it."""
    covered: tuple[int, ...]
    """For each partition of `posts`, the archive's next offset at the start of the run."""
    complete: bool
    """Whether the hour was complete then."""
    dirty: bool
    """Whether a late post has arrived since."""
    computed_at: Millis
    speed: SpeedCounts | None = None
    """None where it had nothing."""
    lens: Lens = HASHTAGS
    sources: tuple[str, ...] = ()
    """The sources of the hour's posts, ascending; empty where nobody looked."""
    provenance: Provenance = Provenance()
    unsent: bool = False
    """Whether the topic of finished hours is to have it: see `batch_layer.tops.outbox`."""


class RowDocument(TypedDict):
    """A ranked row inside an `HourDocument`."""

    tag: str
    shown: str
    count: int


class BatchDocument(TypedDict):
    """The fields of every batch document."""

    _id: str
    hour: str
    origin: Literal["batch"]
    top: list[RowDocument]
    tied_beyond: int
    uses: int
    tags: int
    posts: int
    """Posts looked at: of the hour, or of one source in it."""
    rule: str
    run: str
    token: int
    complete: bool
    computed_at: datetime


class HourDocument(BatchDocument):
    """`hours`: `_id` is `batch|2017-01-06T07`."""

    covered: list[int]
    dirty: bool
    speed: NotRequired[SpeedCounts | None]
    """Documents of earlier versions have none."""
    sources: NotRequired[list[str]]
    """Not there, or empty, where nobody looked."""
    archive: NotRequired[str]
    """Id of the archive that `covered` is of. Documents of earlier versions have none: see `archive.history`."""
    topic_id: NotRequired[str]
    earlier: NotRequired[dict[str, list[int]]]
    """Covered offsets of further archives, by id."""
    unsent: NotRequired[bool]
    """Whether the topic of finished hours still lacks it; not there where the topic never gets it."""


class LensDocument(BatchDocument):
    """`lenses`: `_id` is `bigram|2017-01-06T07`, or `hashtag|2017-01-06T07|bluesky`. A phrase is its `tag`."""

    kind: Kind
    source: str | None


class UseDocument(TypedDict):
    """`uses`: `_id` is `2017-01-06T07|paris`."""

    _id: str
    hour: str
    tag: str
    shown: str
    origin: Literal["speed"]
    count: int
    expires: datetime
    """Wall-clock moment after which the TTL index removes it."""


class PhraseUseDocument(UseDocument):
    """`phrase_uses`: `_id` is `bigram|2017-01-06T07|new york`."""

    kind: kinds.Phrase


def is_final(document: Mapping[str, Any]) -> bool:
    """Whether an hour's document is of a complete hour, and no late post has come since."""
    return bool(document["complete"] and not document["dirty"])


def hour_id(hour: Hour) -> str:
    """`_id` of an hour's batch document."""
    return f"batch|{hour}"


def lens_id(lens: Lens, hour: Hour) -> str:
    """`_id` of a lens document. Kinds and hours are known words, so ids never collide, for any name of a source."""
    return f"{lens.kind}|{hour}" if lens.source is None else f"{lens.kind}|{hour}|{lens.source}"


def use_id(hour: str, tag: str, kind: kinds.Phrase | None = None) -> str:
    """`_id` of a speed row. A tag may hold any character; the part before it has a known shape: no ids collide."""
    return f"{hour}|{tag}" if kind is None else f"{kind}|{hour}|{tag}"


def hour_document(view: BatchView) -> HourDocument:
    """The document of a batch view."""
    return {
        **_document(view, hour_id(view.hour)),
        "covered": list(view.covered),
        "dirty": view.dirty,
        "speed": view.speed,
        "sources": list(view.sources),
        "archive": view.provenance.archive,
        "topic_id": view.provenance.topic_id,
        "earlier": {archive: list(covered) for archive, covered in view.provenance.earlier},
        **({"unsent": True} if view.unsent else {}),  # type: ignore[typeddict-item]
    }


def lens_document(view: BatchView) -> LensDocument:
    """The document of a batch view through another lens."""
    return {**_document(view, lens_id(view.lens, view.hour)), "kind": view.lens.kind, "source": view.lens.source}


def _document(view: BatchView, named: str) -> BatchDocument:
    return {
        "_id": named,
        "hour": str(view.hour),
        "origin": "batch",
        "top": [{"tag": row.tag, "shown": row.shown, "count": row.count} for row in view.rows],
        "tied_beyond": view.tied_beyond,
        "uses": view.uses,
        "tags": view.tags,
        "posts": view.posts,
        "rule": view.rule,
        "run": view.run,
        "token": view.token,
        "complete": view.complete,
        "computed_at": moment_of(view.computed_at),
    }
