"""Publishing ranked hours: write the documents, majority-committed, then delete the hours' speed rows.

This order keeps every hour answered: a reader finds the speed rows, or the document, and never neither. A publish
writes further lenses and samples before the hour's own document, and deletes those of earlier runs last.

A document that covers more than the new one stays (`coverage`). If another run publishes between this check and the
write, the hour is dirty afterwards, and the next run computes it.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from batch_layer.archive.reading.coverage import CoversLessError, shortfall_of
from batch_layer.rank import HourRanking
from batch_layer.samples import unpack
from ingest.hours import Hour, Millis
from ingest.rule import phrases
from serving.views.client import mongo_errors
from serving.views.documents import (
    FIRST,
    HASHTAGS,
    HOURS,
    PHRASE_USES,
    USES,
    BatchView,
    HourDocument,
    Provenance,
    SpeedCounts,
    hour_id,
)
from serving.views.samples import SamplesDocument, SampleStamp, samples_document
from serving.views.store import Store
from serving.views.validation import BEFORE, sound

_AT_ONCE = 250
"""Hours in one write: with 1,000 rows each some 20 MB, below the driver's limit of a message."""


class HourResult(NamedTuple):
    """One hour as a run computes it."""

    hour: Hour
    ranking: HourRanking
    covered: tuple[int, ...]
    """`Ledger.covered` at the moment when the run listed its parts."""
    complete: bool = False
    provenance: Provenance = Provenance()


class Stamp(NamedTuple):
    """The run that publishes, and its hashtag rule."""

    run: str
    token: int
    rule: str


class Change(NamedTuple):
    """A change in the first ten tags of an hour that had a document before the publish."""

    hour: Hour
    entered: tuple[str, ...]
    left: tuple[str, ...]


Tops = Mapping[str, Sequence[str]]
"""The first tags of documents, by hour."""


class PublishReport(NamedTuple):
    """Result of a publish."""

    refused: int
    """Hours that a newer run had published already: they stay as they are."""
    changes: list[Change]
    """Changes of hours whose first ten tags are others now, or in another order."""
    less: list[CoversLessError]
    """Hours whose documents cover more: they stay as they are."""


def publish(
    store: Store, hours: Sequence[HourResult], stamp: Stamp, now: Millis, *, allow_less: bool = False
) -> PublishReport:
    """Publish hours, then delete the speed rows of complete hours. `allow_less`: even over documents that cover more.

    An hour in progress keeps its rows: nobody reads them beside its document, but without it they answer again.
    """
    refused = 0
    changes: list[Change] = []
    less: list[CoversLessError] = []
    for at in range(0, len(hours), _AT_ONCE):
        before = _before(store, [each.hour for each in hours[at : at + _AT_ONCE]])
        some, lacking = _split_by_coverage(hours[at : at + _AT_ONCE], {} if allow_less else before)
        less += lacking
        seen = _speed_before(store, some, before)
        sent = {hour for hour, document in before.items() if "unsent" in document}
        views = [view for each in some for view in _views(each, stamp, seen.get(str(each.hour)), now, sent)]
        samples = (document for each in some for document in _samples(each, stamp, now))
        refused += len(some) - store.publish_all(views, samples)
        store.drop_all_uses(each.hour for each in some if each.complete)
        store.drop_older_lenses([each.hour for each in some], stamp.token)
        changes += changes_of(some, {hour: _tags(document) for hour, document in before.items()})
    return PublishReport(refused, changes, less)


def covering(store: Store, hours: Sequence[HourResult]) -> tuple[list[HourResult], list[CoversLessError]]:
    """The hours that a run may publish, and why it may not publish the others. Writes nothing."""
    return _split_by_coverage(hours, _before(store, [each.hour for each in hours]))


def _split_by_coverage(
    hours: Sequence[HourResult], before: Mapping[str, HourDocument]
) -> tuple[list[HourResult], list[CoversLessError]]:
    covers, less = [], []
    for each in hours:
        document = before.get(str(each.hour))
        short = shortfall_of(document, each.covered, each.provenance) if document else None
        if short:
            less.append(CoversLessError(each.hour, short))
        else:
            covers.append(each)
    return covers, less


def sweep(store: Store) -> int:
    """Delete speed rows of hours that have a final document: a replay, or a crash after a publish, leaves some."""
    with mongo_errors():
        hours = {hour for name in (USES, PHRASE_USES) for hour in store.collection(name).distinct("hour")}
        wanted = {"_id": {"$in": [f"batch|{hour}" for hour in hours]}, "complete": True}
        final = [Hour.parse(each["hour"]) for each in store.collection(HOURS).find(wanted, {"hour": True})]
    return store.drop_all_uses(final) if final else 0


def _views(
    result: HourResult, stamp: Stamp, seen: SpeedCounts | None, now: Millis, sent: Container[str]
) -> Iterator[BatchView]:
    """All documents of the hour, one a lens. `sent`: the hours of which the topic of finished hours knows."""
    of_phrases = phrases.version()
    for lens, ranking in ((HASHTAGS, result.ranking), *result.ranking.further):
        yield BatchView(
            hour=result.hour,
            rows=ranking.rows,
            tied_beyond=ranking.tied_beyond,
            uses=ranking.uses,
            tags=ranking.tags,
            posts=ranking.posts,
            rule=stamp.rule if lens.kind == "hashtag" else of_phrases,
            run=stamp.run,
            token=stamp.token,
            covered=result.covered,
            provenance=result.provenance,
            complete=result.complete,
            dirty=False,
            computed_at=now,
            speed=seen,
            lens=lens,
            sources=result.ranking.sources,
            unsent=lens == HASHTAGS and (result.complete or str(result.hour) in sent),
        )


def _samples(result: HourResult, stamp: Stamp, now: Millis) -> Iterator[SamplesDocument]:
    """The hour's documents of samples, one a lens of hashtags."""
    archives = (*(archive for archive, _ in result.provenance.earlier), result.provenance.archive)
    of_run = SampleStamp(stamp.rule, stamp.run, stamp.token, now, archives)
    for lens, packed in result.ranking.samples:
        yield samples_document(result.hour, lens, unpack(packed), of_run)


def tops(store: Store, hours: Sequence[Hour]) -> Tops:
    """The first tags of the existing documents."""
    return {hour: _tags(document) for hour, document in _before(store, hours).items()}


def changes_of(hours: Sequence[HourResult], before: Tops) -> list[Change]:
    """Changes in the first tags of hours, against those of `before`."""
    changes = []
    for each in hours:
        old = before.get(str(each.hour))
        new = [row.tag for row in each.ranking.rows[:FIRST]]
        if old is not None and old != new:
            entered = tuple(tag for tag in new if tag not in old)
            changes.append(Change(each.hour, entered, tuple(tag for tag in old if tag not in new)))
    return changes


def _before(store: Store, hours: Sequence[Hour]) -> dict[str, HourDocument]:
    """The existing documents, with the fields that a comparison needs."""
    with mongo_errors():
        wanted = {"_id": {"$in": [hour_id(hour) for hour in hours]}}
        fields = {
            "hour": True,
            "complete": True,
            "covered": True,
            "archive": True,
            "earlier": True,
            "speed": True,
            "unsent": True,
            "top": {"$slice": FIRST},
        }
        found = sound(store.collection(HOURS).find(wanted, fields), BEFORE)
        return {each["hour"]: each for each in found}  # type: ignore[misc]


def _speed_before(
    store: Store, hours: Sequence[HourResult], before: Mapping[str, HourDocument]
) -> dict[str, SpeedCounts | None]:
    """Counts of the speed layer: now, or when an hour was first complete. Later it counts only a part of the hour."""
    kept = {hour: document.get("speed") for hour, document in before.items() if document["complete"]}
    asked = [each.hour for each in hours if str(each.hour) not in kept]
    return kept | (store.speed_counts(asked) if asked else {})


def _tags(document: HourDocument) -> list[str]:
    return [row["tag"] for row in document["top"]]
