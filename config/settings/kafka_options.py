"""Options of `kafka.conf`: their spelling, which of them are secret, and those that nobody may override."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from config.settings.secret_files import SUFFIX

SECRET = re.compile(r"password|secret|passphrase|\bkey\.pem\b|oauthbearer\.config")
"""Options whose values are secret."""
_NAMES_A_FILE = ("sasl.oauthbearer.assertion.private.key", "sasl.oauthbearer.assertion.jwt.template")
"""Options of librdkafka that end in `.file` themselves, without it."""

_ADDRESSES = frozenset({"bootstrap.servers", "metadata.broker.list"})
RESERVED = frozenset(
    {
        "acks",
        "allow.auto.create.topics",
        "auto.commit.enable",
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "delivery.report.only.error",
        "delivery.timeout.ms",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.gapless.guarantee",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "isolation.level",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.max.bytes",
        "message.send.max.retries",
        "message.timeout.ms",
        "partition.assignment.strategy",
        "partitioner",
        "request.required.acks",
        "retries",
        "transaction.timeout.ms",
        "transactional.id",
    }
)
"""Options on which exactly-once counting, or the assignment of partitions, rests."""


def is_secret_option(name: str) -> bool:
    """Whether the value of an option is secret, in any spelling that `option_names` takes."""
    return bool(SECRET.search(_dotted(name)))


def option_names(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table of options under librdkafka's names.

    `SASL_PASSWORD`, as a shell can export it, is `sasl.password`; so is `sasl.password` without quotes in TOML, which
    reads a table in a table. A name that ends in `_FILE` keeps that ending: the value is in a file.
    """
    return dict(_flat("", table))


def options(table: Any) -> Any:
    """The options as librdkafka takes them, secret ones as `SecretStr`. Raises `PydanticCustomError`."""
    if not isinstance(table, Mapping):
        return table
    found: dict[str, str | SecretStr] = {}
    for name, value in option_names(table).items():
        _check(name, value)
        text = _text(value)
        found[name] = SecretStr(text) if SECRET.search(name) else text
    return found


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(f"{name}.", value)
        else:
            yield _dotted(name), value


def _dotted(name: str) -> str:
    lower = name.lower()
    stem = lower.removesuffix(SUFFIX)
    dotted = stem.replace("_", ".")
    if stem == lower:
        return dotted
    return f"{dotted}.file" if dotted in _NAMES_A_FILE else f"{dotted}{SUFFIX}"


def _check(name: str, value: Any) -> None:
    if name in _ADDRESSES:
        raise PydanticCustomError("address", "{name} has a setting of its own: kafka.bootstrap", {"name": name})
    if name in RESERVED:
        raise PydanticCustomError(
            "reserved", "{name} has a fixed value, since the guarantees rest on it: remove it", {"name": name}
        )
    if not isinstance(value, str | int | float | SecretStr):
        raise PydanticCustomError("value", "{name} takes a text, a number, true or false", {"name": name})


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)
