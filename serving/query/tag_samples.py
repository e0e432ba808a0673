"""Samples: what the views have of a tag's posts in some hours, in one snapshot.

The hour's own document decides, as it does for lenses: samples of an older run are leftovers, and answer nothing.
"""

from collections.abc import Iterator, Sequence

from config.errors import DamagedError, NoDataError
from config.quantity import quantity
from ingest.hours import Hour
from serving.answers.merge import State
from serving.answers.tag_posts import SampledHour, TagSamples, add_samples
from serving.query.query import Query
from serving.views.client import Document, mongo_errors
from serving.views.documents import HASHTAGS, HOURS, SAMPLES, HourDocument, Lens, hour_id, is_final, lens_id
from serving.views.layer_coverage import hours_between
from serving.views.samples import tag_sample
from serving.views.snapshot import Snapshot

_AT_ONCE = 500
"""Hours in one question."""
_OWN = dict.fromkeys(("hour", "token", "complete", "dirty", "sources"), True)


def tag_samples(query: Query, tag: str, since: Hour, until: Hour) -> TagSamples:
    """The samples of a tag in `[since, until)`. Raises `NoDataError` with the reason if there is none, `UsageError`."""
    query.bounds.check(since, until)
    with query.bounds.turn_for(since, until), query.store.snapshot() as snapshot:
        hours = list(_hours(snapshot, tag, since, until, query.lens))
    answer = add_samples(tag, query.lens, since, until, hours)
    if not any(each.sample for each in hours):
        raise _nothing(query, answer)
    return answer


def _hours(snapshot: Snapshot, tag: str, since: Hour, until: Hour, lens: Lens) -> Iterator[SampledHour]:
    """The hours with data, ascending."""
    batch = hours_between(snapshot, "batch", HASHTAGS, since, until)
    found: dict[Hour, SampledHour] = {}
    for at in range(0, len(batch), _AT_ONCE):
        found |= {each.hour: each for each in _computed(snapshot, batch[at : at + _AT_ONCE], tag, lens)}
    if lens.source is None:
        for hour in hours_between(snapshot, "speed", HASHTAGS, since, until):
            found.setdefault(hour, SampledHour(hour, "speed", "live", has_samples=False))
    yield from (found[hour] for hour in sorted(found))


def _computed(snapshot: Snapshot, hours: Sequence[Hour], tag: str, lens: Lens) -> Iterator[SampledHour]:
    own = _find(snapshot, HOURS, [hour_id(hour) for hour in hours], _OWN)
    wanted = {hour: _id(hour, document, lens) for hour, document in own.items()}
    fields = {"hour": True, "token": True, "archives": True, "tags": {"$elemMatch": {"tag": tag}}}
    samples = _find(snapshot, SAMPLES, [each for each in wanted.values() if each], fields)
    for hour, document in own.items():
        of_hour = samples.get(hour)
        if wanted[hour] is None:
            continue
        state: State = "final" if is_final(document) else "provisional"
        if of_hour is None or of_hour["token"] < document["token"]:
            yield SampledHour(Hour.parse(hour), "batch", state, has_samples=False)
            continue
        yield _sampled(SampledHour(Hour.parse(hour), "batch", state, has_samples=True), of_hour)


def _sampled(hour: SampledHour, document: Document) -> SampledHour:
    """The hour with the sample of a document, if that has the tag."""
    try:
        sample = next(iter(map(tag_sample, document.get("tags", ()))), None)
        archives = tuple(map(str, document["archives"]))
        if sample is not None and any(not 0 <= place.era < len(archives) for _, place in sample.posts):
            raise ValueError("a post of no archive")
    except (KeyError, TypeError, ValueError) as error:
        step = f"`trends batch hour {hour.hour}` computes it again"
        raise DamagedError(
            f"damaged document: {error}"[:300], where=f"MongoDB {SAMPLES} {hour.hour}", next_step=step
        ) from None
    return hour._replace(sample=sample, archives=archives)


def _id(hour: str, document: HourDocument | Document, lens: Lens) -> str | None:
    """`_id` of the hour's samples through a lens; None where the hour has no post of the lens's source."""
    sources = document.get("sources")
    if lens.source is None or sources == [lens.source]:
        return lens_id(HASHTAGS, Hour.parse(hour))
    return lens_id(lens, Hour.parse(hour)) if not sources or lens.source in sources else None


def _find(snapshot: Snapshot, name: str, ids: Sequence[str], fields: Document) -> dict[str, Document]:
    with mongo_errors():
        found = snapshot.collection(name).find({"_id": {"$in": list(ids)}}, fields, session=snapshot.session)
        return {each["hour"]: each for each in found}


def _nothing(query: Query, answer: TagSamples) -> NoDataError:
    """Why a tag has no sample, and the command that gives it one."""
    tag = query.lens.label(answer.tag)
    span = str(answer.since) if answer.until == answer.since.plus(1) else f"{answer.since} to {answer.until}"
    if not answer.hours:
        return NoDataError(f"no data for {span}", next_step=query.what_there_is())
    if answer.without:
        what = f"no posts of {tag} for {span}: {quantity(len(answer.without), 'hour')} computed without samples"
        return NoDataError(what, next_step=f"Where batch.sample_posts is not 0, `{answer.mend}` keeps them")
    if answer.sampled:
        what = f"no posts of {tag} for {span}: it is none of the ranked tags"
        return NoDataError(what, next_step=query.what_there_is())
    what = f"no posts of {tag} for {span}: the speed layer answers, and samples come with the batch layer"
    step = f"An hour has them once it is computed; `trends batch hour {answer.live[-1]}` computes it now"
    return NoDataError(what, next_step=step)
