"""Attempt: one POST of a message, and what its answer means.

2xx delivers, 410 ends the rule. 408, 429, 5xx and no answer lead to another attempt, not before Retry-After. Any other
answer refuses the message for good: redirects too, which nobody follows.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpcore

from config.errors import UsageError
from config.settings import AlertRule, AlertsSettings
from ingest.hours import Millis, moment_of
from serving.alerts.guarded_network import GuardedBackend
from serving.alerts.message import headers_of

Verdict = Literal["delivered", "again", "refused", "gone"]
GONE = 410
_AGAIN = frozenset({408, 429})
_LONGEST_WAIT_S = 86_400.0


@dataclass(frozen=True)
class Answer:
    """The result of one attempt."""

    verdict: Verdict
    status: int | None = None
    error: str = ""
    retry_after_s: float = 0.0


def host_of(rule: AlertRule) -> str:
    """The receiver as output names it: scheme, host and port. The rest of an address may hold a token."""
    parts = urlsplit(rule.url.get_secret_value())
    return f"{parts.scheme}://{parts.netloc}"


def send(message: str, body: str, rule: AlertRule, settings: AlertsSettings, now: Millis) -> Answer:
    """Send a message once. It ends within `alerts.timeout_s`, and raises nothing that a receiver can cause.

    Raises `UsageError` where nobody can read `alerts.ca_file`: the message waits until somebody mends that.
    """
    context = _context(settings.ca_file)
    url = rule.url.get_secret_value()
    is_tls = url.startswith("https:")
    backend = GuardedBackend(private=rule.private, is_tls=is_tls, timeout_s=settings.timeout_s)
    headers = [*headers_of(message, body, rule, now).items(), ("user-agent", "trends")]
    try:
        with (
            httpcore.ConnectionPool(context, network_backend=backend) as pool,
            pool.stream("POST", url, headers=headers, content=body.encode()) as response,
        ):
            return verdict_of(response.status, dict(response.headers).get(b"retry-after", b"").decode("latin-1"), now)
    except UsageError as error:
        return Answer("refused", error=error.what)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        return Answer("again", error=f"{type(error).__name__}: {error}"[:200])


def verdict_of(status: int, retry_after: str, now: Millis) -> Answer:
    """The meaning of a status."""
    if 200 <= status < 300:
        return Answer("delivered", status)
    if status == GONE:
        return Answer("gone", status, "410: the receiver is gone")
    if status in _AGAIN or status >= 500:
        return Answer("again", status, f"answers {status}", _seconds(retry_after.strip(), now))
    why = "a redirect, which nobody follows" if 300 <= status < 400 else "refused"
    return Answer("refused", status, f"answers {status}: {why}")


def _seconds(retry_after: str, now: Millis) -> float:
    """The delay that Retry-After names: in seconds, or as a date; 0 for anything else."""
    try:
        if retry_after.isascii() and retry_after.isdigit():
            return min(float(retry_after), _LONGEST_WAIT_S)
        at = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    left = (moment - moment_of(now)).total_seconds()
    return min(max(left, 0.0), _LONGEST_WAIT_S)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        step = "Name a file of certificates in PEM"
        raise UsageError(f"can't read {ca_file}: {error}", where="alerts.ca_file", next_step=step) from None
