"""Digest of a record: by it a poll tells whether it sent the record before."""

import hashlib
from typing import Literal

from ingest.hours import Millis

DIGEST_BYTES = 8


def digest_of(send: Literal["changed", "all", "one"], at: Millis, encoded: bytes) -> bytes:
    """Of the whole value (`changed`), of the time of measurement (`one`), or nothing (`all`).

    A value that an API corrects without a new time is a change. Where one record holds all answers, each of them has a
    time of its own: a forecast may move while the measurement stays. There the time of the measurement decides.
    """
    if send == "all":
        return b""
    content = encoded if send == "changed" else str(at).encode()
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
