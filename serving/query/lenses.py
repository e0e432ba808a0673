"""Lenses: hours as phrases or by source, and why an hour has no answer through a lens.

The hour's own document decides: a lens document of an older run is a leftover, and answers nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from config.errors import NoDataError, UsageError
from ingest.hours import Hour, millis
from serving.answers.merge import View
from serving.answers.scores import By
from serving.views.client import mongo_errors
from serving.views.documents import HASHTAGS, LENSES, BatchDocument, HourDocument, Kind, Lens, Row, is_final
from serving.views.snapshot import Snapshot
from serving.views.store import Store


def lens_of(kind: Kind, source: str | None) -> Lens:
    """The lens of a kind and a source. Raises `UsageError`: phrases have no lens by source."""
    if source is not None and kind != "hashtag":
        what = f"{kind}s are counted over all sources"
        raise UsageError(what, next_step="Leave out `source` or `kind`", parameters=["source", "kind"])
    return Lens(kind, source)


def order_of(lens: Lens) -> By:
    """What orders the top of a lens unless somebody asks otherwise: phrases by surprise, hashtags by count."""
    return "count" if lens.kind == "hashtag" else "surprise"


def batch_view(document: HourDocument) -> View:
    """A batch document as a view."""
    return _view(document, is_final=is_final(document))


def batch_views(snapshot: Snapshot, hours: Sequence[Hour], lens: Lens) -> dict[str, View | None]:
    """The hours that the batch layer has computed, by hour: None for one that it computed without this lens."""
    if lens == HASHTAGS:
        return {hour: batch_view(document) for hour, document in snapshot.batch(hours).items()}
    own = snapshot.batch(hours, rows=False)
    views: dict[str, View | None] = dict.fromkeys(own)
    for hour, document in snapshot.lenses(hours, lens).items():
        if hour in own and own[hour]["token"] <= document["token"]:
            is_late = own[hour]["dirty"] and own[hour]["token"] == document["token"]
            views[hour] = replace(_view(document, is_final=document["complete"] and not is_late), lens=lens)
    alone = [Hour.parse(hour) for hour, each in own.items() if lens.source and each.get("sources") == [lens.source]]
    for hour, hours_own in snapshot.batch(alone).items():
        views[hour] = replace(batch_view(hours_own), lens=lens)
    return views


def speed_view(snapshot: Snapshot, hour: Hour, lens: Lens, n: int) -> View | None:
    """The speed layer's view of an hour: its first n rows, or all if n is 0."""
    rows = tuple(snapshot.speed_rows(hour, n, lens.kind)) if lens.source is None else ()
    if not rows:
        return None
    uses, tags, tied = snapshot.speed_totals(hour, rows[-1].count, lens.kind)
    beyond = tied - sum(row.count == rows[-1].count for row in rows)
    return View(hour, "speed", "live", rows, beyond, uses, tags, posts=None, rule=None, computed_at=None, lens=lens)


def stored_sources(store: Store) -> list[str]:
    """The sources with a lens of their own, ascending. An hour of one source alone has none."""
    with mongo_errors():
        return sorted(store.collection(LENSES).distinct("source", {"kind": "hashtag"}))


def why_not_sent(kind: Kind, sent: Sequence[Kind]) -> str:
    """Why the speed layer has no uses of a kind, given the kinds that `ingest` sends; empty if it may have some."""
    if kind in ("hashtag", *sent):
        return ""
    return f"The speed layer counts {_unless_sent(Lens(kind))}; an hour has them once it is computed."


def _unless_sent(lens: Lens) -> str:
    return f"no {lens} unless `ingest.kinds` sends them"


def why_no_answer(snapshot: Snapshot, hour: Hour, lens: Lens) -> NoDataError | None:
    """Why an hour with data has no answer through a lens; None if it has no data at all."""
    own = snapshot.batch([hour], rows=False).get(str(hour))
    compute = f"`trends batch hour {hour}` computes it"
    if own is None:
        if not snapshot.speed_rows(hour, 1):
            return None
        counts = "hashtags over all sources" if lens.source else _unless_sent(lens)
        what = f"{hour} is not computed yet, and the speed layer counts {counts}"
        return NoDataError(
            what, next_step=f"It is computed once it is complete; {compute} now, as far as it is archived"
        )
    of_hour = own.get("sources")
    if lens.source and of_hour and lens.source not in of_hour:
        return NoDataError(f"{hour} has no post of {lens.source}", next_step=f"It has posts of {', '.join(of_hour)}")
    setting = "`batch.by_source` is set" if lens.source else f"`batch.kinds` has {lens.kind}"
    return NoDataError(f"{hour} was computed without {lens}", next_step=f"Where {setting}, {compute} again")


def _view(document: BatchDocument, *, is_final: bool) -> View:
    return View(
        hour=Hour.parse(document["hour"]),
        origin="batch",
        state="final" if is_final else "provisional",
        rows=tuple(Row(row["tag"], row["shown"], row["count"]) for row in document["top"]),
        tied_beyond=document["tied_beyond"],
        uses=document["uses"],
        tags=document["tags"],
        posts=document["posts"],
        rule=document["rule"],
        computed_at=millis(document["computed_at"]),
    )
