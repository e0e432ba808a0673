"""Paper: the templates, and how hours, numbers and tags are written in them. Everything is escaped by Jinja."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from config.errors import UsageError
from ingest.hours import Hour
from serving.merge import competition
from serving.moments import zone
from serving.render import caption, iso, local_hour, printable

SHOWN_TAG, LABEL = 60, 20
"""Characters of a tag that a table and a chart show; the tag's own page has all of them."""
_UTC = ZoneInfo("UTC")


def page(request: Request, template: str, told: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page, or a part of one, in the time zone that the URL names."""
    tz = _zone(request)
    text = _PAPER.get_template(template).render(
        dict(told),
        here=request.url.path,
        tz=tz,
        link=Links(tz),
        local=lambda hour: local_hour(hour, tz),
        clock=lambda hour: f"{hour.start.astimezone(tz):%H:%M}",
        date=lambda hour: f"{hour.start.astimezone(tz):%Y-%m-%d}",
        day=lambda hour: f"{hour.start.astimezone(tz):%A, %d %B %Y}",
        ranks=competition,
        needs_token=request.app.state.board.access.needs_token,
    )
    return HTMLResponse(text, status)


class Links:
    """Addresses of our pages, which keep the reader's time zone."""

    def __init__(self, tz: ZoneInfo) -> None:
        self._kept: Mapping[str, str] = {} if tz.key == "UTC" else {"tz": tz.key}

    def to(self, path: str, **asked: object) -> str:
        """A path with what is asked of it; what is None is left out."""
        words = {name: str(value) for name, value in asked.items() if value is not None} | dict(self._kept)
        return f"{path}?{urlencode(words, errors='surrogatepass')}" if words else path

    def hour(self, hour: Hour) -> str:
        """The page of an hour."""
        return self.to(f"/hour/{quote(str(hour))}")

    def tag(self, tag: str, at: Hour | None = None) -> str:
        """The page of a tag, around an hour."""
        return self.to("/tag", name=tag, at=at)


def _zone(request: Request) -> ZoneInfo:
    """The zone that was asked for; UTC on the page that says that there is no such zone."""
    try:
        return zone(request.query_params.get("tz", "").strip() or "UTC")
    except UsageError:
        return _UTC


def _environment() -> Environment:
    paper = Environment(
        loader=PackageLoader("serving.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    paper.filters["tag"] = lambda text: printable(text, SHOWN_TAG)
    paper.filters["short_tag"] = lambda text: printable(text, LABEL)
    paper.filters["whole_tag"] = lambda text: printable(text, len(text))
    paper.filters["number"] = lambda count: "–" if count is None else f"{count:,}"
    paper.filters["caption"] = lambda answer: caption(answer).splitlines()
    paper.filters["moment"] = iso
    return paper


_PAPER = _environment()
