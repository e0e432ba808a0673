"""Deduplication: keys of recent items, so that a repeated item counts once. The cursor stores a part of them."""

import hashlib
from base64 import b64decode, b64encode
from typing import Protocol, TypeVar

from ingest.sources.base import Item
from ingest.sources.formats.contract import BrokenPart, Notice

T_contra = TypeVar("T_contra", contravariant=True)

MEMORY = 100_000
"""Records remembered while a source runs."""
KEPT = 5_000
"""Most records remembered in a cursor."""
_DIGEST_BYTES = 8


class Memory(Protocol[T_contra]):
    """Remembers what a source gave, over restarts too: the cursor holds `pack()`, and a new memory begins with it."""

    def is_new(self, item: T_contra, mark: int, /) -> bool:
        """Remember an item; whether the source has to give it. `mark` is `Service.mark`."""
        ...

    def is_new_part(self, record: bytes, part: BrokenPart | Notice, mark: int, /) -> bool:
        """Remember a part of a record that is no item; whether it counts."""
        ...

    def pack(self, since: int, /) -> str:
        """Its contents from a mark on."""
        ...

    def __len__(self) -> int: ...


class RecentKeys:
    """Keys of records, each with a mark: a moment, in any unit, by which the cursor leaves out old ones.

    The mark 0 is no moment: such a record came before the first one with a time.
    """

    def __init__(self, pack: str = "", mark: int = 0) -> None:
        kept = b64decode(pack)
        digests = (kept[at : at + _DIGEST_BYTES] for at in range(0, len(kept), _DIGEST_BYTES))
        self._marks = dict.fromkeys(digests, mark)

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, key: bytes, mark: int) -> bool:
        """Remember a record; whether it is new."""
        digest = hashlib.blake2b(key, digest_size=_DIGEST_BYTES).digest()
        if digest in self._marks:
            return False
        self._marks[digest] = mark
        if len(self._marks) > MEMORY:
            del self._marks[next(iter(self._marks))]
        return True

    def is_new(self, item: Item, mark: int) -> bool:
        """Remember an item by its name; whether it is new."""
        return self.add(item.name.encode(), mark)

    def is_new_part(self, record: bytes, _part: BrokenPart | Notice, mark: int) -> bool:
        """Remember a record; whether it is new."""
        return self.add(record, mark)

    def pack(self, since: int) -> str:
        """The records from a mark on, the newest `KEPT` of them at most, as `RecentKeys` takes them."""
        taken: list[bytes] = []
        for digest, mark in reversed(self._marks.items()):
            if 0 < mark < since or len(taken) == KEPT:
                break
            taken.append(digest)
        return b64encode(b"".join(reversed(taken))).decode()
