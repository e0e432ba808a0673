"""Secrets: which settings are secret, and how a process that we start gets those it needs.

A secret setting has the type `SecretStr`; a value of `spark.conf` is secret where Spark's own rule says so, one of
`kafka.conf` by the rule of `kafka_options`. Secrets in the environment go to a child through a file of mode 0600 that
`TRENDS_SECRETS_FILE` names: a process list shows the environment of a process to its user, and a server may print its
own into a log that others read. Servers get neither.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import mkstemp
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from config.errors import UsageError
from config.redaction import remember
from config.settings.kafka_options import is_secret_option as is_secret_kafka_option
from config.settings.loaders import PREFIX
from config.settings.secret_files import table_of

FILE = "TRENDS_SECRETS_FILE"
"""Names a JSON file of further variables. A variable of the environment itself counts more."""
SECRET_KEY = re.compile(r"secret|password|token|access[.]?key|jaas[.]config", re.IGNORECASE)
"""Spark's rule (`spark.redaction.regex`) and Kafka's lines of JAAS, which hold a password: for keys of `spark.conf` and
options of a connection string."""

_SECRET_OPTIONS: Mapping[str, Callable[[str], object]] = {
    "kafka": is_secret_kafka_option,
    "spark": SECRET_KEY.search,
}
"""Of each section with a table `conf`: the rule that tells which of its values are secret."""

Sections = Mapping[str, type[BaseModel]]


def secret_keys(section: type[BaseModel]) -> frozenset[str]:
    """The keys of a section whose values are secret."""
    return frozenset(key for key, field in section.model_fields.items() if _is_secret(field.annotation))


def _is_secret(annotation: Any) -> bool:
    """Whether a value holds a secret: it is one, or a table of tables that have one."""
    rows = table_of(annotation)
    return annotation is SecretStr or SecretStr in get_args(annotation) or bool(rows and secret_keys(rows))


def is_secret_option(section: str, key: str) -> bool:
    """Whether a key of the table `conf` of a section has a secret value."""
    return section in _SECRET_OPTIONS and bool(_SECRET_OPTIONS[section](key))


def learn(tables: Mapping[str, Any], sections: Sections) -> None:
    """Redact every secret of these tables from now on. Call it before validation, since that can fail."""
    for name, section in sections.items():
        table = tables.get(name)
        if not isinstance(table, Mapping):
            continue
        for key in secret_keys(section) & table.keys():
            remember(*(part for value in _leaves(section, key, table[key]) for part in _parts(value)))
        conf = table.get("conf")
        if isinstance(conf, Mapping):
            remember(*(str(value) for key, value in conf.items() if is_secret_option(name, key)))


def _leaves(section: type[BaseModel], key: str, value: Any) -> Iterator[str]:
    """A secret value, or those of a table of tables: their addresses whole, since a path may hold a token."""
    rows = table_of(section.model_fields[key].annotation)
    if rows is None:
        yield str(value)
    elif isinstance(value, Mapping):
        for row in value.values():
            if isinstance(row, Mapping):
                for name in secret_keys(rows) & row.keys():
                    remember(str(row[name]))
                    yield str(row[name])


def _parts(value: str) -> Iterator[str]:
    """The secret parts of a value: of a connection string with credentials, the whole and the password alone."""
    if "://" not in value:
        yield value
        return
    try:
        address = urlsplit(value)
    except ValueError:
        yield value
        return
    user, at, _ = address.netloc.rpartition("@")
    password = user.partition(":")[2]
    options = [option.partition("=") for option in re.split("[&;]", address.query)]
    hidden = [
        password,
        *(found for key, _, found in options if SECRET_KEY.search(key) or "mechanismprop" in key.lower()),
    ]
    for each in hidden:
        yield from {each, unquote(each)}
    if at and password:
        yield from (f"{user}@", value)


def is_secret(variable: str, sections: Sections) -> bool:
    """Whether a variable of the environment holds a secret, be it within the JSON of a section or of `spark.conf`."""
    section, *keys = variable.removeprefix(PREFIX).lower().split("__")
    if not variable.startswith(PREFIX) or section not in sections:
        return False
    if section in _SECRET_OPTIONS and (not keys or keys[0] == "conf"):
        return len(keys) < 2 or is_secret_option(section, ".".join(keys[1:]))
    secret = secret_keys(sections[section])
    return bool(secret) if not keys else keys[0] in secret


def with_file(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with the variables of its file of secrets beneath. Raises `UsageError` where that is no such."""
    if FILE not in environment:
        return dict(environment)
    try:
        told = json.loads(Path(environment[FILE]).read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in told.items()} | dict(environment)
    except (OSError, ValueError, AttributeError):  # the error must not show the content
        raise UsageError("can't read the file that it names", where=FILE, next_step="`trends up` writes it") from None


def write_private(path: Path, text: str) -> None:
    """Write a file that its user alone may read, whole."""
    write_private_bytes(path, text.encode("utf-8"))


def write_private_bytes(path: Path, data: bytes) -> None:
    """The same of bytes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = mkstemp(prefix=f".{path.name}-", dir=path.parent)  # of mode 0600, and of this call alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
