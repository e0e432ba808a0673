"""A status from the JSON that it becomes."""

from collections.abc import Mapping
from typing import Any

import msgspec

from config.stack.status import ServerState
from serving.answers.explanation import Unknown
from serving.status.model import (
    AlertsStatus,
    ArchiveStatus,
    FeedStatus,
    HoursStatus,
    RejectsStatus,
    RunStatus,
    SourceStatus,
    SpeedStatus,
    Status,
    TopsStatus,
)

PARTS: dict[str, Any] = {
    "servers": list[ServerState],
    "sources": list[SourceStatus],
    "speed": SpeedStatus,
    "archive": ArchiveStatus,
    "hours": HoursStatus,
    "runs": list[RunStatus],
    "rejects": RejectsStatus,
    "feeds": list[FeedStatus],
    "tops": TopsStatus,
    "alerts": AlertsStatus,
}


def status_from(document: Mapping[str, Any]) -> Status:
    """The status whose `to_json` this is. A part that is left out is unknown."""
    return Status(**{name: _part(name, document.get(name, {"error": "left out"})) for name in PARTS})


def _part(name: str, value: Any) -> Any:
    is_unknown = isinstance(value, dict) and "error" in value
    return Unknown(**value) if is_unknown else msgspec.convert(value, PARTS[name])
