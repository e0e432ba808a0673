"""Latest: the memory of a poll. It knows what the poll sent last of each id, so that only what has changed goes out."""

import hashlib
from base64 import b64decode, b64encode

from ingest.feeds.record import Record
from ingest.feeds.sources.digests import DIGEST_BYTES
from ingest.sources.formats.contract import BrokenPart, Notice
from ingest.sources.live.backoff import RefusedError
from ingest.sources.live.dedup import RecentKeys

MOST_IDS = 100_000
"""Most ids of one poll: the cursor holds 16 bytes of each."""
_ENTRY_BYTES = 2 * DIGEST_BYTES
_BETWEEN = "."


class Latest:
    """The digest of the last record of each id, and of records that were broken: what comes unchanged is not new."""

    def __init__(self, packed: str) -> None:
        ids, _, broken = packed.partition(_BETWEEN)
        entries = b64decode(ids)
        self._last = {
            entries[at : at + DIGEST_BYTES]: entries[at + DIGEST_BYTES : at + _ENTRY_BYTES]
            for at in range(0, len(entries), _ENTRY_BYTES)
        }
        self._broken = RecentKeys(broken, 1)
        self._packed: str | None = packed

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
            raise RefusedError(f"more than {MOST_IDS} ids: the cursor holds no more", next_step=step)
        self._last[key] = item.digest
        self._packed = None
        return True

    def is_new_part(self, _record: bytes, part: BrokenPart | Notice, _mark: int) -> bool:
        """Each notice counts. A broken record does where it differs from those before."""
        if isinstance(part, Notice):
            return True
        is_new = self._broken.add(part.raw + part.reason.encode(), 1)
        if is_new:
            self._packed = None
        return is_new

    def pack(self, _since: int) -> str:
        """Everything, whenever it came."""
        if self._packed is None:
            entries = b"".join(key + digest for key, digest in self._last.items())
            self._packed = f"{b64encode(entries).decode()}{_BETWEEN}{self._broken.pack(0)}"
        return self._packed

    def __len__(self) -> int:
        return len(self._last) + len(self._broken)


def _digest(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=DIGEST_BYTES).digest()
