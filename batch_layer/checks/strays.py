"""Strays: files of an archive that no manifest names. No reader takes them, and an operator may want to know.

An archiver commits and places files all the time, so a listing alone proves nothing. A file is a suspect once it is old
enough; a ledger refreshed after the listing then clears the suspects that it names. The check reports the rest, and
advises to delete a file only if no manifest can name it, now or after a restore.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from batch_layer.archive.hour_layout import compaction_of, hour_folder, hour_of, is_part, span_of
from batch_layer.archive.reading.ledger import Ledger
from batch_layer.checks.finding import Finding
from batch_layer.storage.chunk_files.attempts import Attempt
from batch_layer.storage.file_store import Entry
from config.errors import UsageError
from ingest.hours import Hour, Millis

YOUNG_MS = 600_000
"""A file that changed so recently is no suspect."""
STRAY_MS = 86_400_000
"""An entry that lies in `_tmp` for longer belongs to no living process."""

_DAMAGE = "Keep it: a manifest that is missing or damaged may name it"
_LATER = "Keep it: a manifest may still name it"
_LOST = "Keep it: it has posts of offsets that a gap declares lost"
_NOBODY = "No reader takes it; delete it once you know that nobody needs it"


class Suspect(NamedTuple):
    """A file below an hour's folder."""

    folder: str
    """Below the root."""
    name: str

    @property
    def path(self) -> str:
        """Below the root."""
        return f"{self.folder}/{self.name}"


def strays(ledger: Ledger, hours: Sequence[Hour] | None, now: Millis) -> Iterator[Finding]:
    """Files in the folders of these hours, or of all, that no manifest names. Brings the ledger up to date."""
    listed = _all_folders(ledger) if hours is None else [hour_folder(hour) for hour in hours]
    suspects = list(_suspects(ledger, listed, now))
    attempts = list(_old_attempts(ledger, now)) if hours is None else []
    if not suspects and not attempts:
        return
    ledger.refresh()
    compacted = _compaction_files(ledger)
    reported: set[str] = set()
    for suspect in suspects:
        if suspect.path in _names_in(ledger, compacted, suspect.folder):
            continue
        step = advice(ledger, suspect.path)
        if ledger.arrived(_hour_of(suspect.folder)):
            yield Finding(False, "a file that no manifest names", ledger.paths.absolute(suspect.path), step)
        elif suspect.folder not in reported:
            reported.add(suspect.folder)
            where = ledger.paths.absolute(suspect.folder)
            yield Finding(False, "a folder of an hour that no manifest names", where, step)
    for attempt, path in attempts:
        if attempt is None or not ledger.committed(attempt):
            step = "`trends archive` and `trends compact` delete it once they have committed in its place"
            yield Finding(False, "left by somebody who died before a commit", path, step)


def advice(ledger: Ledger, path: str) -> str:
    """Advice on a file that no manifest names: keep it, if one may name it yet, or after a restore."""
    if ledger.damage:
        return _DAMAGE
    if not is_part(path):
        return _NOBODY
    span = span_of(path)
    if span is None:
        return _LATER if compaction_of(path) >= ledger.hours_log.position else _NOBODY
    manifests = ledger.manifests(span.partition)
    if not manifests or span.next > manifests[-1].next:
        return _LATER
    lost = any(gap.kind == "gap" and gap.start < span.next and span.start < gap.next for gap in manifests)
    return _LOST if lost else _NOBODY


def _compaction_files(ledger: Ledger) -> dict[str, set[str]]:
    """The files that compactions have written, by hour."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for part in (part for link in ledger.compactions for part in link.parts):
        found[part.hour].add(part.path)
    return found


def _names_in(ledger: Ledger, compacted: Mapping[str, set[str]], folder: str) -> set[str]:
    """Files that manifests name in an hour's folder, replaced ones included."""
    hour = _hour_of(folder)
    return {part.path for part in ledger.arrived(hour)} | compacted.get(str(hour), set())


def _hour_of(folder: str) -> Hour:
    """The hour of a folder; hour 0, which has no posts, if its name is no hour."""
    try:
        return hour_of(f"{folder}/")
    except UsageError:
        return Hour(0)


def _suspects(ledger: Ledger, folders: Iterable[str], now: Millis) -> Iterator[Suspect]:
    compacted = _compaction_files(ledger)
    for folder in folders:
        named: set[str] | None = None
        for entry in ledger.store.entries(ledger.paths.absolute(folder)):
            if entry.modified_at < now - YOUNG_MS:
                named = _names_in(ledger, compacted, folder) if named is None else named
                if f"{folder}/{entry.name}" not in named:
                    yield Suspect(folder, entry.name)


def _all_folders(ledger: Ledger) -> Iterator[str]:
    root = ledger.paths.absolute("").rstrip("/")
    for day in _folders(ledger.store.entries(root), "dt="):
        for hour in _folders(ledger.store.entries(f"{root}/{day}"), "hour="):
            yield f"{day}/{hour}"


def _old_attempts(ledger: Ledger, now: Millis) -> Iterator[tuple[Attempt | None, str]]:
    for entry in ledger.store.entries(ledger.paths.all_tmp):
        if entry.modified_at < now - STRAY_MS:
            yield Attempt.of(entry.name), f"{ledger.paths.all_tmp}/{entry.name}"


def _folders(entries: Iterable[Entry], prefix: str) -> Iterator[str]:
    return (entry.name for entry in entries if entry.is_folder and entry.name.startswith(prefix))
