"""`trends completion`: a script for Tab completion."""

import click
from click.shell_completion import get_completion_class

from config.errors import UsageError

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script for Tab completion of commands, options and choices.

    For bash put `eval "$(trends completion bash)"` into ~/.bashrc, for zsh the same with zsh into ~/.zshrc, and for
    fish write the script to ~/.config/fish/completions/trends.fish.

    \b
    Examples:
      eval "$(trends completion bash)"
      trends completion fish > ~/.config/fish/completions/trends.fish
    """
    script = get_completion_class(shell)
    if script is None:
        raise UsageError(f"no completion for {shell}", next_step=f"Supported shells: {', '.join(_SHELLS)}")
    click.echo(script(ctx.find_root().command, {}, "trends", "_TRENDS_COMPLETE").source())
