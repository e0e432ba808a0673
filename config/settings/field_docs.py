"""Docs of the settings: the docstring below each field. Parsed on demand, so that other commands do not wait."""

import ast
import inspect
import sys

from pydantic import BaseModel


def field_docs(section: type[BaseModel]) -> dict[str, str]:
    """The docstring of each field of a section."""
    source = inspect.getsource(sys.modules[section.__module__])
    of_class = next(
        node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == section.__name__
    )
    found = {}
    for field, told in zip(of_class.body, of_class.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(told, ast.Expr):
            text = ast.literal_eval(told.value)
            found[field.target.id] = inspect.cleandoc(text)
    return found
