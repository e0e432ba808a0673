"""Rules: the versions of the rule behind the hours of one answer, and the command that leaves one of them. Pure.

Promises
    An answer over several hours, or one that compares hours, has `Rules`. `sentence` is empty where all hours that the
    batch layer computed have one version; otherwise it names each version and the command that mends the answer.
    The command computes only hours that have another version than the rule of now, where somebody knows that one.

The speed layer counts by the rule that `ingest` had when a post came, and keeps no version: its hours have none here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from config.quantity import quantity
from ingest.hours import Hour

RuleNow = Callable[[], str]
"""Returns the current version of the rule; called only if hours differ."""
_NAMED = 3
"""Versions that a sentence names."""


class HourWithRule(Protocol):
    """An hour with its rule: a view, or a tag's point in it."""

    @property
    def hour(self) -> Hour:
        """Which."""

    @property
    def rule(self) -> str | None:
        """The version by which the batch layer computed it."""

    @property
    def state(self) -> str | None:
        """`final`, where the hour was complete then."""


@dataclass(frozen=True)
class Rules:
    """Versions of the rule, each with the number of its hours, in the order of their first hours."""

    hours: Mapping[str, int] = field(default_factory=dict)
    mend: str | None = None
    """The command after which all hours have one version; None where they have."""

    @property
    def label(self) -> str:
        """The versions in one cell of a table: one, or several with a blank between."""
        return " ".join(self.hours)

    @property
    def mixture(self) -> str:
        """The versions in a sentence; empty if there is one."""
        if self.mend is None:
            return ""
        some = [f"rule {version} in {quantity(count, 'hour')}" for version, count in list(self.hours.items())[:_NAMED]]
        more = len(self.hours) - len(some)
        named = ", ".join(some) + (f" and {more} more" if more else "")
        return f"computed by {quantity(len(self.hours), 'version')} of the rule, so counts do not compare: {named}"

    @property
    def sentence(self) -> str:
        """The same with the command that mends it."""
        return f"{self.mixture}; `{self.mend}` computes them by one" if self.mend else ""


def rules_of(hours_of: Iterable[HourWithRule], now: RuleNow | None = None) -> Rules:
    """The versions behind some hours."""
    computed = sorted((each for each in hours_of if each.rule is not None), key=lambda each: each.hour)
    hours = Counter(each.rule or "" for each in computed)
    if len(hours) < 2:
        return Rules(hours)
    version = now() if now else None
    off = [each for each in computed if each.rule != version]
    return Rules(hours, _mend([each.hour for each in off if each.state == "final"], off[0].hour))


def _mend(final: list[Hour], first: Hour) -> str:
    """The command that computes hours again; `recompute` leaves out an hour that is not complete."""
    return recompute(final[0], final[-1].plus(1)) if final else f"trends batch hour {first}"


def recompute(since: Hour, until: Hour) -> str:
    """The command that computes all complete hours of `[since, until)` by the rule of now."""
    return f"trends recompute --since {since} --until {until}"


def corrections(ignore: Sequence[str], aliases: Mapping[str, str]) -> str:
    """The corrections of a version in words; empty without any."""
    ignored = f"leaves out {', '.join(f'#{tag}' for tag in ignore)}" if ignore else ""
    counted = f"counts {', '.join(f'#{tag} as #{other}' for tag, other in aliases.items())}" if aliases else ""
    return "; ".join(filter(None, (ignored, counted)))
