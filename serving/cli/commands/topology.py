"""`trends topology`: the speed layer's topology on the Storm of `storm.nimbus`."""

import json
from dataclasses import asdict

import click

from config.errors import NoDataError, UsageError
from config.settings import Settings
from config.stack.polling import wait_until
from config.stack.server import Address, address_of
from serving.cli.options import json_option, settings_of

FORGETS_S = 60.0
"""How long `kill` waits, beyond `--wait`, for Storm to forget a topology."""


@click.group()
def topology() -> None:
    """Submit, list and kill topologies of Storm, on the settings of trends.toml.

    `sparse submit`, `sparse list` and `sparse kill`, typed in the project's root, do the same with streamparse's own
    options. `trends up` submits the topology too, and starts Storm before that.
    """


@topology.command()
@click.pass_context
def submit(ctx: click.Context) -> None:
    """Submit the topology to Storm, under the name in `storm.topology`.

    \b
    Examples:
      trends topology submit
      TRENDS_STORM__NIMBUS=nimbus.example:6627 trends topology submit
    """
    from config.stack.servers import nimbus
    from speed_layer.storm.submission import submit as submit_topology

    settings = settings_of(ctx)
    name, at = settings.storm.topology, _nimbus(settings)
    if found := nimbus.ask(at).topology(name):
        raise UsageError(
            f"{name} is {found.status.lower()} there",
            where=f"Storm at {at}",
            next_step=f"`trends topology kill {name}` first, or set storm.topology to another name",
        )
    submit_topology(settings)
    click.echo(f"submitted {name} to Storm at {at}. Next: `trends topology list`, `trends status`", err=True)


@topology.command("list")
@json_option
@click.pass_context
def list_topologies(ctx: click.Context, as_json: bool) -> None:
    """List the topologies of the cluster: name, status, workers, uptime.

    Exits with 3 if there is none.

    \b
    Examples:
      trends topology list
      trends topology list --json
    """
    from config.stack.servers import nimbus
    from speed_layer.storm.topologies import topologies_table

    at = _nimbus(settings_of(ctx))
    found = nimbus.ask(at).topologies
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    elif found:
        click.echo(topologies_table(found))
    if not found:
        raise NoDataError("no topologies", where=f"Storm at {at}", next_step="`trends topology submit`")


@topology.command()
@click.argument("name", required=False)
@click.option(
    "--wait", "wait_s", type=click.IntRange(min=0), default=1, show_default=True, help="Seconds that Storm waits first."
)
@click.pass_context
def kill(ctx: click.Context, name: str | None, wait_s: int) -> None:
    """Kill a topology, by default the one in `storm.topology`, and wait until Storm has forgotten it.

    \b
    Examples:
      trends topology kill
      trends topology kill hashtag_counts --wait 10
    """
    from config.errors import UnavailableError
    from config.stack.servers import nimbus
    from speed_layer.storm.submission import kill as kill_topology

    settings = settings_of(ctx)
    at, killed = _nimbus(settings), name or settings.storm.topology
    if nimbus.ask(at).topology(killed) is None:
        raise NoDataError(f"no topology {killed}", where=f"Storm at {at}", next_step="`trends topology list`")
    kill_topology(settings, killed, wait_s)
    still = UnavailableError(
        f"{killed} is still being killed", where=f"Storm at {at}", next_step="`trends logs nimbus`"
    )
    wait_until(lambda: nimbus.ask(at).topology(killed) is None, wait_s + FORGETS_S, every_s=0.5, timeout=still)
    click.echo(f"killed {killed}", err=True)


def _nimbus(settings: Settings) -> Address:
    return address_of(settings.storm.nimbus, "storm.nimbus")
