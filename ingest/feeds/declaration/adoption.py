"""Adoption: `params.json` and `config.json` of the recipe "Kafka to Hive" as a feed's file and settings.

Each key becomes a part of the feed, a setting, or nothing, and the report says which. A secret stays in its file: the
report names its key, and no text of ours holds its value.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from config.errors import UsageError
from config.redaction import remember
from ingest.feeds.declaration.names import NAME, TOPIC

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_.@-]{1,100}", re.ASCII)
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_SECRET = re.compile(r"pass|secret|token|consumer_?key|api_?key|bearer", re.IGNORECASE)
_MOST_BYTES = 1_000_000
_HIVE_PORT = 10_000
"""HiveServer2's own, where the files name none."""
_MOST_MESSAGES = 1_000_000


class Adopted(NamedTuple):
    """What became of one key."""

    file: str
    key: str
    became: str
    """Empty: nobody knows the key."""


class Adoption(NamedTuple):
    """A feed's file, and what became of each key."""

    text: str
    """TOML: the feed, below comments with the settings that belong into trends.toml."""
    report: list[Adopted]

    @property
    def unknown(self) -> list[Adopted]:
        """The keys that nobody knows."""
        return [each for each in self.report if not each.became]


def adopt(files: Iterable[Path]) -> Adoption:
    """Read the files. Raises `UsageError` for a file that is no JSON object, and for a value that can't be."""
    reading = _Reading()
    for file in files:
        for key, value in _entries(file):
            reading.take(file, key, value)
    return Adoption(reading.text(), reading.report)


class _Reading:
    """The values that count, as the files bring them."""

    def __init__(self) -> None:
        self.report: list[Adopted] = []
        self._topic = "tweets"
        self._table = "tweets"
        self._messages = 500
        self._hosts: list[str] = []
        self._port: int | None = None
        self._hive: dict[str, str] = {}
        self._hive_port = _HIVE_PORT
        self._secrets: list[str] = []
        self._takers: Mapping[str, Callable[[str, str], str]] = {
            "topic": self._take_topic,
            "table_hive": self._take_table,
            "lenght_bloc": self._take_messages,  # as the recipe spells it
            "length_bloc": self._take_messages,
            "cluster": self._take_cluster,
            "server_port": self._take_port,
            "host_hive": self._take_host,
            "port_hive": self._take_hive_port,
            "user_hive": lambda where, value: self._set_hive("user", _fit(where, value, _USER)),
            "database_hive": lambda where, value: self._set_hive("database", _fit(where, value, _DATABASE)),
            "zookieper_port": self._take_zookeeper,
            "zookeeper_port": self._take_zookeeper,
            "log_file": lambda *_: "nothing: each part of the feed has a log of its own in state/logs",
        }

    def take(self, file: Path, key: str, value: Any) -> None:
        """One key of a file."""
        taker = self._takers.get(key.lower())
        if taker is not None:
            became = taker(f"{file}: {key}", _text(value))
        elif _SECRET.search(key):
            became = self._take_secret(file, key, _text(value))
        else:
            became = ""
        self.report.append(Adopted(str(file), key, became))

    def text(self) -> str:
        """The feed's file."""
        settings = [f"#   {line}" for line in self._settings()]
        notes = ["# These settings belong into trends.toml:", "#", *settings, ""] if settings else []
        return "\n".join([*notes, _FEED.format(topic=self._topic, table=self._table, messages=self._messages)])

    def _settings(self) -> Iterator[str]:
        if self._hosts:
            yield "[kafka]"
            servers = [host if ":" in host else f"{host}:{self._port or 9092}" for host in self._hosts]
            yield f'bootstrap = "{",".join(servers)}"'
        if self._hive:
            yield "[hive]"
            for key, value in self._hive.items():
                yield f'{key} = "{value}:{self._hive_port}"' if key == "uri" else f'{key} = "{value}"'
        yield from self._secrets

    def _take_topic(self, where: str, value: str) -> str:
        self._topic = _fit(where, value, TOPIC)
        return "topic.name"

    def _take_table(self, where: str, value: str) -> str:
        self._table = _fit(where, value.lower(), NAME)
        return "sinks.hive.table"

    def _take_messages(self, where: str, value: str) -> str:
        self._messages = _number(where, value, _MOST_MESSAGES)
        return "sinks.hive.packet.messages"

    def _take_cluster(self, where: str, value: str) -> str:
        for each in re.split(r"[,;\s]+", value.strip()):
            host, colon, port = each.partition(":")
            _fit(where, host, _HOST)
            self._hosts.append(f"{host}:{_number(where, port, 65_535)}" if colon else host)
        return "the setting kafka.bootstrap"

    def _take_port(self, where: str, value: str) -> str:
        self._port = _number(where, value, 65_535)
        return "the setting kafka.bootstrap"

    def _take_host(self, where: str, value: str) -> str:
        host, colon, port = value.strip().partition(":")
        if colon:
            self._take_hive_port(where, port)
        return self._set_hive("uri", _fit(where, host, _HOST))

    def _take_hive_port(self, where: str, value: str) -> str:
        self._hive_port = _number(where, value, 65_535)
        return "the setting hive.uri"

    def _set_hive(self, key: str, value: str) -> str:
        self._hive[key] = value
        return f"the setting hive.{key}"

    def _take_zookeeper(self, where: str, value: str) -> str:
        _number(where, value, 65_535)
        return "nothing: brokers run without ZooKeeper now, and clients need their addresses alone"

    def _take_secret(self, file: Path, key: str, value: str) -> str:
        remember(value)
        of_hive = "hive" in key.lower()
        setting = "hive.password_file" if of_hive else "x.token_file"
        line = f"# {setting}: a file with the {'password' if of_hive else 'bearer token'} alone, of mode 0600"
        if line not in self._secrets:
            self._secrets.append(line)
        return f"a secret, which stays in {file.name}: the setting {setting} names a file that holds it alone"


_FEED = """\
about = "Posts that use one hashtag, in Hive, a packet at a time"

[vars]
tag = {{ needed = true, about = "the hashtag to follow, without #" }}
from = {{ default = "x", about = "where posts come from: x, jetstream, mastodon or sample" }}

[source]
type = "posts"
from = "{{from}}"
tag = "{{tag}}"

[topic]
name = "{topic}"

[columns]
id = {{ from = "id", type = "string" }}
created_at = {{ from = "created_at", type = "timestamp" }}
source = {{ from = "source", type = "string" }}
lang = {{ from = "lang", type = "string" }}
text = {{ from = "text", type = "string" }}
tags = {{ from = "tags", type = "json" }}

[sinks.hive]
type = "hive"
table = "{table}"
packet = {{ messages = {messages}, after = "30s" }}
start = "position" # or now: the stage then skips older posts, and says so
"""


def _entries(file: Path) -> Iterator[tuple[str, Any]]:
    """The keys of a file; those of an object inside it too, by their own names."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        tables = json.loads(content.decode("utf-8-sig")) if len(content) <= _MOST_BYTES else None
    except OSError as error:
        raise UsageError(f"can't read it: {error.strerror}", where=str(file)) from None
    except (ValueError, RecursionError):  # the error would show what the file holds
        tables = None
    if not isinstance(tables, dict):
        raise UsageError("no JSON object", where=str(file), next_step="Name params.json and config.json")
    for key, value in tables.items():
        yield from value.items() if isinstance(value, dict) else [(key, value)]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


def _fit(where: str, value: str, shape: re.Pattern[str]) -> str:
    """A value that a name may have. The error shows the key alone: the value may be a password in a wrong place."""
    if not shape.fullmatch(value.strip()):
        raise UsageError("no such name can be", where=where, next_step="Correct it there, or leave the key out")
    return value.strip()


def _number(where: str, value: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value.strip(), re.ASCII) or not 1 <= int(value) <= most:
        raise UsageError(f"it takes a number from 1 to {most:,}", where=where)
    return int(value)
