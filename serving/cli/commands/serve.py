"""`trends serve`: the dashboard and its API."""

import click

from config.settings import Settings
from ingest.hours import wall_clock
from serving.cli.options import settings_of
from serving.cli.signals import stopping
from serving.client.connection import rule_now
from serving.views.documents import Lens


def _rule_now(lens: Lens) -> str:
    """Reads the settings again: a dashboard that runs for weeks must know the rule of today."""
    return rule_now(Settings.read(), lens)


@click.command()
@click.option("--host", help="Address; any but loopback needs a token. [default: serve.host]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 picks a free one. [default: serve.port]")
@click.pass_context
def serve(ctx: click.Context, host: str | None, port: int | None) -> None:
    """Serve a dashboard and a JSON API (under /api): now, the last 24 hours, one hour, one tag, status.

    Listens on loopback only. To serve other machines, set serve.token and pass --host. People type the token once in
    the browser; programs send `Authorization: Bearer …`. Runs until Ctrl-C or SIGTERM.

    \b
    Examples:
      trends serve
      trends serve --port 9000
      TRENDS_SERVE__TOKEN=… trends serve --host 0.0.0.0
    """
    from serving.cli.crash_log import log_crash
    from serving.dashboard.app import LayerQueries, dashboard
    from serving.dashboard.http import server
    from serving.status.collect import collect_status, speed_behind
    from serving.status.provenance import explain_hour

    settings = settings_of(ctx)
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update={"serve": settings.serve.model_copy(update=given)})
    server.check_settings(settings.serve)
    layers = LayerQueries(collect_status, explain_hour, log_crash, _rule_now, speed_behind)
    with (
        server.listen(settings.serve.host, settings.serve.port) as listening,
        stopping() as stop,
        dashboard(settings, wall_clock, layers, stop) as app,
    ):
        click.echo(f"{server.url_of(listening)}{settings.serve.root_path}  (press Ctrl-C to quit)", err=True)
        server.serve(app, listening, stop, settings.serve)
