"""The `trends` command. It loads a subcommand on its first use, and turns errors into one line and an exit code."""

import errno
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from config.errors import TrendsError
from config.redaction import RedactingFormatter, redact
from serving.cli import streams

COMMANDS = {
    "Query": {
        "top": ("serving.cli.commands.top:top", "The most used hashtags: now, of an hour, of a range."),
        "now": ("serving.cli.commands.now:now", "What is trending: moves, shares, 24 hours, weeks, a projection."),
        "day": ("serving.cli.commands.day:day", "Hour by hour: the last 24 hours, or a day; as a page, as pictures."),
        "rising": ("serving.cli.commands.rising:rising", "Which hashtags grew most against the hours before."),
        "tag": ("serving.cli.commands.tag:tag", "One hashtag, hour by hour, with its spellings."),
        "posts": ("serving.cli.commands.posts:posts", "Sample posts of a hashtag, related hashtags, spellings."),
        "export": ("serving.cli.commands.export:export", "The ranked tags of each hour, as Parquet, CSV or JSON."),
        "watch": ("serving.cli.commands.watch:watch", "The hour in progress, refreshed in place."),
        "explain": ("serving.cli.commands.explain:explain", "Explain where an hour's answer came from."),
        "rules": (
            "serving.cli.commands.rules:rules",
            "The versions of the hashtag rule, and the hours of each.",
        ),
        "alerts": (
            "serving.cli.commands.alerts:alerts",
            "Webhooks for rising tags: follow finished hours, check, test, list.",
        ),
        "serve": ("serving.cli.commands.serve:serve", "A dashboard in the browser, and a JSON API."),
        "notebook": ("serving.cli.commands.notebook:notebook", "JupyterLab, with the answers as tables of pandas."),
        "status": ("serving.cli.commands.status:status", "Servers, live sources, lag, watermark, hours, last runs."),
        "verify": (
            "serving.cli.commands.verify:verify",
            "Recount and compare: archive, batch layer, speed layer.",
        ),
    },
    "Ingest posts": {
        "ingest": (
            "serving.cli.commands.ingest:ingest",
            "Read posts from files, live services or the sample generator into Kafka.",
        ),
        "rejects": ("serving.cli.commands.rejects:rejects", "Records that could not be read: list, show, retry."),
    },
    "Feeds": {
        "feed": ("serving.cli.commands.feed:feed", "Other streams: to PostgreSQL, HDFS, Hive, CSV and other topics."),
    },
    "Batch layer": {
        "archive": ("serving.cli.commands.archive:archive", "Copy posts from Kafka to HDFS, exactly once."),
        "compact": ("serving.cli.commands.archive:compact", "Merge the files of complete hours."),
        "batch": ("serving.cli.commands.batch:batch", "Compute one hour, or all missing or dirty hours."),
        "recompute": ("serving.cli.commands.batch:recompute", "Compute hours again, after the rule was corrected."),
        "schedule": ("serving.cli.commands.batch:schedule", "Run the batch layer whenever an hour is complete."),
    },
    "Run the platform": {
        "demo": ("serving.cli.commands.demo:demo", "A tour: ingest posts, count them, query them."),
        "up": ("serving.cli.commands.stack:up", "Start the servers, then the services."),
        "down": ("serving.cli.commands.stack:down", "Stop everything; data stays."),
        "topology": ("serving.cli.commands.topology:topology", "Submit, list and kill topologies of Storm."),
        "logs": ("serving.cli.commands.stack:logs", "Read a server's log."),
        "doctor": ("serving.cli.commands.stack:doctor", "Check this machine, and suggest fixes."),
        "config": ("serving.cli.commands.config:config", "All settings, with their values and origins."),
        "completion": (
            "serving.cli.commands.completion:completion",
            "Tab completion for bash, zsh or fish.",
        ),
    },
}
"""By task: name, module and help of each command. A command's module loads on first use."""

_FILE_IS_WRONG = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR})
"""Errors of a file that the user can fix."""

SERVICES = frozenset({"archive", "schedule"})
"""Commands that run until stopped: they log their progress, the others only warnings."""
KAFKA_LOGS = SERVICES | {"ingest"}
"""Commands that wait for a broker to come back, and log its client's reports meanwhile. The others end with one error
that names the reason, so the client's own log would only repeat it."""


class Trends(click.Group):
    """The root: lazy sub-commands, grouped help, and the one place where errors meet the user."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help."""
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        for group in COMMANDS.values():
            if cmd_name in group:
                module, name = group[cmd_name][0].split(":")
                command: click.Command = getattr(import_module(module), name)
                return command
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a name without importing its command: Tab must answer at once."""
        told = {name: what for group in COMMANDS.values() for name, (_, what) in group.items()}
        found = [CompletionItem(name, help=told[name]) for name in told if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help by task without importing a command."""
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, told) for name, (_, told) in group.items()])

    def main(  # type: ignore[override]  # click declares overloads that say the same
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run, and exit with a code: 0 success, 1 failure, 2 usage error, 3 no data."""
        extra["standalone_mode"] = False
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins takes as long as a query
        try:
            code = super().main(args, prog_name or "trends", **extra)
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            code = 130
        except TrendsError as error:
            click.echo(f"trends: {error}", err=True)
            code = error.exit_code
        except BrokenPipeError:  # the reader of our output has gone
            code = 1
        except OSError as error:
            code = _unwritable(error)
        except ModuleNotFoundError as error:
            code = _not_installed(error)
        except Exception as error:  # noqa: BLE001 - nobody sees a traceback: it goes to a file
            code = _unexpected(error)
        sys.exit(code if isinstance(code, int) else 0)


_EPILOG = """\b
Times are UTC unless --tz names a zone: 2017-01-06T07, 2017-01-06T07:00+01:00, monday-7h, yesterday-18h, now-3h.
Spans: 90m, 24h, 7d. Numbers have a comma at every thousand; with --json and --csv they have none.
Data goes to standard output, all else to standard error.

\b
Exit codes: 0 success, 1 failure, 2 usage error, 3 no data, 130 interrupted.
Settings: trends.toml in the working folder, TRENDS_* in the environment; `trends config` shows all of them.
"""


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    """Print what runs here."""
    if not wanted or ctx.resilient_parsing:
        return
    from config.distribution import commit, version
    from ingest.rule.hashtags import VERSION

    click.echo(f"trends {version()}, commit {commit() or 'unknown'}, hashtag rule {VERSION}")
    ctx.exit()


@click.group(
    cls=Trends, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version, the commit and the version of the hashtag rule, and exit.",
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Find the most used hashtags of any hour.

    \b
    Examples:
      trends up                              start everything on this machine
      trends ingest sample                   ingest generated posts
      trends top                             what is trending now
      trends top --hour monday-7h            last Monday between 7 and 8
      trends recompute --since monday-7h     compute again, after correcting the rule
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(
        level=logging.INFO if ctx.invoked_subcommand in SERVICES else logging.WARNING, handlers=[handler]
    )
    if ctx.invoked_subcommand not in KAFKA_LOGS:
        logging.getLogger("kafka").setLevel(logging.CRITICAL)


def run() -> None:
    """Entry point of the console script.

    A query ends the process at once. The threads of MongoDB's driver would keep it up to half a second longer.
    """
    streams.install(sys.argv[1:])
    try:
        main()
    except SystemExit as ended:
        code = _flushed(ended.code if isinstance(ended.code, int) else 1)
        if sys.argv[1:2] and (sys.argv[1] in COMMANDS["Query"] or getattr(sys.stdout, "is_given_up", False)):
            os._exit(code)  # standard output is gone, so nothing to flush
        sys.exit(code)


def _flushed(code: int) -> int:
    """Flush standard output; the exit code after that."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return 1
    except streams.OutputError as error:
        click.echo(f"trends: {error}", err=True)
        return error.exit_code
    return code


def _unwritable(error: OSError) -> int:
    """Report an unreadable or unwritable file in one line."""
    if error.filename is None or error.errno not in _FILE_IS_WRONG:
        return _unexpected(error)
    step = "A setting names another place (`trends config`): stack.state, stack.cache"
    click.echo(f"trends: {error.filename}: {error.strerror}. {step}", err=True)
    return 1


def _not_installed(error: ModuleNotFoundError) -> int:
    """Name the extra that a command needs."""
    from config.distribution import how_to_install

    package = error.name or ""
    if step := how_to_install(package):
        click.echo(f"trends: {package} is not installed. {step}", err=True)
        return 1
    return _unexpected(error)


def _unexpected(error: Exception) -> int:
    """Report a bug: one line for the user, the traceback in a file."""
    from serving.cli.crash_log import log_crash  # loaded only after a crash

    click.echo(
        f"trends: internal error: {type(error).__name__}: {redact(str(error))}. {log_crash(error)}",
        err=True,
    )
    return 1
