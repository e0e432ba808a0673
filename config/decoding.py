"""Decoding: every exception of a decoder becomes a `DamagedError`. Every reader of bytes at rest decodes inside of it.

Damaged bytes can raise anything: `zlib.error`, `EOFError`, `struct.error`, `KeyError`, `UnicodeDecodeError`,
`OverflowError`, `RecursionError`, `MemoryError` for an absurd length. No list of them is complete, so this takes every
`Exception`. The bytes therefore come from a source whose own failures are an `UnavailableError` or a `NoDataError`
already: these pass unchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from config.errors import DamagedError, NoDataError, UnavailableError

_LONGEST = 200
"""Characters of a decoder's own words that an error repeats."""


@contextmanager
def decoding(what: str, where: str, next_step: str) -> Iterator[None]:
    """A block that decodes. `what` names the bytes (`manifest`); the error says `damaged manifest: <why>`."""
    try:
        yield
    except (DamagedError, NoDataError, UnavailableError):
        raise
    except Exception as error:  # noqa: BLE001 - the contract: every exception of a decoder
        raise damage(what, where, next_step, f"{type(error).__name__}: {error}") from None


def damage(what: str, where: str, next_step: str, why: str) -> DamagedError:
    """The error for bytes that decode and make no sense."""
    return DamagedError(f"damaged {what}: {why[:_LONGEST]}", where=where, next_step=next_step)
