"""FeedFile: a feed's TOML file, read once; with values for its variables it becomes a `NamedFeed`.

text -> tables -> variables replaced -> model -> checks across tables. Every error names file, line and key.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.errors import UsageError
from ingest.feeds.declaration.checks import check
from ingest.feeds.declaration.key_lines import KeyLines
from ingest.feeds.declaration.model import Feed, NamedFeed, Variable
from ingest.feeds.declaration.names import NAME
from ingest.feeds.declaration.problems import Problem, feed_error, problems_of
from ingest.feeds.declaration.variables import fill, missing, values_of

_MOST_BYTES = 1_000_000
_variables = TypeAdapter(dict[str, Variable])


class FeedFile:
    """A feed's file. It may need values for variables before it is a feed."""

    def __init__(self, path: Path) -> None:
        """Raises `UsageError` for a file that is not there, is no TOML, or has a name that no feed may have."""
        self.path = path
        self.name = path.stem
        if path.suffix != ".toml" or not NAME.fullmatch(self.name):
            what = "no name of a feed's file: one is made of a-z, 0-9 and _, then .toml"
            raise UsageError(what, where=str(path))
        text = _read(path)
        self._lines = KeyLines(text)
        self._tables = _tables(path, text)
        self.variables = self._read_variables()
        """By name."""

    def feed(self, values: Mapping[str, str], environment: Mapping[str, str], *, lenient: bool = False) -> NamedFeed:
        """The feed with these values of `--set`, and those of the environment.

        `lenient`: needed variables stand for their own names, to show a feed that nobody runs now. Raises
        `UsageError`: it names each problem of the file, or the variable that needs a value.
        """
        of_variables = values_of(self.variables, values, environment, self.name, lenient=lenient)
        tables, problems = fill(self._tables, of_variables)
        if problems:
            raise feed_error(self.path, self._lines, problems)
        try:
            feed = Feed.model_validate(tables)
        except ValidationError as error:
            raise feed_error(self.path, self._lines, problems_of(error, tables)) from None
        if problems := list(dict.fromkeys(check(feed))):
            raise feed_error(self.path, self._lines, problems)
        return NamedFeed(self.name, feed)

    def missing(self, values: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
        """The variables that need a value, and have none."""
        return missing(self.variables, values, environment)

    def problem(self, key: tuple[str | int, ...], text: str) -> UsageError:
        """The error for a problem that somebody else has found in the file."""
        return feed_error(self.path, self._lines, [Problem(key, text)])

    def _read_variables(self) -> dict[str, Variable]:
        try:
            return _variables.validate_python(self._tables.get("vars", {}))
        except ValidationError as error:
            found = [problem._replace(key=("vars", *problem.key)) for problem in problems_of(error, self._tables)]
            raise feed_error(self.path, self._lines, found) from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UsageError(f"more than {_MOST_BYTES:,} bytes are no feed's file", where=str(path))
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError("no such file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"can't read it: {error}", where=str(path)) from None


def _tables(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a line and a column are in the message
        raise UsageError(f"not TOML: {error}", where=str(path)) from None
