"""Imports among the project's own modules, those inside functions included."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.house.repository import ROOT, tracked


class Import(NamedTuple):
    """One module that names another."""

    importer: str
    imported: str
    inside: bool
    """Whether a function does it, so only once somebody calls that."""


def name_of(path: Path) -> str:
    """Dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def own_modules() -> Mapping[str, Path]:
    """Every module of the repository by its name."""
    return {name_of(path): path for path in tracked() if path.suffix == ".py"}


@cache
def imports() -> tuple[Import, ...]:
    """Every import of one of our modules by another."""
    return tuple(each for name, path in own_modules().items() for each in _imports_of(name, path))


def _imports_of(importer: str, path: Path) -> Iterator[Import]:
    top = ast.parse(path.read_text())
    outside = {id(node) for node in _at_import_time(top)}
    for node in ast.walk(top):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        for name in names:
            found = next((known for known in (name, name.rpartition(".")[0]) if known in own_modules()), None)
            if found and found != importer:
                yield Import(importer, found, id(node) not in outside)


def _at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _at_import_time(child)


def cycles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import one another, by Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges.get(name, ()):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in edges:
        if name not in index:
            visit(name)
    return found
