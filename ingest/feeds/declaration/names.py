"""Names, places and spans in a feed's file: what each may look like. Values of variables go by the same rules."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from config.errors import UsageError
from ingest.sources.live.addresses import host_of

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
TOPIC = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]{1,249}", re.ASCII)
FOLDER = re.compile(r"(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")
_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h|d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"{text[:70]!r} is no name: a-z, 0-9 and _, at most 63 of them, no digit first")
    return text


def _topic(text: str) -> str:
    if not TOPIC.fullmatch(text):
        raise ValueError(f"{text[:70]!r} is no topic: letters, digits and . _ -, at most 249 of them")
    return text


def _folder(text: str) -> str:
    if not FOLDER.fullmatch(text):
        raise ValueError(f"{text[:70]!r} is no folder of HDFS: an absolute path of letters, digits and . _ = -")
    return text


def _seconds(span: Any) -> Any:
    match = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if match is None:
        raise ValueError(f"{str(span)[:40]!r} is no span: one looks like 30s, 10m, 1h or 7d")
    return float(match[1]) * _SECONDS[match[2]]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown, a folder, or like a path
        raise ValueError(f"{name[:60]!r} is no zone of the tz database: one looks like Europe/Paris") from None
    return name


def _url(text: str) -> str:
    try:
        host_of(text, "https", "http")
    except UsageError:
        shape = "https://api.example/path, without user, query or fragment"
        raise ValueError(f"{text[:100]!r} is no address of an API: one looks like {shape}") from None
    return text


def _local(path: str) -> str:
    if not path or _CONTROL.search(path) or path.startswith("-"):
        raise ValueError(f"{path[:70]!r} is no path of a file")
    return path


def _csv(path: str) -> str:
    parts = PurePosixPath(_local(path)).parts
    if ".." in parts or path.endswith("/") or not parts:
        raise ValueError(f"{path[:70]!r} is no path of a file without `..`")
    return path


def _variable_name(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError(f"{text[:70]!r} is no name of an environment variable")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""Of a feed, sink, table or column."""
Topic = Annotated[str, AfterValidator(_topic)]
Folder = Annotated[str, AfterValidator(_folder)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
"""A span such as `10m`."""
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_url)]
"""`http` or `https`, a host, perhaps a port and a path."""
LocalFile = Annotated[str, AfterValidator(_local)]
CsvFile = Annotated[str, AfterValidator(_csv)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
"""Of an environment variable."""
