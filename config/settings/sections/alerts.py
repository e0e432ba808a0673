"""Settings of webhooks for rising tags."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from config.settings.section import Section

SECRET_PREFIX = "whsec_"  # noqa: S105 - how every such secret begins
_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
_YEAR_S = 31_622_400.0
"""Longest times: MongoDB and the calendar reckon with them."""


def secret_bytes(secret: str) -> bytes:
    """The key of a secret as Standard Webhooks spells it. Raises `ValueError`."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("no prefix")
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    if not 24 <= len(key) <= 64:
        raise ValueError("length")
    return key


def _secret(value: SecretStr) -> SecretStr:
    try:
        secret_bytes(value.get_secret_value())
    except (ValueError, binascii.Error):  # the error must not show the value
        raise PydanticCustomError("secret", "whsec_ and 24 to 64 bytes in base64") from None
    return value


def _url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.startswith(("https://", "http://")) or not text.isascii() or not text.isprintable() or " " in text:
        raise PydanticCustomError("url", "an address that begins with https:// or http://")
    if "@" in text.split("/", 3)[2]:
        raise PydanticCustomError("url", "an address without a user and a password")
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname and parts.hostname.encode("idna")) and parts.port != 0
    except ValueError:  # UnicodeError among them; the error must not show the value
        is_whole = False
    if not is_whole:
        raise PydanticCustomError("url", "an address with a host, and a port of 1 to 65535 if it has one")
    return value


class AlertRule(Section):
    """One rule: which rising tags go to which address."""

    url: Annotated[SecretStr, AfterValidator(_url)]
    """Where its messages go. `trends` prints the host alone, since many services put a token into the path."""
    secret: Annotated[SecretStr, AfterValidator(_secret)]
    """Signs its messages: `whsec_` and base64."""
    private: bool = False
    """Whether the address may be on loopback or in a private network, and speak http there."""
    kind: Literal["hashtag", "bigram", "trigram"] = "hashtag"
    """What to look at."""
    source: str | None = None
    """Hashtags of one source alone."""
    least: float = Field(default=10.83, ge=0)
    """Least score: see `trends rising`."""
    uses: int = Field(default=10, ge=1)
    """Least uses in the hour."""
    against: str = Field(default="24h", pattern=r"^[0-9]+[mhd]$")
    """How long before the hour to compare with."""
    tags: tuple[str, ...] = ()
    """Only tags that one of these patterns matches, as `paris` or `paris*`; `[]`: every tag."""
    quiet_s: float = Field(default=86_400.0, ge=0, le=_YEAR_S)
    """After a message about a tag, none about it in the hours that begin within so many seconds."""


class AlertsSettings(Section):
    """Webhooks for rising tags: `trends alerts`."""

    rules: dict[Annotated[str, Field(pattern=_NAME)], AlertRule] = Field(default={}, max_length=32)
    """Rules by name, each a table `[alerts.rules.NAME]`: see docs/alerts.md."""
    every_s: float = Field(default=15.0, gt=0, le=86_400)
    """How often `trends alerts run` looks for finished hours and deliveries, seconds."""
    timeout_s: float = Field(default=15.0, gt=0, le=120)
    """Longest time of one attempt, from the connection to the answer, seconds."""
    retry_s: float = Field(default=5.0, gt=0, le=3_600)
    """Delay before the second attempt, seconds; it doubles with each one, up to an hour, with jitter."""
    give_up_s: float = Field(default=86_400.0, gt=0, le=_YEAR_S)
    """Age at which an undelivered message ends, seconds."""
    ca_file: Path | None = None
    """Certificates of the authorities to trust, in place of the system's."""

    @classmethod
    def canonical(cls, table: Mapping[str, Any]) -> dict[str, Any]:
        """A table whose rules have names and keys in lower case, as a shell's variables have none."""
        rules = table.get("rules")
        if not isinstance(rules, Mapping):
            return dict(table)
        lower = {
            name.lower(): {key.lower(): value for key, value in rule.items()} if isinstance(rule, Mapping) else rule
            for name, rule in rules.items()
        }
        return {**table, "rules": lower}

    @model_validator(mode="after")
    def _refuse_phrases_by_source(self) -> "AlertsSettings":
        for rule in self.rules.values():
            if rule.kind != "hashtag" and rule.source is not None:
                raise PydanticCustomError("source", "the views count phrases by no source")
        return self
