"""The Python API refuses words and numbers that the command's options and the API's parameters refuse."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from config.errors import UnavailableError, UsageError
from config.settings import Settings
from serving.client import Client
from serving.query.time_expressions import zone
from serving.render.row_files import row_bytes
from serving.render.rows import Rows

CALLS: dict[str, Callable[[Any], object]] = {
    "no such kind: 'hashtags'": lambda trends: trends.top(kind="hashtags"),
    "no such origin: 'both'": lambda trends: trends.top(origin="both"),
    "not a number of tags: 0": lambda trends: trends.top(n=0),
    "not a number of tags: -3": lambda trends: trends.day(n=-3),
    "not a number of tags: -2": lambda trends: trends.rising(n=-2),
    "not a number of tags: -1": lambda trends: trends.export(last="7d", n=-1),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_question_that_is_none_is_refused_before_a_server_is_asked(what: str) -> None:
    with Client(Settings()) as trends, pytest.raises(UsageError, match=what):
        CALLS[what](trends)


def test_a_format_that_is_none_is_refused_and_no_file_is_written(tmp_path: Path) -> None:
    with Client(Settings()) as trends, pytest.raises(UsageError, match="no such format: 'xml'"):
        trends.export(last="7d").write(tmp_path / "week", cast(Any, "xml"))
    assert not list(tmp_path.iterdir())


def test_parquet_without_pyarrow_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "serving.render.row_tables", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UnavailableError, match=r"pyarrow is not installed. .*installs it"):
        row_bytes(Rows((), ()), zone("UTC"), "parquet")
