"""Notebooks: executed as JupyterLab would, in a copy, and compared with the outputs that they keep."""

import shutil
import subprocess
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tests.support.cli import BIN, ROOT, environment

NOTEBOOKS = ROOT / "docs" / "notebooks"
VARIES = "varies"
"""Tag of a cell whose output depends on when its data came."""


def execute(name: str, folder: Path, **variables: str) -> tuple[NotebookNode, NotebookNode]:
    """A shipped notebook as it is kept, and as it is after all its cells have run, which must raise nothing."""
    copy = folder / name
    shutil.copyfile(NOTEBOOKS / name, copy)
    own = {"JUPYTER_RUNTIME_DIR": str(folder), "IPYTHONDIR": str(folder / "ipython"), "JUPYTER_PLATFORM_DIRS": "1"}
    done = subprocess.run(
        [str(BIN / "jupyter-execute"), "--inplace", "--timeout=180", str(copy)],
        env=environment(**own, **variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return read(NOTEBOOKS / name), read(copy)


def read(file: Path) -> NotebookNode:
    book: NotebookNode = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call] # it has no types
    return book


def texts(book: NotebookNode) -> list[list[str]]:
    """The text of the outputs of each cell; empty for a cell whose output varies."""
    return [
        [] if VARIES in cell.metadata.get("tags", ()) else [_text(output) for output in cell.get("outputs", ())]
        for cell in book.cells
    ]


def pictures(book: NotebookNode) -> int:
    """How many pictures the outputs have."""
    outputs = (output.get("data", {}) for cell in book.cells for output in cell.get("outputs", ()))
    return sum("image/png" in data or "image/svg+xml" in data for data in outputs)


def _text(output: NotebookNode) -> str:
    text: str = output["text"] if output.output_type == "stream" else output["data"]["text/plain"]
    return text
