"""Atom: hours as an Atom document (RFC 4287), an entry an hour. Pure.

An entry's id is a tag URI (RFC 4151) of authority, lens and hour, so it stays when an hour is computed again; `updated`
moves then. XML 1.0 has no control characters and no halves of surrogate pairs: tags show them as their codes.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import Hour, Millis, iso
from serving.answers.merge import View, competition_ranks
from serving.render.text import caption, local_hour
from serving.views.documents import HASHTAGS, Lens

ATOM, XHTML = "http://www.w3.org/2005/Atom", "http://www.w3.org/1999/xhtml"
MEDIA_TYPE = "application/atom+xml"
SHOWN = 60
"""Characters of a tag in an entry."""
_IN_TITLE = 3
_SINCE = "2026-01-01"
"""The day that every tag URI names: RFC 4151 wants one on which the authority had its name."""
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class AtomPlace(NamedTuple):
    """Where the document is, and what it links to."""

    own: str
    """Its own address."""
    pages: str
    """The address of the page that it is about."""
    hour: Callable[[Hour], str]
    """The address of an hour's page."""
    authority: str
    """A name of this server, for ids: `trends.example.org`."""


def atom_document(views: Sequence[View], lens: Lens, tz: ZoneInfo, place: AtomPlace) -> bytes:
    """The document of some hours, in their order, in UTF-8."""
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _text(root, "id", _id(place.authority, lens))
    of_lens = "" if lens == HASHTAGS else f" · {printable(str(lens), SHOWN)}"
    _text(root, "title", f"trends: the most used tags of each hour{of_lens}")
    _text(root, "updated", iso(max((_computed_at(view) for view in views), default=0)))
    _link(root, "self", place.own, MEDIA_TYPE)
    _link(root, "alternate", place.pages, "text/html")
    _text(ET.SubElement(root, "author"), "name", "trends")
    for view in views:
        root.append(_entry(view, tz, place))
    content: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return content


def _entry(view: View, tz: ZoneInfo, place: AtomPlace) -> ET.Element:
    entry = ET.Element("entry")
    names = [view.lens.label(row.shown, SHOWN) for row in view.rows[:_IN_TITLE]]
    _text(entry, "id", f"{_id(place.authority, view.lens)}/{view.hour}")
    _text(entry, "title", f"{local_hour(view.hour, tz)}: {', '.join(names) or 'no tags'}")
    _text(entry, "updated", iso(_computed_at(view)))
    _text(entry, "published", iso(view.hour.end_ms))
    _link(entry, "alternate", place.hour(view.hour), "text/html")
    content = ET.SubElement(entry, "content", {"type": "xhtml"})
    body = ET.SubElement(content, "div", {"xmlns": XHTML})
    if view.rows:
        rows = ET.SubElement(body, "ol")
        for rank, row in zip(competition_ranks(view.rows), view.rows, strict=True):
            text = f"{view.lens.label(row.shown, SHOWN)}: {quantity(row.count, 'use')}"
            _text(rows, "li", text, value=str(rank))
    for line in caption(view).splitlines():
        _text(body, "p", line)
    return entry


def _computed_at(view: View) -> Millis:
    return view.hour.end_ms if view.computed_at is None else view.computed_at


def _id(authority: str, lens: Lens) -> str:
    source = "" if lens.source is None else f"/{quote(lens.source, safe='', errors='surrogatepass')}"
    return f"tag:{authority},{_SINCE}:trends/{lens.kind}{source}"


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _legal(text)


def _link(parent: ET.Element, rel: str, href: str, media_type: str) -> None:
    ET.SubElement(parent, "link", {"rel": rel, "type": media_type, "href": _legal(href)})


def _legal(text: str) -> str:
    """Text that XML 1.0 can hold; U+FFFD stands for any other character."""
    return _ILLEGAL.sub("\ufffd", text)
