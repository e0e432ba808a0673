"""Coverage: no document replaces one that covers more of the same topic. Pure.

A document says for each partition up to which offset its run had the archive: `covered`. A run that covers less has not
seen posts that the document counts: manifests are gone, the archive is another one, or another run looked later and
finished first. `--allow-less` replaces the document all the same.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from config.errors import TrendsError
from ingest.hours import Hour
from serving.views.documents import Provenance


class Shortfall(NamedTuple):
    """A partition of which a document covers more than a run does."""

    partition: int
    document: int
    """The next offset after those that the document covers."""
    run: int


class CoversLessError(TrendsError):
    """A run covers less than the existing document, so the document stays."""

    def __init__(self, hour: Hour, short: Shortfall) -> None:
        self.hour = hour
        super().__init__(
            f"its document covers partition {short.partition} up to offset {short.document}, and this run up to "
            f"{short.run}: the document stays",
            where=str(hour),
            next_step="`trends verify --all` names what the archive lacks; with --allow-less `trends recompute` and "
            "`trends batch hour` replace it all the same",
        )


def shortfall(document: Sequence[int], run: Sequence[int]) -> Shortfall | None:
    """The first partition of which a document covers more than a run; a missing partition counts as covered to 0."""
    for partition, (theirs, ours) in enumerate(zip_longest(document, run, fillvalue=0)):
        if theirs > ours:
            return Shortfall(partition, theirs, ours)
    return None


def shortfall_of(document: Mapping[str, Any], covered: Sequence[int], provenance: Provenance) -> Shortfall | None:
    """The first partition, of whichever archive, of which a document covers more than a run of that provenance.

    It compares offsets within one archive only. A document that an earlier version wrote names no archive: it covers no
    more than a run that reads an archive which goes as far.
    """
    ours: dict[str, Sequence[int]] = {**dict(provenance.earlier), provenance.archive: covered}
    theirs: dict[str, Sequence[int]] = dict(document.get("earlier") or {})
    archive, upto = document.get("archive", ""), document.get("covered", ())
    if not archive and not theirs:
        found = [shortfall(upto, each) for each in ours.values()]
        return None if None in found else shortfall(upto, covered)
    theirs[archive] = upto
    for name, offsets in theirs.items():
        if short := shortfall(offsets, ours.get(name, ())):
            return short
    return None


class StrandedError(TrendsError):
    """A run leaves hours as they are: computed from the archives that it reads, they would lose posts of another."""

    def __init__(self, hour: Hour, count: int, archive: str, root: str | None) -> None:
        named = "an archive that it does not name" if archive == "?" else f"the archive {archive}"
        lay = f", which lay in {root}," if root else ""
        others = f" (and {count - 1} more)" if count > 1 else ""
        super().__init__(
            f"not computed: {hour}{others}: its document is of {named}{lay} and that is not read",
            where="hdfs.earlier",
            next_step="Name the folder of that archive there; or let go of its posts: `trends recompute --allow-less`",
        )
