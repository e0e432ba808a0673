"""Validation: every reader checks a document from MongoDB before using it. A damaged document is a `DamagedError`.

MongoDB has no schema, so a document can lack a field or have one of another type: by a person, a tool, or a disk. Each
reader of documents passes them through `check`, which costs a fraction of what their decoding does.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from bson.int64 import Int64

from config.errors import DamagedError, UsageError
from ingest.hours import Hour

_log = logging.getLogger(__name__)
_T = TypeVar("_T", bound=Mapping[str, Any])
_NUMBER, _TEXT, _OPTIONAL_TEXT = (int, Int64), (str,), (str, type(None))
Shape = Mapping[str, tuple[type, ...]]
"""The types that a field may have."""

_BATCH: Shape = {
    **dict.fromkeys(("_id", "hour", "rule", "run"), _TEXT),
    **dict.fromkeys(("tied_beyond", "uses", "tags", "posts", "token"), _NUMBER),
    "complete": (bool,),
    "computed_at": (datetime,),
}
HOUR: Shape = {**_BATCH, "covered": (list,), "dirty": (bool,)}
"""`hours`, without its rows."""
RANKED_HOUR: Shape = {**HOUR, "top": (list,)}
"""`hours`."""
LENS: Shape = {**_BATCH, "top": (list,), "kind": _TEXT, "source": _OPTIONAL_TEXT}
"""`lenses`."""
SAMPLES: Shape = {
    **dict.fromkeys(("_id", "hour", "rule", "run"), _TEXT),
    **dict.fromkeys(("token", "most", "tagged"), _NUMBER),
    **dict.fromkeys(("archives", "tags"), (list,)),
    "source": _OPTIONAL_TEXT,
}
"""`samples`, without a look at its tags: `serving.views.samples.tag_sample` reads each."""
USE: Shape = {"tag": _TEXT, "shown": _TEXT, "count": _NUMBER}
"""`uses`, `phrase_uses`, and the rows of the others."""
SOUND_USE = {"tag": {"$type": "string"}, "shown": {"$type": "string"}, "count": {"$type": "number"}}
"""Matches the same in MongoDB."""
BEFORE: Shape = {"hour": _TEXT, "complete": (bool,), "covered": (list,)}
"""The fields that a publish reads of the document it replaces."""
RUN: Shape = {
    **dict.fromkeys(("_id", "kind", "rule", "state"), _TEXT),
    **dict.fromkeys(("since", "until", "error"), _OPTIONAL_TEXT),
    **dict.fromkeys(("hours_done", "hours_planned", "posts"), _NUMBER),
    "started_at": (datetime,),
    "ended_at": (datetime, type(None)),
}
"""`runs`, as `trends status` reads them."""

_ABSENT = object()
_ROWS = {(str, str, int), (str, str, Int64)}


def check(document: _T, shape: Shape) -> _T:
    """The document, if it is sound. Raises `DamagedError`."""
    why = damage_of(document, shape)
    if why:
        raise DamagedError(f"damaged document: {why}", where=_where(document), next_step=_step(document))
    return document


def sound(documents: Iterable[_T], shape: Shape) -> Iterator[_T]:
    """The documents that are sound. Logs damaged ones and skips them, so that a run computes them again."""
    for document in documents:
        if why := damage_of(document, shape):
            _log.warning("%s: damaged document: %s. %s", _where(document), why, _step(document))
        else:
            yield document


def token_of(document: Mapping[str, Any]) -> int:
    """The fencing token of a document that is there; less than any where it has none."""
    token = document.get("token")
    return token if isinstance(token, int) and not isinstance(token, bool) else -1


def older_than(token: int) -> dict[str, Any]:
    """Matches a document of a smaller token, or of a damaged one, which fences nobody."""
    return {"$or": [{"token": {"$lt": token}}, {"token": {"$not": {"$type": ["int", "long"]}}}]}


def unreadable(error: Exception) -> DamagedError:
    """The error for any other failure of reading documents."""
    what = f"damaged document: {type(error).__name__}: {str(error)[:200]}"
    return DamagedError(what, where="MongoDB", next_step="`trends verify --all` recounts every document")


def damage_of(document: Mapping[str, Any], shape: Shape) -> str:
    """The damage of a document; empty if it is sound."""
    for name, types in shape.items():
        value = document.get(name, None if type(None) in types else _ABSENT)
        if type(value) not in types:
            return f"{name} is {_shown(value)}"
        if types is _NUMBER and value < 0:
            return f"{name} is {_shown(value)}"
    if "hour" in shape and not _is_hour(document["hour"]):
        return f"hour is {_shown(document['hour'])}"
    for name in ("covered", "sources"):
        wanted = _NUMBER if name == "covered" else _TEXT
        values = document.get(name, [])
        if not (isinstance(values, list) and all(type(each) in wanted for each in values)):
            return f"{name} is {_shown(values)}"
    return _earlier(document) or _rows(document.get("top", [])) or _speed(document.get("speed"))


def _earlier(document: Mapping[str, Any]) -> str:
    """The damage of an hour's archives; documents of earlier versions name none."""
    for name in ("archive", "topic_id"):
        if not isinstance(document.get(name, ""), str):
            return f"{name} is {_shown(document[name])}"
    earlier = document.get("earlier") or {}
    if not isinstance(earlier, dict):
        return f"earlier is {_shown(earlier)}"
    if any(not isinstance(ends, list) or {*map(type, ends)} - {*_NUMBER} for ends in earlier.values()):
        return f"earlier is {_shown(earlier)}"
    return ""


def _speed(seen: Any) -> str:
    """The damage of the speed layer's part; documents of earlier versions have none."""
    if seen is None:
        return ""
    if not isinstance(seen, dict) or type(seen.get("uses")) not in _NUMBER or type(seen.get("tags")) not in _NUMBER:
        return f"speed is {_shown(seen)}"
    return _rows(seen.get("top"))


def _rows(rows: Any) -> str:
    try:
        types = {(type(row["tag"]), type(row["shown"]), type(row["count"])) for row in rows}
    except (KeyError, TypeError, IndexError, AttributeError):
        return "a row lacks its tag, its spelling or its count"
    return "" if types <= _ROWS else "a row has a tag, a spelling or a count of another type"


def _is_hour(text: str) -> bool:
    try:
        Hour.parse(text)
    except UsageError:
        return False
    return True


def _shown(value: Any) -> str:
    return "missing" if value is _ABSENT else repr(value)[:60]


def _where(document: Mapping[str, Any]) -> str:
    return f"MongoDB {document.get('_id', '')!s:.100}".strip()


def _step(document: Mapping[str, Any]) -> str:
    hour = document.get("hour")
    if isinstance(hour, str) and _is_hour(hour):
        return f"`trends batch hour {hour}` computes the hour again"
    return "Delete it: `trends batch run` computes what is missing"
