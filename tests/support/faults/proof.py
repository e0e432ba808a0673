"""Proof that a fault happened. A scenario whose faults did not strike proves nothing: that is an error, never a pass.

The families of faults: `processes`, `network`, `disk`, `clock`, `replicas`. Each gives a `Proof` when it is over.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class NotProvedError(Exception):
    """A fault was meant to happen, and there is no sign that it did."""


@dataclass
class Proof:
    """A fault, what it struck, and what was seen of it. `needed` names what must have been seen."""

    fault: str
    target: str
    needed: tuple[str, ...]
    seen: dict[str, object] = field(default_factory=dict)

    def saw(self, **facts: object) -> None:
        """Note facts. Numbers of the same name add up."""
        for name, value in facts.items():
            known = self.seen.get(name)
            counts = type(value) is int and type(known) is int
            self.seen[name] = known + value if counts else value  # type: ignore[operator] # both are int

    def check(self) -> None:
        """Raise `NotProvedError` unless everything that is needed was seen: zero, False and nothing are no proof."""
        if missing := [name for name in self.needed if not self.seen.get(name)]:
            raise NotProvedError(f"{self}: not seen: {', '.join(missing)}")

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.seen.items())
        return f"{self.fault} of {self.target} ({told})"


@contextmanager
def proving(fault: str, target: str, *needed: str) -> Iterator[Proof]:
    """Inside, a fault strikes and notes what is seen of it; at the end it is proved, or `NotProvedError`."""
    assert needed, "a fault that needs no proof is none"
    proof = Proof(fault, target, needed)
    yield proof
    proof.check()
