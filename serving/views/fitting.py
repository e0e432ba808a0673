"""Fitting: the first of some rows, as far as one document or message can hold them."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

MOST_BYTES = 12_000_000
"""Limit of the rows of a document: MongoDB takes 16 MiB."""


def fitting(items: Iterable[Item], size: Callable[[Item], int], most: int = MOST_BYTES) -> Iterator[Item]:
    """The first items whose sizes, in bytes, add up to no more than `most`."""
    left = most
    for item in items:
        left -= size(item)
        if left < 0:
            return
        yield item
