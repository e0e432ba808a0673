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
from bench.harness.stack_settings import isolate, private_stack, read, use, write
from config.settings import Settings
from config.stack import launcher
from ingest.kafka.topics import core_topics, create_topics
from serving.views.store import Store


class Sandbox(NamedTuple):
    """The settings of one trial: topics, a database and a folder of its own."""

    settings: Settings
    file: Path
    """The same as a file, for commands and workers."""


@contextmanager
def start(folder: Path, names: Sequence[str] = (), *, metrics: bool = False, secure: bool = False) -> Iterator[Path]:
    """Start servers, all by default, on empty data in a folder; yield their settings file; stop them at the end.

    `metrics`: Java servers export theirs. `secure`: the servers ask for passwords, over TLS.
    """
    tables = private_stack(folder)
    tables["stack"] |= {"metrics": metrics, **({"secure": True} if secure else {})}
    file = write(folder / "trends.toml", tables)
    settings = read(file)
    try:
        with use(file):
            launcher.up(settings, names or [server.name for server in launcher.servers(settings)], lambda *_: None)
        yield file
    finally:
        launcher.down(settings, lambda *_: None)


@contextmanager
def stack(state: Path, names: Sequence[str]) -> Iterator[Path]:
    """Settings file of running servers: those that `TRENDS_TEST_STACK` names, or private ones, removed at the end."""
    if named := os.environ.get("TRENDS_TEST_STACK"):
        yield Path(named).absolute()
        return
    state.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="servers-", dir=state))
    click.echo(f"starting {', '.join(names)}", err=True)
    try:
        with start(folder, names) as file:
            yield file
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def sandbox(
    stack_file: Path, state: Path, *, keep: Sequence[str] = (), **sections: dict[str, Any]
) -> Iterator[Sandbox]:
    """Topics, a database and an HDFS root of one trial, made and in the end removed. `sections` overrides settings.

    `keep`: topics of somebody else's that `sections` names, which stay.
    """
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="place-", dir=state) as folder:
        file = isolate(stack_file, Path(folder) / "trends.toml", **sections)
        settings = read(file)
        create_topics(settings.kafka, core_topics(settings.kafka))
        with Store(settings.mongo) as store:
            store.prepare()
        try:
            yield Sandbox(settings, file)
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
