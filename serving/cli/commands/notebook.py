"""`trends notebook`: JupyterLab on this machine, with the settings of this folder."""

import os
import secrets
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from config.distribution import how_to_install
from config.errors import UnavailableError
from config.settings.settings import file_path
from serving.cli.options import settings_of

_LOOPBACK = "127.0.0.1"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8888, show_default=True, help="Port; 0 picks a free one."
)
@click.option("--no-browser", is_flag=True, help="Open no browser; print the address alone.")
@click.pass_context
def notebook(ctx: click.Context, folder: Path, port: int, no_browser: bool) -> None:
    """Open JupyterLab in FOLDER, by default the working folder. Runs until Ctrl-C or SIGTERM.

    Listens on loopback alone. The address that it prints holds a token, new at each start, without which nobody gets
    in. Notebooks find the settings of the folder in which you start it. A shipped notebook says in its first cell which
    commands make its data.

    \b
    Examples:
      trends notebook docs/notebooks
      trends notebook --port 0 --no-browser
    """
    if find_spec("jupyterlab") is None:
        raise UnavailableError("JupyterLab is not installed", next_step=how_to_install("jupyterlab"))
    _share_settings(ctx)
    token = secrets.token_urlsafe(32)
    server = import_module("jupyterlab.labapp").LabApp.initialize_server(argv=_options(folder, port, token, no_browser))
    click.echo(f"http://{_LOOPBACK}:{server.port}/lab?token={token}  (press Ctrl-C to quit)", err=True)
    server.start()


def _options(folder: Path, port: int, token: str, no_browser: bool) -> list[str]:
    """Options for JupyterLab, handed over inside this process, so no process list shows the token."""
    return [
        str(folder),
        f"--ServerApp.ip={_LOOPBACK}",
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.open_browser={not no_browser}",
        f"--ServerApp.allow_root={os.geteuid() == 0}",
        "--ServerApp.answer_yes=True",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
    ]


def _share_settings(ctx: click.Context) -> None:
    """Name the settings file and the state of this folder to kernels, which run in the folders of their notebooks."""
    if file_path().is_file():
        os.environ["TRENDS_CONFIG"] = str(file_path())
    os.environ["TRENDS_STACK__STATE"] = str(settings_of(ctx).stack.state.absolute())
