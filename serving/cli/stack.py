"""`trends up`, `down`, `logs`, `doctor`: the local stack of real servers."""

import click

from config.settings import Settings


def _settings() -> Settings:
    settings: Settings = click.get_current_context().find_root().obj
    return settings


@click.command()
@click.option("--servers-only", is_flag=True, help="No topics, no services.")
@click.argument("names", metavar="[SERVER]…", nargs=-1)
def up(servers_only: bool, names: tuple[str, ...]) -> None:
    """Start it."""
    from config.stack import launcher

    wanted = list(names) or [server.name for server in launcher.servers(_settings())]
    launcher.up(_settings(), wanted, lambda name, text: click.echo(f"{name}: {text}", err=True))


@click.command()
def down() -> None:
    """Stop it."""
    from config.stack import launcher

    launcher.down(_settings(), lambda name, text: click.echo(f"{name}: {text}", err=True))
