"""Paper: the templates, and how hours, numbers and tags are written in them. Everything is escaped by Jinja."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, PackageLoader
from pydantic import ValidationError
from starlette.responses import HTMLResponse

from config.errors import UsageError
from config.terminal_text import printable
from ingest.hours import iso
from serving.answers.merge import competition_ranks
from serving.dashboard.context import Board
from serving.dashboard.pages.links import Links, offers, words
from serving.dashboard.params import LensAsked
from serving.query.time_expressions import zone
from serving.render.charts.palette import LIGHT, SHAPES
from serving.render.jinja import environment
from serving.render.text import caption, local_hour
from serving.views.documents import HASHTAGS, Lens

SHOWN_TAG = 60
"""Characters of a tag that a table shows; the tag's own page has all of them."""
_UTC = ZoneInfo("UTC")


def page(request: Request, template: str, told: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page, or a part of one, in the time zone and through the lens that the URL names."""
    tz, lens = _zone(request), _lens(request)
    board: Board = request.app.state.board
    text = _PAPER.get_template(template).render(
        dict(told),
        here=request.url.path,
        tz=tz,
        link=Links(tz, lens),
        lens=lens,
        lens_words=words(lens),
        lens_said=printable(str(lens), SHOWN_TAG),
        lens_offers=lambda: offers(request.url.path, request.query_params, lens, board.sources.get()),
        name=lambda shown, longest=SHOWN_TAG: lens.label(shown, longest),
        local=lambda hour: local_hour(hour, tz),
        clock=lambda hour: f"{hour.start.astimezone(tz):%H:%M}",
        date=lambda hour: f"{hour.start.astimezone(tz):%Y-%m-%d}",
        weekday=lambda day: f"{day:%A, %d %B %Y}",
        ranks=competition_ranks,
        palette=LIGHT,
        shapes=SHAPES,
        needs_token=board.access.needs_token,
    )
    return HTMLResponse(text, status)


def _lens(request: Request) -> Lens:
    """What was asked for; hashtags over all sources on the page that says that this can't be counted."""
    try:
        return LensAsked.model_validate(dict(request.query_params)).lens
    except (ValidationError, UsageError):
        return HASHTAGS


def _zone(request: Request) -> ZoneInfo:
    """The zone that was asked for; UTC on the page that says that there is no such zone."""
    try:
        return zone(request.query_params.get("tz", "").strip() or "UTC")
    except UsageError:
        return _UTC


def _environment() -> Environment:
    paper = environment(PackageLoader("serving.dashboard"))
    paper.filters["tag"] = lambda text: printable(text, SHOWN_TAG)
    paper.filters["printable"] = lambda text: printable(text, len(text))
    paper.filters["caption"] = lambda answer: caption(answer).splitlines()
    paper.filters["moment"] = iso
    return paper


_PAPER = _environment()
