"""Checks of a poll's requests that need no network: each has a path, a query, and a use for its answer."""

from config.errors import UsageError
from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.sources.queries import Query, path_of


def check_requests(source: HttpSource) -> None:
    """Raise `UsageError` for a request that can't be, or whose answer goes nowhere; `where` is the key of the file."""
    if not source.ask:
        raise UsageError("a poll asks at least one request", where="source.ask")
    references: set[str] = set()
    for name, ask in source.ask.items():
        path_of(name, ask.path)
        references |= Query(source, name).references
    if source.send == "one":
        _check_one(source)
    else:
        _check_list(source, references)


def _check_one(source: HttpSource) -> None:
    for name in source.join:
        raise UsageError('nothing is joined where send = "one"', where=f"source.join.{name}")
    for name, ask in source.ask.items():
        if ask.records != "@":
            step = "The one record has the whole answer; a column can take a part of it"
            raise UsageError('no list where send = "one"', where=f"source.ask.{name}.records", next_step=step)


def _check_list(source: HttpSource, references: set[str]) -> None:
    first, *others = source.ask
    for name in source.add:
        step = "A column can compute it"
        raise UsageError('fields are added where send = "one"', where=f"source.add.{name}", next_step=step)
    if source.ask[first].optional:
        raise UsageError("the first request brings the records", where=f"source.ask.{first}.optional")
    for name in source.join:
        if name not in others:
            step = f"It completes the records of {first}; it may name {', '.join(others) or 'nothing here'}"
            raise UsageError("no request that can be joined", where=f"source.join.{name}", next_step=step)
    for name in others:
        if name not in source.join and name not in references:
            step = f"Join it to {first}, or take its values in the query of a later request"
            raise UsageError("its answer goes nowhere", where=f"source.ask.{name}", next_step=step)
