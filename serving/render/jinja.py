"""Jinja: the environment of every template, of pages and pictures. It escapes every value that a template inserts."""

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined

from config.quantity import noun_for, quantity


def environment(*loaders: BaseLoader) -> Environment:
    """An environment that finds templates in these loaders first, then in `templates/` beside this module."""
    jinja = Environment(
        loader=ChoiceLoader([*loaders, PackageLoader("serving.render")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["quantity"] = quantity
    jinja.filters["noun"] = noun_for
    jinja.filters["number"] = lambda count: "–" if count is None else f"{count:,}"
    return jinja
