"""Redaction: secret values that this process has read never appear in its messages.

The readers of the settings and of a token's file pass each value to `remember`. `redact` goes over every error
(config/errors.py), every log line of ours, and the output of other programs that we show or keep.
"""

import logging

HIDDEN = "***"
SHORTEST = 4
"""A shorter value is in too many words: it would make messages unreadable and protect nobody."""

_known: set[str] = set()


def remember(*values: str) -> None:
    """Take values for secret, for as long as this process runs."""
    _known.update(value for value in values if len(value) >= SHORTEST)


def redact(text: str) -> str:
    """The text with `***` in place of every secret value, the longest first."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


class RedactingFormatter(logging.Formatter):
    """A formatter whose lines, tracebacks included, hold no secret value."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, redacted."""
        return redact(super().format(record))
