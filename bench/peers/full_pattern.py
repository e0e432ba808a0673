"""The rule as Twitter tells it, step by step: all links, all hashtags, and of these the ones in no link."""

from ingest.rule.hashtags import _FULL
from ingest.rule.links import links


def in_text(text: str) -> list[str]:
    """The hashtags of a text, as `ingest.rule.hashtags.in_text` gives them."""
    spans = links(text)
    return [match[1] for match in _FULL.finditer(text) if not any(b < match.start() < e for b, e in spans)]
