"""The registry: live services, and formats of records. It names classes as text, so importing it loads none of them.

A live service is one folder beside `mastodon/` and one line in `LIVE`: its options, its section of the settings and its
help come from the `LiveEntry` in that folder.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from config.errors import UsageError
from config.settings.section import Section
from ingest.sources.live.entry import LiveEntry, load

if TYPE_CHECKING:
    from ingest.sources.formats.contract import Reader, Reading

LIVE = {
    "jetstream": "ingest.sources.bluesky.entry:ENTRY",
    "x": "ingest.sources.x.entry:ENTRY",
    "mastodon": "ingest.sources.mastodon.entry:ENTRY",
}
"""Live services by their name on the command line and in the settings: `module:entry`."""

FORMATS = {
    "csv": "ingest.sources.formats.csv_posts:CsvReader",
    "json": "ingest.sources.formats.json_fields:JsonReader",
    "x-v1": "ingest.sources.x.v1:V1Reader",
    "x-v2": "ingest.sources.x.v2:V2Reader",
}
"""Formats of records that no live service brings along: `module:class`."""
X = "x"


def live_entry(name: str) -> LiveEntry:
    """The declaration of a live service. Raises `KeyError` for an unknown name."""
    entry: LiveEntry = load(LIVE[name])
    return entry


def live_sections() -> dict[str, type[Section]]:
    """The sections of the settings of all live services."""
    return {name: live_entry(name).settings for name in LIVE}


def formats() -> dict[str, str]:
    """All formats of records, with those of live services: `module:class`."""
    entries = map(live_entry, LIVE)
    return FORMATS | {entry.format: entry.reader for entry in entries if entry.reader}


def published_on(format_: str) -> str:
    """The source of posts in a format, unless the user names another one."""
    return next((entry.published_on for entry in map(live_entry, LIVE) if entry.format == format_), X)


def make_reader(format_: str, spec: dict[str, Any], reading: "Reading") -> "Reader":
    """A reader of a format. Raises `KeyError` for an unknown format, and errors of msgspec for a wrong spec."""
    reader: Reader = load(formats()[format_]).from_spec(spec, reading)
    return reader


def reader_of(spec: str, reading: "Callable[[str], Reading]") -> "Reader":
    """The reader of a `Reader.spec`; `reading` gets the source of its posts. Raises `UsageError`."""
    import msgspec  # noqa: PLC0415 - `trends top` imports the registry for its sections, and never reads a record

    try:
        fields = json.loads(spec)
        checked = replace(reading(fields["source"]), time_from_id=fields.get("time_from") == "id")
        return make_reader(fields["format"], fields, checked)
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise UsageError(f"not a reader: {error}", where=spec[:200]) from None
