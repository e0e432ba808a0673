"""Noise: numbers that look random, and are the same for the same keys. So an API needs no state to answer alike."""

import hashlib


def noise(*keys: object) -> float:
    """A number from 0 up to and without 1."""
    digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def between(low: float, high: float, *keys: object) -> float:
    """A number of a span."""
    return low + (high - low) * noise(*keys)
