"""Latest: the memory of a poll. It knows what the poll sent last of each id, so that only what has changed goes out."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterator

from config.quantity import quantity
from ingest.feeds.record import Record
from ingest.feeds.sources.digests import DIGEST_BYTES
from ingest.sources.formats.contract import BrokenPart, Notice
from ingest.sources.live.backoff import RefusedError

MOST_IDS = 100_000
"""Most ids of one poll: the cursor holds 16 bytes of each."""
MOST_BROKEN = 5_000
"""Most broken records of one answer that it remembers."""
_ENTRY_BYTES = 2 * DIGEST_BYTES
_BETWEEN = "."


class Latest:
    """The digest of the last record of each id, and of the broken records of the last answer."""

    def __init__(self, packed: str) -> None:
        ids, _, broken = packed.partition(_BETWEEN)
        self._last = {entry[:DIGEST_BYTES]: entry[DIGEST_BYTES:] for entry in _cut(ids, _ENTRY_BYTES)}
        self._broken = dict.fromkeys(_cut(broken, DIGEST_BYTES))
        self._broken_before = self._broken
        self._packed: str | None = packed

    def begin_answer(self) -> None:
        """What follows belongs to another answer."""
        self._broken, self._broken_before = {}, self._broken
        self._packed = None

    def is_new(self, item: Record, _mark: int) -> bool:
        """Whether a record differs from the last one of its id; one without a digest always does.

        Raises `RefusedError` beyond `MOST_IDS`.
        """
        if not item.digest:
            return True
        key = _digest(item.name.encode())
        if self._last.get(key) == item.digest:
            return False
        if key not in self._last and len(self._last) >= MOST_IDS:
            step = 'Take an id that comes again, or write send = "all"'
            raise RefusedError(f"more than {quantity(MOST_IDS, 'id')}: the cursor holds no more", next_step=step)
        self._last[key] = item.digest
        self._packed = None
        return True

    def is_new_part(self, _record: bytes, part: BrokenPart | Notice, _mark: int) -> bool:
        """Each notice counts. A broken record does where it differs from those of the answer before."""
        if isinstance(part, Notice):
            return True
        key = _digest(part.raw + part.reason.encode())
        is_new = key not in self._broken and key not in self._broken_before
        if len(self._broken) < MOST_BROKEN:
            self._broken[key] = None
        self._packed = None
        return is_new

    def pack(self, _since: int) -> str:
        """Everything, whenever it came."""
        if self._packed is None:
            entries = b"".join(key + digest for key, digest in self._last.items())
            self._packed = f"{b64encode(entries).decode()}{_BETWEEN}{b64encode(b''.join(self._broken)).decode()}"
        return self._packed

    def __len__(self) -> int:
        return len(self._last) + len(self._broken)


def _cut(packed: str, size: int) -> Iterator[bytes]:
    """The entries of a packed text."""
    entries = b64decode(packed)
    return (entries[at : at + size] for at in range(0, len(entries), size))


def _digest(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=DIGEST_BYTES).digest()
