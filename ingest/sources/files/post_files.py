"""PostFiles: posts in tables, JSON of several makes and layouts, Parquet, in folders, patterns and pipes."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.post import Post
from ingest.sources.files.cursor import expand_paths
from ingest.sources.files.inputs import STANDARD_INPUT, Input, Pipe, is_pipe
from ingest.sources.files.reader_choice import ReaderChoice
from ingest.sources.files.source import POSTS, FileSource, NextSteps
from ingest.sources.formats.contract import Reading, X
from ingest.sources.formats.csv_cells import Escape
from ingest.sources.formats.csv_header import FormatOptions
from ingest.sources.selection import PostFilter

logger = logging.getLogger(__name__)

ALL = PostFilter()


class PostFiles(FileSource[Post]):
    """Posts in files. The name stands for the paths and the filter.

    A reading whose `source` is empty takes the usual one for the format of each file.
    """

    def __init__(  # noqa: PLR0913 - the options for files
        self,
        paths: Sequence[str],
        reading: Reading,
        *,
        format: str = "auto",
        columns: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        delimiter: str = "",
        escape: Escape | None = None,
        post_filter: PostFilter = ALL,
        force: bool = False,
        steps: NextSteps = POSTS,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        files = expand_paths(paths)
        asked = FormatOptions(dict(columns or {}), dict(fields or {}), delimiter, escape)
        choice = ReaderChoice(replace(reading, langs=post_filter.langs), format, asked, say)
        details = [reading.source or X, sorted(post_filter.langs), sorted(post_filter.tags)]
        super().__init__(files, name_of_files(paths, files, details), choice.of, post_filter, force=force, steps=steps)


def name_of_files(paths: Sequence[str], files: Sequence[Input], details: Sequence[object]) -> str:
    """The name of a source of files: equal for equal paths and details. A pipe counts by its first bytes."""
    pipes = {str(file.path): file.name for file in files if isinstance(file, Pipe)}
    asked = [[pipes[path] if is_pipe(path) else str(Path(path).absolute()) for path in paths], *details]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
    first = STANDARD_INPUT if is_pipe(paths[0]) else Path(paths[0]).name
    return f"file:{first[:60].encode(errors='replace').decode()}:{digest}"
