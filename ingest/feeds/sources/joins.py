"""Join: the records of one answer, completed by those of another that name the same things, as GBFS needs it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ingest.sources.formats.contract import Notice


class Join(NamedTuple):
    """Two answers, and the field by which both name a thing."""

    field: str
    first: str
    """Name of the request whose records are completed."""
    other: str

    def complete(self, records: Sequence[Any], others: Sequence[Any]) -> tuple[list[Any], list[Notice]]:
        """The records of `first`, each with the fields of its partner; a field that both have stays as it is.

        A record without a partner stays alone, and a partner without a record is left out: a notice tells of either.
        """
        notices: list[Notice] = []
        partners: dict[str, dict[str, Any]] = {}
        for partner in others:
            key = self._key(partner)
            if not key:
                notices.append(Notice(f"no {self.field} in {self.other}: {str(partner)[:60]}"))
            elif key in partners:
                notices.append(Notice(f"twice in {self.other}: {key}"))
            else:
                partners[key] = partner
        joined, alone = [], dict.fromkeys(partners)
        for record in records:
            key = self._key(record)
            if key in partners:
                alone.pop(key, None)
                joined.append(partners[key] | record)
                continue
            joined.append(record)
            notices.append(Notice(f"{self.first} without {self.other}: {key or str(record)[:60]}"))
        notices += [Notice(f"{self.other} without {self.first}: {key}") for key in alone]
        return joined, notices

    def _key(self, record: Any) -> str:
        found = record.get(self.field) if isinstance(record, dict) else None
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
