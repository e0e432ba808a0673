"""History: all archives that batch jobs compute hours from: the current one, and those of earlier topics.

After somebody recreates a topic, its posts go to another folder, and earlier hours have posts in the former one. A job
computes an hour from all of them together, or not at all. The hour's document names its archives and the end offsets in
each; so nobody mistakes an offset in one archive for one in another.

A document of an earlier version names no archive. It counts as one of the archive that it can be of, if there is
exactly one: an archive that has manifests of an earlier version, goes at least as far as the document covers, and began
before the document's run. Otherwise no offset counts as seen, so the job computes the hour again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from batch_layer.archive.avro import Record
from batch_layer.archive.manifest import Part
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.archive.reading.log_ends import LogEnds
from batch_layer.archive.reading.records import posts_of
from ingest.hours import Hour, millis
from serving.views.documents import HourDocument, Provenance

SKEW_MS = 300_000
"""How far clocks of archivers and batch jobs may differ."""


class History:
    """The current archive and earlier ones, as of the last `refresh`."""

    def __init__(self, own: Ledger, earlier: Sequence[Ledger] = ()) -> None:
        self.own = own
        self.earlier = tuple(earlier)

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """All ledgers; the current archive's comes last."""
        return (*self.earlier, self.own)

    def refresh(self) -> None:
        """See `Ledger.refresh`."""
        for ledger in self.ledgers:
            ledger.refresh()

    @property
    def covered(self) -> tuple[int, ...]:
        """See `Ledger.covered`, of the current archive."""
        return self.own.covered

    @property
    def provenance(self) -> Provenance:
        """The sources that a document names beside `covered`."""
        earlier = tuple((ledger.origin.archive, ledger.covered) for ledger in self.earlier)
        return Provenance(*self.own.origin, earlier)

    def hours(self) -> list[Hour]:
        """The hours that have parts, ascending."""
        return sorted({hour for ledger in self.ledgers for hour in ledger.hours()})

    def parts(self, hour: Hour) -> list[Part]:
        """The parts of an hour, with absolute paths."""
        return [part for parts in self.eras(hour) for part in parts]

    def eras(self, hour: Hour) -> list[list[Part]]:
        """The parts of an hour in each archive, in the order of `ledgers`."""
        return [ledger.parts(hour) for ledger in self.ledgers]

    def posts(self, hour: Hour) -> int:
        """Records in an hour's parts. A post sent twice is two records."""
        return sum(ledger.posts(hour) for ledger in self.ledgers)

    def records(self, hour: Hour) -> Iterator[Record]:
        """Every record of an hour; `era` is the place of its archive in `ledgers`. See `posts_of`."""
        for era, ledger in enumerate(self.ledgers):
            for record in posts_of(ledger, hour):
                yield {**record, "era": era}

    def late_since(self, hour: Hour, document: HourDocument) -> bool:
        """Whether an archive has a post of the hour that this document's run has not seen."""
        seen = self.known_offsets(document)
        return any(ledger.late_since(hour, seen.get(ledger.origin.archive, ())) for ledger in self.ledgers)

    def known_offsets(self, document: HourDocument) -> Mapping[str, Sequence[int]]:
        """The offsets up to which this document's run has seen each archive, by archive id."""
        return known_offsets(document, self.ledgers)

    def strange(self, document: HourDocument) -> set[str]:
        """The archives of this document that are not among these; `?` for an unknown one.

        To compute such an hour from these alone would lose its posts in the others.
        """
        if _names_archives(document):
            named = {document.get("archive", ""), *document.get("earlier", {})} - {""}
            return named - {ledger.origin.archive for ledger in self.ledgers}
        return set() if any(_may_be_of(document, ledger) for ledger in self.ledgers) else {"?"}


def known_offsets(document: HourDocument, archives: Iterable[LogEnds]) -> Mapping[str, Sequence[int]]:
    """The offsets up to which a document's run has seen each of these archives, by archive id."""
    if _names_archives(document):
        return {**document.get("earlier", {}), document.get("archive", ""): document["covered"]}
    candidates = [archive for archive in archives if _may_be_of(document, archive)]
    return {candidates[0].origin.archive: document["covered"]} if len(candidates) == 1 else {}


def _names_archives(document: HourDocument) -> bool:
    return bool(document.get("archive") or document.get("earlier"))


def _may_be_of(document: HourDocument, archive: LogEnds) -> bool:
    """Whether a document that names no archive may be of this one."""
    if archive.identity is not None and not archive.identity.adopted:
        return False
    covered = dict(enumerate(archive.covered))
    if any(end > covered.get(partition, 0) for partition, end in enumerate(document["covered"])):
        return False
    return millis(document["computed_at"]) + SKEW_MS >= archive.began
