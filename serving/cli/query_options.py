"""Options of the query commands, and the query built from them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from zoneinfo import ZoneInfo

import click

from serving.answers.scores import By
from serving.cli.options import Decorator, json_option, kind_option, resolver_of, settings_of, source_option, tz_option
from serving.cli.output_files import csv_option
from serving.client.connection import rule_now
from serving.query.lenses import lens_of, order_of
from serving.query.query import Query
from serving.query.questions import Questions
from serving.query.suggestions import Suggest
from serving.views.documents import Kind, Origin
from serving.views.store import Store


def question_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options for lens, time zone and format: `kind`, `source`, `tz`, `as_json`, `as_csv`."""
    options: tuple[Decorator, ...] = (csv_option, json_option, tz_option, source_option, kind_option)
    for option in options:
        command = option(command)
    return command


def query_of(
    ctx: click.Context,
    suggest: Suggest,
    kind: Kind = "hashtag",
    source: str | None = None,
    origin: Origin | None = None,
) -> Query:
    """Questions to the store of the settings, open as long as the command runs. Raises `UsageError`: see `lens_of`."""
    settings = settings_of(ctx)
    store = ctx.with_resource(Store(settings.mongo))
    return Query(store, origin, lens_of(kind, source), partial(rule_now, settings), suggest=suggest)


def questions_of(
    ctx: click.Context,
    suggest: Suggest,
    tz: ZoneInfo,
    kind: Kind = "hashtag",
    source: str | None = None,
    origin: Origin | None = None,
    by: By | None = "count",
) -> Questions:
    """`query_of`, asked now with times of a zone. `by` None: as the kind has it."""
    query = query_of(ctx, suggest, kind, source, origin)
    return Questions(replace(query, by=by or order_of(query.lens)), resolver_of(tz))
