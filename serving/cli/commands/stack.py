"""`trends up`, `down`, `logs`, `doctor`: the local stack of real servers, and the services on it."""

import json
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict

import click
from rich.table import Table

from config.errors import UnavailableError, UsageError
from config.redaction import redact
from config.settings import Settings
from config.stack.polling import wait_until
from config.stack.servers import OPTIONAL, SERVICES, STANDARD
from serving.cli.consoles import console
from serving.cli.feeds.feed_catalog import catalog, servers_of_feeds
from serving.cli.options import json_option, settings_of
from serving.cli.progress import Progress
from serving.cli.signals import STOPPED

TOPOLOGY = "topology"
KNOWN = (*STANDARD, *OPTIONAL, *SERVICES)
"""What a user may name beside feeds."""
FOLLOW_EVERY_S = 0.5
STORM_TIMEOUT_S = 60


@click.command()
@click.option("--servers-only", is_flag=True, help="Start servers only; create nothing, start no services.")
@click.option(
    "--secure", is_flag=True, help="Start servers that ask for passwords, over TLS; needs a new state folder."
)
@click.argument("names", metavar="[SERVER]...", nargs=-1)
@click.pass_context
def up(ctx: click.Context, servers_only: bool, secure: bool, names: tuple[str, ...]) -> None:
    """Start the servers, create topics, folders and indexes, then start the services.

    SERVER is one or more of kafka, namenode, datanode, mongo, zookeeper, nimbus, supervisor, and of the services
    archiver, scheduler, topology; all of these by default. Only their names start postgres and hive, which feeds use,
    and prometheus, which watches; hive brings postgres, namenode and datanode. The name of a feed (`trends feed list`)
    starts the servers that it needs, then the feed. Running ones stay as they are, and those configured on another
    machine are not started.

    `--secure` makes certificates and passwords in the state folder, which is secure from then on: later commands need
    no option.

    \b
    Examples:
      trends up
      trends up --servers-only
      trends up archiver topology
      trends up postgres hive
      trends up prometheus
      trends up weather
      trends up --secure
    """
    from config.stack import launcher

    settings = settings_of(ctx)
    feeds = [name for name in names if name not in KNOWN]
    if feeds:
        _refuse_unknown("up", feeds, [*KNOWN, *catalog(settings).names()])
    settings = launcher.prepare(settings, secure=secure)  # makes a stack secure for good, so after all questions
    named = dict.fromkeys([*servers_of_feeds(settings, feeds), *(name for name in names if name in KNOWN)])
    servers = (*STANDARD, *OPTIONAL)
    wanted = launcher.with_needs(list(named)) or [*STANDARD, *(() if servers_only else SERVICES)]
    try:
        with Progress([*wanted, *feeds]) as progress:
            started = launcher.up(settings, [name for name in wanted if name in servers], progress.tell)
            if not servers_only and set(wanted) - set(servers):
                _furnish(settings)
                started += launcher.up(settings, [name for name in wanted if name in SERVICES], progress.tell)
                started += _submit(settings, progress) if TOPOLOGY in wanted else []
            if feeds:
                _grant(settings, feeds)
                started += launcher.up(settings, [], progress.tell, feeds)
    except KeyboardInterrupt:
        click.echo("interrupted: servers keep running. `trends up` continues, `trends down` stops them", err=True)
        ctx.exit(STOPPED)
    summary = f"started: {', '.join(started)}" if started else "everything is already running"
    click.echo(f"{summary}. Next: `trends status`, `trends logs SERVER`, `trends down`", err=True)


def _grant(settings: Settings, names: Sequence[str]) -> None:
    """Let the user of a secure stack use the topics of feeds."""
    from serving.cli.feeds.feed_rights import grant_rights

    found = catalog(settings)
    grant_rights(settings, [found.feed(name, {}) for name in names])


def _furnish(settings: Settings) -> None:
    """Create topics, folders and indexes for the services, unless they exist."""
    from batch_layer.storage.webhdfs import HdfsStore
    from ingest.kafka.topics import core_topics, create_topics, tops_topics
    from serving.views.store import Store

    core = core_topics(settings.kafka, settings.ingest.max_post_bytes)
    create_topics(settings.kafka, [*core, *tops_topics(settings.kafka, settings.tops)])
    with Store(settings.mongo) as store:
        store.prepare()
    HdfsStore(settings.hdfs).make_folder(settings.hdfs.root)


def _submit(settings: Settings, progress: Progress) -> list[str]:
    """Submit the topology unless it runs under these settings; then wait until Storm has given it a worker."""
    from config.stack.server import address_of
    from config.stack.servers import nimbus
    from speed_layer.storm.submission import outdated, submit

    at, name = address_of(settings.storm.nimbus, "storm.nimbus"), settings.storm.topology
    started = []
    if outdated(settings):
        _kill(settings, progress)
    if nimbus.ask(at).topology(name) is None:
        progress.tell(TOPOLOGY, "submitting")
        submit(settings)
        started = [TOPOLOGY]
    progress.tell(TOPOLOGY, "starting")
    _await(lambda: bool((found := nimbus.ask(at).topology(name)) and found.workers), f"{name} has no worker yet")
    progress.tell(TOPOLOGY, "ready")
    return started


@click.command()
@click.argument("names", metavar="[SERVER]...", nargs=-1)
@click.pass_context
def down(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Stop the services, the topology's workers and the servers, or only some of them. Data stays.

    `down topology` removes the topology from Storm; plain `down` does not, so the next `up` resumes it.

    \b
    Examples:
      trends down
      trends down archiver scheduler
    """
    from config.stack import launcher

    settings = settings_of(ctx)
    _refuse_unknown("down", names, [*KNOWN, *launcher.running_feeds(settings)])
    with Progress([]) as progress:
        stopped = _kill(settings, progress) if TOPOLOGY in names else 0
        programs = [name for name in names if name != TOPOLOGY]
        if programs or not names:
            stopped += launcher.down(settings, progress.tell, programs)
    what = ", ".join(names) if names else "everything"
    click.echo(f"stopped {what}; data stays. `trends up` starts again" if stopped else "nothing was running", err=True)


def _kill(settings: Settings, progress: Progress) -> int:
    """Kill the topology, if there is one, and wait until Storm has forgotten it."""
    from config.stack.server import address_of
    from config.stack.servers import nimbus
    from speed_layer.storm.submission import kill

    at, name = address_of(settings.storm.nimbus, "storm.nimbus"), settings.storm.topology
    if nimbus.ask(at).topology(name) is None:
        return 0
    progress.tell(TOPOLOGY, "stopping")
    kill(settings)
    _await(lambda: nimbus.ask(at).topology(name) is None, f"{name} is still being killed")
    progress.tell(TOPOLOGY, "stopped")
    return 1


def _await(reached: Callable[[], bool], otherwise: str) -> None:
    """Ask nimbus until it is so. Raises `UnavailableError` after a minute."""
    timeout = UnavailableError(otherwise, where="Storm", next_step="See `trends logs nimbus`")
    wait_until(reached, STORM_TIMEOUT_S, every_s=0.5, timeout=timeout)


def _refuse_unknown(command: str, names: Sequence[str], known: Sequence[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise UsageError(
            f"no such server or feed: {', '.join(unknown)}", where=command, next_step=f"One of: {', '.join(known)}"
        )


@click.command()
@click.argument("name", metavar="SERVER")
@click.option("-n", "count", type=click.IntRange(min=0), default=50, show_default=True, help="Lines from the end.")
@click.option("-f", "--follow", is_flag=True, help="Follow the log until Ctrl-C.")
@click.pass_context
def logs(ctx: click.Context, name: str, count: int, follow: bool) -> None:
    """Print the log of a server or service. `topology` is the log of Storm's newest worker.

    \b
    Examples:
      trends logs kafka
      trends logs -f -n 10 archiver
    """
    from config.stack.logs import follow_lines, log_of

    path = log_of(settings_of(ctx), name)
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=count):
            click.echo(redact(line), nl=False)
        if follow:
            for line in follow_lines(path, file.tell(), FOLLOW_EVERY_S):
                click.echo(redact(line), nl=False)


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check Java, packages, memory, disk, ports, every server, the clock, feeds, the topic `tops`, and alerts.

    Suggests a fix for each problem. Exits with 1 if a check fails.

    \b
    Examples:
      trends doctor
      trends doctor --json
    """
    from config.stack.doctor import examine
    from serving.status.feed_findings import feed_findings
    from serving.status.outlet_findings import outlet_findings

    settings = settings_of(ctx)
    found = list(examine(settings))
    if any(finding.subject == "kafka" and finding.state == "ok" for finding in found):
        found += [*feed_findings(settings), *outlet_findings(settings)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], ensure_ascii=False))
    else:
        table = Table("what", "", "found", "what to do", box=None, pad_edge=False)
        for finding in found:
            table.add_row(finding.subject, finding.state, finding.found, finding.next_step)
        console(soft_wrap=not sys.stdout.isatty()).print(table)
    ctx.exit(1 if any(finding.state == "wrong" for finding in found) else 0)
