"""Catalog: the feeds that there are: those that `trends` ships, and those in the user's folder, which hide them."""

import os
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path

import config
from config.errors import UsageError
from config.settings import Settings
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import HdfsSink, NamedFeed, TopicSink

SHIPPED = Path(config.__file__).with_name("feeds")
"""The folder of the feeds that `trends` ships."""


class Catalog:
    """Finds feeds by name."""

    def __init__(self, settings: Settings, reserved: frozenset[str]) -> None:
        """`reserved`: names of servers and services of the stack, which no feed may have."""
        kafka, tops = settings.kafka, settings.tops
        self._core = {
            kafka.posts,
            kafka.hashtags,
            kafka.rejects,
            kafka.cursors,
            *([tops.topic] if tops.enabled else []),
        }
        self._archives = (settings.hdfs.root, *settings.hdfs.earlier)
        self._folders = (settings.feeds.folder, SHIPPED)
        self._reserved = reserved

    def names(self) -> list[str]:
        """All feeds, those of the user first."""
        return list(dict.fromkeys(path.stem for folder in self._folders for path in sorted(folder.glob("*.toml"))))

    def file(self, name_or_path: str) -> FeedFile:
        """A feed's file, by its name or its path. Raises `UsageError`."""
        is_path = "/" in name_or_path or name_or_path.endswith(".toml")
        file = FeedFile(Path(name_or_path) if is_path else self._path(name_or_path))
        if file.name in self._reserved:
            what = "the stack has a server or service of this name: no feed can have it"
            raise UsageError(what, where=str(file.path), next_step="Rename the file")
        return file

    def feed(
        self,
        name_or_path: str,
        values: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
        *,
        lenient: bool = False,
    ) -> NamedFeed:
        """A feed with values for its variables: see `FeedFile.feed`. Raises `UsageError`."""
        file = self.file(name_or_path)
        feed = file.feed(values, os.environ if environment is None else environment, lenient=lenient)
        _refuse_core_topics(file, feed, self._core)
        _refuse_archives(file, feed, self._archives)
        return feed

    def others(self, name: str, environment: Mapping[str, str] | None = None) -> Iterator[NamedFeed]:
        """All other feeds whose files are right, with the values that their variables have without `--set`."""
        for other in self.names():
            if other != name:
                with suppress(UsageError):
                    yield self.feed(other, {}, environment, lenient=True)

    def _path(self, name: str) -> Path:
        for folder in self._folders:
            path = folder / f"{name}.toml"
            if path.is_file():
                return path
        there = ", ".join(self.names())
        raise UsageError(f"no feed {name[:70]!r}; there are {there}")


def _refuse_core_topics(file: FeedFile, feed: NamedFeed, core: Set[str]) -> None:
    """Posts and uses are of other shapes: a record among them would be a reject of every stage."""
    declared = feed.declaration
    if declared.topic is not None and declared.topic.name in core:
        raise file.problem(("topic", "name"), f"{declared.topic.name} is a topic of trends itself")
    for name, table in declared.sinks.items():
        if isinstance(table, TopicSink) and table.topic in core:
            raise file.problem(("sinks", name, "topic"), f"{table.topic} is a topic of trends itself")


def _refuse_archives(file: FeedFile, feed: NamedFeed, archives: Sequence[str]) -> None:
    """The archive would take files of a feed for strays, and a feed those of the archive."""
    for name, table in feed.declaration.sinks.items():
        if isinstance(table, HdfsSink):
            for root in archives:
                if f"{table.root}/".startswith(f"{root.rstrip('/')}/") or f"{root}/".startswith(f"{table.root}/"):
                    raise file.problem(("sinks", name, "root"), f"the archive of posts is in {root}")
