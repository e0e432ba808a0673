"""Runs `trends ingest`: a source, a producer, and the progress on the terminal."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from config.errors import TrendsError
from config.quantity import quantity
from config.settings import Settings
from ingest.encoder import Counts
from ingest.hours import Millis
from ingest.kafka.topics import core_topics, create_topics
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.producer import Committed, Producer
from ingest.rule.hashtags import Rule
from ingest.run_boundaries import commit_final_state, cursor_to_resume
from ingest.sources.base import Cursor, Source
from ingest.sources.files.post_files import PostFiles
from ingest.sources.files.source import FileSource
from ingest.sources.formats.contract import Reading
from ingest.sources.formats.csv_header import ROLES
from ingest.sources.rate_limit import RateLimited
from ingest.sources.sample.source import SampleSource
from ingest.sources.selection import PostFilter
from serving.cli.consoles import console
from serving.cli.ingest.load_failures import FirstRefusal, refuse_nothing_read
from serving.cli.signals import STOPPED, stopping

CONNECT_S = 10
"""Longest wait for the brokers at the start, seconds."""
_AGAIN = "`--restart` writes everything again; posts keep their ids, so the batch layer counts none twice"
REPORT_EVERY_S = 5.0
"""How often a plain line tells how far it is, seconds."""

Clock = Callable[[], Millis]
Report = Callable[[Committed], None]
MakeSource = Callable[[threading.Event], Source[Post]]


def _say(text: str) -> None:
    click.echo(text, err=True)


def _say_gone(text: str) -> None:
    _say(f"{text}; `trends status` shows what is archived")


def rule_of(settings: Settings) -> Rule:
    """The hashtag rule with its corrections."""
    return Rule.from_settings(settings.rule)


def file_source(settings: Settings, paths: tuple[str, ...], now: Clock, asked: dict[str, Any]) -> MakeSource:
    """Files, as asked on the command line."""
    columns = {role: name for role in ROLES if (name := asked[f"{role}_column"])}
    fields = {role: path for role in ROLES if (path := asked[f"{role}_field"])}
    post_filter = PostFilter.typed(asked["langs"], asked["tags"], asked["limit"], rule_of(settings))
    reading = replace(Reading.from_settings(settings, asked["source"], now), time_from_id=asked["time_from"] == "id")
    source = PostFiles(paths, reading, format=asked["format_"], columns=columns, fields=fields,
                        delimiter=asked["delimiter"] or "", escape=asked["escape"], post_filter=post_filter,
                        force=asked["force"], say=_say)  # fmt: skip
    return lambda _stop: source


def sample_source(settings: Settings, now: Clock, asked: dict[str, Any]) -> MakeSource:
    """A sample, as asked on the command line."""
    return lambda stop: SampleSource(
        Reading.from_settings(settings, "sample", now), end=asked["end"] or now(), seed=asked["seed"],
        posts=asked["posts"], hours=asked["hours"], live_per_second=asked["rate"] if asked["live"] else 0.0,
        batch_ms=settings.ingest.transaction_ms, stop=stop,
    )  # fmt: skip


def run(
    settings: Settings, make: MakeSource, rate: float | None, *, restart: bool, as_json: bool, endless: bool = False
) -> int:
    """Write a source until it ends or a signal comes. Exit code: 0, or `STOPPED` where it had not ended."""
    began = time.monotonic()
    create_topics(settings.kafka, core_topics(settings.kafka, settings.ingest.max_post_bytes), CONNECT_S)
    with stopping() as stop:
        source = make(stop)
        with Producer(
            settings.kafka,
            settings.ingest,
            PostEncoder(settings.kafka, settings.ingest, rule_of(settings)),
            source.name,
        ) as producer:
            stored = producer.cursor() if restart else cursor_to_resume(source, producer, "posts", _AGAIN, _say_gone)
            _report_start(stored, restart=restart)
            cursor = {} if restart else stored
            with _progress(source, cursor) as report:
                watched = FirstRefusal(source)
                limited = RateLimited(watched, rate, settings.ingest.transaction_ms, stop) if rate else watched
                with commit_final_state(source, producer), _report_before_failure(report) as note:
                    committed = producer.run(limited, cursor, stop, note)
        stopped = stop.is_set() and not endless
    _report_end(source.name, committed, time.monotonic() - began, stopped=stopped, as_json=as_json)
    if not stopped and isinstance(source, FileSource):
        refuse_nothing_read(committed, cursor, watched.first)
    return STOPPED if stopped else 0


@contextmanager
def _report_before_failure(report: Report) -> Iterator[Report]:
    """If a source fails, print the number of posts written before."""
    last: Committed | None = None

    def note(committed: Committed) -> None:
        nonlocal last
        last = committed
        report(committed)

    try:
        yield note
    except TrendsError:
        if last is not None:
            posts, refused = quantity(last.counts.posts, "post"), quantity(last.counts.rejects, "reject")
            click.echo(f"Written before the error: {posts}, {refused}", err=True)
        raise


def _report_start(committed: Cursor, *, restart: bool) -> None:
    if committed and restart:
        click.echo("Starting from the beginning: the speed layer counts earlier posts a second time", err=True)
    elif committed:
        click.echo("Resuming after the last commit (--restart starts from the beginning)", err=True)


def _report_end(name: str, committed: Committed, seconds: float, *, stopped: bool, as_json: bool) -> None:
    counts = committed.counts
    if as_json:
        answer = {"source": name, **counts._asdict(), "seconds": round(seconds, 3), "finished": not stopped}
        click.echo(json.dumps(answer))
    uses = f"{quantity(counts.uses, 'use')} of hashtags"
    line = f"{quantity(counts.posts, 'post')}, {uses}, {quantity(counts.rejects, 'reject')}"
    if counts.notices or counts.filtered:
        line += f"; {quantity(counts.notices, 'notice')}, {quantity(counts.filtered, 'post')} left out"
    click.echo(f"Written: {line}, in {seconds:.1f} s", err=True)
    if counts == Counts() and committed.cursor and not stopped:
        click.echo("Nothing new: everything is already written (--restart starts from the beginning)", err=True)
    if counts.rejects:
        click.echo("`trends rejects list` shows the records that could not be read", err=True)
    if stopped:
        click.echo("Stopped: everything reported is committed. The same command resumes from here", err=True)


@contextmanager
def _progress(source: Source[Post], cursor: Cursor) -> Iterator[Report]:
    """A bar on a terminal, else a line now and then."""
    total, done = _extent(source, cursor)
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _plain()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as progress:
        task = progress.add_task("reading", total=total, completed=done)

        def report(committed: Committed) -> None:
            read = committed.counts.read_bytes or committed.counts.posts
            description = f"{quantity(committed.counts.posts, 'post')}, {quantity(committed.counts.rejects, 'reject')}"
            progress.update(task, completed=min(done + read, total), description=description)

        yield report


def _extent(source: Source[Post], cursor: Cursor) -> tuple[int, int]:
    """How much there is to read, and how much of it is read: bytes of files, else posts."""
    if isinstance(source, FileSource):
        return source.sizes(cursor)
    return (source.left(cursor) if isinstance(source, SampleSource) else 0), 0


def _plain() -> Report:
    last = time.monotonic()

    def report(committed: Committed) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_EVERY_S:
            last = time.monotonic()
            click.echo(f"{quantity(committed.counts.posts, 'post')} written", err=True)

    return report
