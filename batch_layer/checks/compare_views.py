"""Compare views: both layers against the archived posts, hour by hour, while everything goes on.

A document may cover posts that came after the ledger's last refresh, and a speed row may count a post that the archive
lacks yet. So an hour that differs gets another look with a newer ledger: it is wrong once two looks in a row find the
same difference, and counts as not compared if the difference keeps changing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from batch_layer.archive.avro import Record
from batch_layer.archive.reading.coverage import shortfall
from batch_layer.archive.reading.history import History
from batch_layer.checks.finding import Finding, not_compared
from batch_layer.checks.recount import compare_batch, compare_lens, compare_speed_by_any
from batch_layer.checks.recount_samples import compare_samples
from config.errors import DamagedError
from ingest.hours import Hour
from ingest.rule.hashtags import Rule
from serving.views.client import Document
from serving.views.documents import HourDocument, Kind, LensDocument, Row
from serving.views.store import Store

LOOKS = 4
"""Most looks at an hour that differs."""


class Rules(NamedTuple):
    """The hashtag rules for recounts of an hour."""

    now: Rule
    by_version: Mapping[str, Rule]
    """Rules with a known text, the current one among them."""


class _Views(NamedTuple):
    """An hour's views in both layers at one moment."""

    document: HourDocument | None
    lenses: list[LensDocument]
    samples: list[Document]
    speed: dict[Kind, list[Row]]
    """Empty where there is a document, since queries answer from that."""


class ViewComparison:
    """Compares hour after hour. `settled` says whether archive and speed layer have both read everything sent."""

    def __init__(
        self, store: Store, history: History, rules: Rules, kinds: Sequence[Kind], settled: Callable[[], bool]
    ) -> None:
        self._store = store
        self._history = history
        self._rules = rules
        self._kinds = kinds
        self._settled = settled
        self._is_settled: bool | None = None
        """The last answer of `settled`; None: ask again."""

    def hour(self, hour: Hour) -> list[Finding]:
        """The findings of one hour."""
        before: list[Finding] = []
        for _ in range(LOOKS):
            try:
                found = self._look(hour)
            except DamagedError as error:
                found = [Finding(False, error.what, error.where, error.next_step)]
            if found == before or all(finding.ok for finding in found):
                return found
            before = found
            self._history.refresh()
            self._is_settled = None
        return [
            finding if finding.ok else not_compared("it changes with every look", finding.where) for finding in before
        ]

    def _look(self, hour: Hour) -> list[Finding]:
        views = self._views(hour)
        if views.document is None:
            return list(self._speed(hour))
        if shortfall(views.document["covered"], self._history.covered):
            self._history.refresh()  # the document is newer than the ledger
        if self._history.late_since(hour, views.document):
            return [not_compared("a late post has come, and it will be computed again", str(hour))]
        return list(self._batch(views, views.document, list(self._history.records(hour))))

    def _batch(self, views: _Views, document: HourDocument, posts: list[Record]) -> Iterator[Finding]:
        made_by = self._rules.by_version.get(document["rule"], self._rules.now)
        yield compare_batch(document, posts, made_by)
        yield from (compare_lens(each, document, posts, made_by) for each in views.lenses)
        archives = [ledger.origin.archive for ledger in self._history.ledgers]
        yield from (compare_samples(each, document, posts, archives, made_by) for each in views.samples)

    def _speed(self, hour: Hour) -> Iterator[Finding]:
        """The rows, once the archive and the speed layer have everything sent so far."""
        if self._is_settled is None:
            self._is_settled = self._settled()
        if not self._is_settled:
            yield not_compared("posts are on their way to the speed layer", str(hour))
            return
        views = self._views(hour)
        if views.document is not None:
            yield not_compared("it is being computed", str(hour))
            return
        posts = list(self._history.records(hour))
        for kind, rows in views.speed.items():
            counts = {row.tag: row.count for row in rows}
            rules = (self._rules.now, *self._rules.by_version.values())
            yield compare_speed_by_any(str(hour), counts, posts, rules, kind)

    def _views(self, hour: Hour) -> _Views:
        with self._store.snapshot() as snapshot:
            document = snapshot.batch([hour]).get(str(hour))
            lenses, samples = snapshot.lenses_of(hour), snapshot.samples_of(hour)
            speed = {kind: snapshot.speed_rows(hour, kind=kind) for kind in self._kinds} if document is None else {}
        return _Views(document, lenses, samples, speed)
