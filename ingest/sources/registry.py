"""Where posts come from. The registry: one line a format of files, one line a source."""

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from config.errors import UsageError
from ingest.sources.bluesky.events import JetstreamReader
from ingest.sources.formats.contract import Reader, Reading
from ingest.sources.formats.csv_header import Columns
from ingest.sources.formats.csv_rows import CsvReader
from ingest.sources.formats.json_fields import Fields, JsonReader
from ingest.sources.mastodon.statuses import MastodonReader
from ingest.sources.x.v1 import V1Reader
from ingest.sources.x.v2 import V2Reader

FORMATS: dict[str, Callable[[dict[str, Any], Reading], Reader]] = {
    "csv": lambda spec, reading: CsvReader(msgspec.convert(spec, Columns), reading),
    "json": lambda spec, reading: JsonReader(msgspec.convert(spec, Fields), reading),
    "x-v1": lambda _, reading: V1Reader(reading),
    "x-v2": lambda _, reading: V2Reader(reading),
    "jetstream": lambda _, reading: JetstreamReader(reading),
    "mastodon": lambda _, reading: MastodonReader(reading),
}
"""Formats of files: how to make a reader from its `spec`."""
PUBLISHED_ON = {"jetstream": "bluesky", "mastodon": "mastodon"}
"""Where the posts of a format were published if nobody says otherwise; of those not named here: `x`."""


class Entry(NamedTuple):
    """A source: the class that reads it (of a live one: its `Service`), and what it needs beyond the dependencies."""

    place: str
    """`module:class`."""
    needs: tuple[str, ...] = ()
    """Packages to install for it."""


SOURCES: dict[str, Entry] = {
    "file": Entry("ingest.sources.files.source:FileSource"),
    "sample": Entry("ingest.sources.sample.source:SampleSource"),
    "jetstream": Entry("ingest.sources.bluesky.stream:Jetstream"),
    "x": Entry("ingest.sources.x.stream:XStream"),
    "mastodon": Entry("ingest.sources.mastodon.stream:Mastodon"),
}


def source_class(name: str) -> Any:
    """The class of a source. Raises `UsageError` for an unknown name, and where its driver is not installed."""
    if name not in SOURCES:
        raise UsageError(f"unknown source: {name!r}", next_step=f"There are: {', '.join(SOURCES)}")
    entry = SOURCES[name]
    module, _, attribute = entry.place.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not entry.needs:
            raise
        raise UsageError(
            f"its driver is missing: {error.name}", where=f"source {name}", next_step=_install(entry)
        ) from None


def reader_of(spec: str, reading: Callable[[str], Reading]) -> Reader:
    """The reader that a `Reader.spec` tells of; `reading` is asked for the post's source. Raises `UsageError`."""
    try:
        told = json.loads(spec)
        checked = replace(reading(told["source"]), time_from_id=told.get("time_from") == "id")
        return FORMATS[told["format"]](told, checked)
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise UsageError(f"not a reader: {error}", where=spec[:200]) from None


def _install(entry: Entry) -> str:
    return f"Install it: pip install {' '.join(entry.needs)}"
