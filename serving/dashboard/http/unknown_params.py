"""Unknown parameters: a route rejects a query parameter that it does not know, rather than ignore it."""

from collections.abc import Iterator
from typing import get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from config.errors import UsageError


async def reject_unknown_params(request: Request) -> None:
    """Raise `UsageError` for a parameter that the route does not know, or that occurs twice."""
    allowed = names_of(request)
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in allowed:
            hint = f"Use {', '.join(sorted(allowed))}" if allowed else "Use none"
            raise UsageError("unknown query parameter", where=name[:40], next_step=hint)
        if names.count(name) > 1 and not allowed[name]:
            raise UsageError("occurs more than once", next_step="Keep one of them", parameters=[name])


def names_of(request: Request) -> dict[str, bool]:
    """The query parameters that the route of a request knows, and whether one may occur repeatedly."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    return dict(_names(dependant)) if dependant else {}


def _names(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The query parameters of a route and of everything that it depends on, and whether one may occur repeatedly."""
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((name, get_origin(each.annotation) is list) for name, each in kind.model_fields.items())
        else:
            yield field.alias, False
    for further in dependant.dependencies:
        yield from _names(further)
