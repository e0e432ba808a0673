"""Credential: the key of an API, from the environment. The only module that reads it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from config.errors import UsageError
from config.redaction import remember
from ingest.feeds.declaration.model import HttpSource
from ingest.sources.live.http import token_of

_HEADER = re.compile(r"[A-Za-z0-9-]+", re.ASCII)


class Credential(NamedTuple):
    """A secret, and where a request carries it."""

    value: SecretStr
    names: str
    """Variables that hold it, for messages."""
    parameter: str = ""
    header: str = ""

    @classmethod
    def of(cls, source: HttpSource, environ: Mapping[str, str]) -> Self | None:
        """The secret of a feed; None where it needs none.

        The variable holds it, or the variable with `_FILE` behind its name holds the path of a file with it. Raises
        `UsageError`, which never shows it.
        """
        secret = source.secret
        if secret is None:
            return None
        if secret.header is not None and not _HEADER.fullmatch(secret.header):
            raise UsageError(f"no name of a header: {secret.header[:60]!r}", where="source.secret.header")
        if secret.query is not None and any(secret.query in ask.query for ask in source.ask.values()):
            raise UsageError(f"a request has a parameter {secret.query!r} already", where="source.secret.query")
        text, file = environ.get(secret.env), environ.get(f"{secret.env}_FILE")
        names = f"{secret.env} or {secret.env}_FILE"
        value = token_of(
            SecretStr(text) if text else None, Path(file) if file else None, names, words=secret.header is not None
        )
        plain = value.get_secret_value()
        remember(quote(plain, safe=""), quote_plus(plain))
        return cls(value, names, secret.query or "", secret.header or "")

    @property
    def query(self) -> dict[str, str]:
        """Parameters of each request."""
        return {self.parameter: self.value.get_secret_value()} if self.parameter else {}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of each request."""
        return {self.header: self.value.get_secret_value()} if self.header else {}
