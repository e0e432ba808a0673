"""Params: a query parameter that a route does not know is refused, rather than left out of what is asked."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from config.errors import UsageError


def only_known(request: Request) -> None:
    """Raise `UsageError` where a query names what its route does not know, or names something twice."""
    known = frozenset(_names(request.scope["route"].dependant))
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            says = f"It knows {', '.join(sorted(known))}" if known else "It knows none"
            raise UsageError("unknown query parameter", where=name[:40], next_step=says)
        if given.count(name) > 1:
            raise UsageError("given more than once", where=name, next_step="Leave out all but one")


def _names(dependant: Dependant) -> Iterator[str]:
    """What a route, and all that it depends on, take from the query."""
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from kind.model_fields
        else:
            yield field.alias
    for further in dependant.dependencies:
        yield from _names(further)
