"""The message of a webhook, and its signature (Standard Webhooks, https://www.standardwebhooks.com). Pure.

A message is about one hour and one rule: the rising tags that the rule selects. Its id names the two, so a message that
arrives twice has one id, and a receiver can drop the second.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Container, Sequence
from fnmatch import fnmatchcase
from typing import Any

from config.settings import AlertRule
from config.settings.sections.alerts import secret_bytes
from ingest.hours import Millis, iso
from serving.answers.rising import Riser, Rising

RISING, TEST = "trends.rising", "trends.test"
"""Types of a message."""
MOST_TAGS = 100
SHOWN = 280
"""Characters of a tag in a message: 100 of them stay below the 20 kB that the standard recommends for most hours."""


def message_id(rule: str, hour: str) -> str:
    """The id of a message, the same from every process and after every crash."""
    return f"msg_{hashlib.sha256(f'{rule}|{hour}'.encode()).hexdigest()[:32]}"


def selected(rule: AlertRule, risers: Sequence[Riser], quiet: Container[str]) -> list[Riser]:
    """The rising tags that a rule tells, by score descending. `quiet`: those that it told not long ago."""
    return [
        each
        for each in risers
        if each.row.count >= rule.uses and each.row.tag not in quiet and _matches(rule, each.row.tag)
    ][:MOST_TAGS]


def _matches(rule: AlertRule, tag: str) -> bool:
    return not rule.tags or any(fnmatchcase(tag, pattern.removeprefix("#").casefold()) for pattern in rule.tags)


def body_of(name: str, rule: AlertRule, answer: Rising, risers: Sequence[Riser], now: Millis) -> str:
    """The message about an hour, as JSON."""
    return _encode(RISING, now, {
        "rule": name,
        "hour": str(answer.hour),
        "since": iso(answer.hour.start_ms),
        "until": iso(answer.hour.end_ms),
        "against": str(answer.since),
        "kind": rule.kind,
        "source": rule.source,
        "state": answer.state,
        "tags": [_tag(each) for each in risers],
    })  # fmt: skip


def trial_body(name: str, now: Millis) -> str:
    """A message that says nothing, to try a receiver."""
    return _encode(TEST, now, {"rule": name})


def headers_of(message: str, body: str, rule: AlertRule, now: Millis) -> dict[str, str]:
    """The headers of one attempt: id, time of the attempt in seconds, signature of both and the body."""
    seconds = str(now // 1000)
    signed = f"{message}.{seconds}.{body}".encode()
    signature = hmac.new(secret_bytes(rule.secret.get_secret_value()), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def _encode(kind: str, now: Millis, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": iso(now), "data": data}, ensure_ascii=True)


def _tag(riser: Riser) -> dict[str, Any]:
    return {
        "tag": riser.row.tag[:SHOWN],
        "shown": riser.row.shown[:SHOWN],
        "count": riser.row.count,
        "rank": riser.rank,
        "was": riser.was,
        "before": riser.before,
        "expected": round(riser.expected, 3),
        "score": round(riser.score, 3),
    }
