"""Runs `trends ingest`: a source, a producer, and the progress on the terminal."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from config.errors import TrendsError
from config.quantity import quantity
from config.settings import Settings
from ingest.encoder import Counts
from ingest.hours import Millis
from ingest.kafka.topic_ids import OtherTopicError, differ
from ingest.kafka.topics import core_topics, create_topics
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.producer import Committed, Producer
from ingest.rule.hashtags import Rule
from ingest.sources.base import Cursor, Source
from ingest.sources.files.post_files import PostFiles
from ingest.sources.files.source import FileSource
from ingest.sources.formats.contract import Reading
from ingest.sources.formats.csv_header import ROLES
from ingest.sources.live.backoff import DroppedError, RefusedError
from ingest.sources.live.source import LiveSource
from ingest.sources.rate_limit import RateLimited
from ingest.sources.sample.source import SampleSource
from ingest.sources.selection import PostFilter
from ingest.sources.status import FAILED
from ingest.sources.status import STOPPED as ENDED
from serving.cli.consoles import console
from serving.cli.load_failures import FirstRefusal, refuse_nothing_read
from serving.cli.signals import STOPPED, stopping

CONNECT_S = 10
"""Longest wait for the brokers at the start, seconds."""
REPORT_EVERY_S = 5.0
"""How often a plain line tells how far it is, seconds."""

Clock = Callable[[], Millis]
Report = Callable[[Committed], None]
MakeSource = Callable[[threading.Event], Source[Post]]


def reading_of(settings: Settings, source: str, now: Clock) -> Reading:
    """Rules for reading and checking the posts of a source."""
    return Reading(source, now, int(settings.archive.future_s * 1000), settings.ingest.keep_payload)


def rule_of(settings: Settings) -> Rule:
    """The hashtag rule with its corrections."""
    return Rule.from_settings(settings.rule)


def file_source(settings: Settings, paths: tuple[str, ...], now: Clock, asked: dict[str, Any]) -> MakeSource:
    """Files, as asked on the command line."""
    columns = {role: name for role in ROLES if (name := asked[f"{role}_column"])}
    fields = {role: path for role in ROLES if (path := asked[f"{role}_field"])}
    post_filter = PostFilter.typed(asked["langs"], asked["tags"], asked["limit"], rule_of(settings))
    reading = replace(reading_of(settings, asked["source"], now), time_from_id=asked["time_from"] == "id")
    source = PostFiles(paths, reading, format=asked["format_"], columns=columns, fields=fields,
                        delimiter=asked["delimiter"] or "", escape=asked["escape"], post_filter=post_filter,
                        force=asked["force"], say=lambda text: click.echo(text, err=True))  # fmt: skip
    return lambda _stop: source


def sample_source(settings: Settings, now: Clock, asked: dict[str, Any]) -> MakeSource:
    """A sample, as asked on the command line."""
    return lambda stop: SampleSource(
        reading_of(settings, "sample", now), end=asked["end"] or now(), seed=asked["seed"], posts=asked["posts"],
        hours=asked["hours"], live_per_second=asked["rate"] if asked["live"] else 0.0,
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
            stored = _cursor_to_resume(source, producer, restart=restart)
            _report_start(stored, restart=restart)
            cursor = {} if restart else stored
            with _progress(source, cursor) as report:
                watched = FirstRefusal(source)
                limited = RateLimited(watched, rate, settings.ingest.transaction_ms, stop) if rate else watched
                with _commit_final_state(source, producer), _report_before_failure(report) as note:
                    committed = producer.run(limited, cursor, stop, note)
        stopped = stop.is_set() and not endless
    _report_end(source.name, committed, time.monotonic() - began, stopped=stopped, as_json=as_json)
    if not stopped and isinstance(source, FileSource):
        refuse_nothing_read(committed, cursor, watched.first)
    return STOPPED if stopped else 0


def _cursor_to_resume(source: Source[Post], producer: Producer[Post], *, restart: bool) -> Cursor:
    """The source's cursor. Refuses to go on where what is before it was written to a topic that is gone.

    A live source goes on all the same: its service gives what follows, and would give the rest only for a while.
    """
    cursor, topic_id = producer.stored_cursor()
    if restart or not differ(topic_id, producer.topic_id):
        return cursor
    now = producer.topic_id
    what = f"its posts went to a topic that was deleted and recreated: the id was {topic_id}, now {now}"
    if isinstance(source, LiveSource):
        click.echo(f"{source.name}: {what}. Resuming after it; `trends status` shows what is archived", err=True)
        return cursor
    step = "`--restart` writes everything again; posts keep their ids, so the batch layer counts none twice"
    raise OtherTopicError(what, where=source.name, next_step=step)


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


@contextmanager
def _commit_final_state(source: Source[Post], producer: Producer[Post]) -> Iterator[None]:
    """Commit how a live source ended, which it can't tell itself: `trends status` shows it."""
    if not isinstance(source, LiveSource):
        yield
        return
    try:
        yield
    except (DroppedError, RefusedError) as error:
        with suppress(TrendsError):  # that error is the one to be told
            producer.commit_state(source.final_state(FAILED, error.what))
        raise
    producer.commit_state(source.final_state(ENDED, ""))


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
