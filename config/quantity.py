"""Quantity: a number with its noun, as people read it: `1 reject`, `2 rejects`, `1,234 posts`. Pure."""


def quantity(count: int, noun: str, plural: str = "") -> str:
    """A count with a comma at every thousand, and the noun that fits it; `plural` where an `s` does not make it."""
    return f"{count:,} {noun_for(count, noun, plural)}"


def noun_for(count: int, noun: str, plural: str = "") -> str:
    """The noun alone, where the number stands elsewhere."""
    return noun if count == 1 else plural or f"{noun}s"
