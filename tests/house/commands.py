"""Commands of trends, each with its path."""

from collections.abc import Iterator

import click

from serving.cli import main


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group) or (command.invoke_without_command and path):
        yield path, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None, f"{name} is listed and not there"
                yield from leaves(found, (*path, name))


LEAVES = list(leaves(main))
