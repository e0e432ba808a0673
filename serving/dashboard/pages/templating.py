"""Templating: renders pages, with functions and filters for hours, numbers and tags. Jinja escapes every value."""

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
from serving.answers.merge import places
from serving.dashboard.context import Context
from serving.dashboard.http.edges import PAGE
from serving.dashboard.pages.links import Links, lens_links, lens_params
from serving.dashboard.pages.zones import zones_by_region
from serving.dashboard.params import LensParams
from serving.query.time_expressions import zone
from serving.render.charts.palette import LIGHT, SHAPES
from serving.render.jinja import environment
from serving.render.text import caption, local_hour
from serving.views.documents import HASHTAGS, Lens

SHOWN_TAG = 60
"""Characters of a tag that a table shows; the tag's own page has all of them."""
_UTC = ZoneInfo("UTC")


def page(request: Request, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page, or a part of one, in the time zone and through the lens that the URL names."""
    tz, lens = _zone(request), _lens(request)
    context: Context = request.app.state.context
    here = context.root_path + request.url.path
    text = _TEMPLATES.get_template(template).render(
        dict(values),
        here=request.url.path,
        tz=tz,
        link=Links(tz, lens, context.root_path),
        root=context.root_path,
        lens=lens,
        lens_params=lens_params(lens),
        lens_name=printable(str(lens), SHOWN_TAG),
        lens_links=lambda: lens_links(here, request.query_params.multi_items(), lens, context.sources.get()),
        name=lambda shown, longest=SHOWN_TAG: lens.label(shown, longest),
        local=lambda hour: local_hour(hour, tz),
        clock=lambda hour: f"{hour.start.astimezone(tz):%H:%M}",
        date=lambda hour: f"{hour.start.astimezone(tz):%Y-%m-%d}",
        weekday=lambda day: f"{day:%A, %d %B %Y}",
        places=places,
        palette=LIGHT,
        shapes=SHAPES,
        zones=zones_by_region,
        needs_token=context.authenticator.needs_token,
    )
    return HTMLResponse(text, status)


def _lens(request: Request) -> Lens:
    """The lens of the URL; hashtags over all sources on the error page for an invalid lens."""
    try:
        return LensParams.model_validate(dict(request.query_params)).lens
    except (ValidationError, UsageError):
        return HASHTAGS


def _zone(request: Request) -> ZoneInfo:
    """The zone of the URL; UTC on the error page for an unknown zone."""
    try:
        return zone(request.query_params.get("tz", "").strip() or "UTC")
    except UsageError:
        return _UTC


def _environment() -> Environment:
    jinja = environment(PackageLoader("serving.dashboard"))
    jinja.filters["problem"] = PAGE.problem
    jinja.filters["tag"] = lambda text: printable(text, SHOWN_TAG)
    jinja.filters["printable"] = lambda text: printable(text, len(text))
    jinja.filters["caption"] = lambda answer: caption(answer).splitlines()
    jinja.filters["moment"] = iso
    return jinja


_TEMPLATES = _environment()
