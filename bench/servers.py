"""Servers to measure on: a stack of the benches' own, and in it topics, a database and a folder for each trial.

`TRENDS_TEST_STACK=path/to/trends.toml` uses servers that run already, as the tests do.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
from confluent_kafka.admin import AdminClient

from batch_layer.storage.webhdfs import HdfsStore
from config.settings import Settings
from config.stack import launcher
from ingest.kafka.topics import create_topics
from serving.views.client import Store
from tests.support.servers import apart, own_stack, read, reading, written


class Place(NamedTuple):
    """What one trial has for itself."""

    settings: Settings
    file: Path
    """The same as a file, for commands and workers."""


@contextmanager
def stack(state: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """The settings file of servers that run. Ours are started on empty data, and stopped and removed at the end."""
    if named := os.environ.get("TRENDS_TEST_STACK"):
        yield Path(named).absolute()
        return
    state.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="servers-", dir=state))
    file = written(folder / "trends.toml", own_stack(folder))
    settings = read(file)
    click.echo(f"starting {', '.join(names)}", err=True)
    try:
        with reading(file):
            launcher.up(settings, names, lambda *_: None)
        yield file
    finally:
        launcher.down(settings, lambda *_: None)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def place(stack_file: Path, state: Path, *, keep: Sequence[str] = (), **sections: dict[str, Any]) -> Iterator[Place]:
    """Topics, a database and an HDFS root of one trial, made and in the end removed. `sections` overrides settings.

    `keep`: topics of somebody else's that `sections` names, which stay.
    """
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="place-", dir=state) as folder:
        file = apart(stack_file, Path(folder) / "trends.toml", **sections)
        settings = read(file)
        create_topics(settings.kafka)
        with Store(settings.mongo) as store:
            store.prepare()
        try:
            yield Place(settings, file)
        finally:
            _remove(settings, keep)


def _remove(settings: Settings, keep: Sequence[str]) -> None:
    kafka = settings.kafka
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    topics = {kafka.posts, kafka.hashtags, kafka.rejects, kafka.cursors}.difference(keep)
    for done in admin.delete_topics(sorted(topics)).values():
        done.result()
    with Store(settings.mongo) as store:
        store.client.drop_database(settings.mongo.database)
    HdfsStore(settings.hdfs).delete(str(Path(settings.hdfs.root).parents[1]), everything_below=True)
