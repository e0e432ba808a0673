"""`trends config`: all settings, with their values and origins."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import click
from pydantic import SecretStr

from config.redaction import HIDDEN
from config.settings import Settings, environment_tables, file_path, file_tables, section_types
from config.settings.field_docs import field_docs
from config.settings.secrets import is_secret_option, secret_keys
from serving.cli.options import json_option, settings_of


class Setting(NamedTuple):
    """One setting as it is in force."""

    section: str
    key: str
    """`bootstrap` in `kafka`; in the environment `TRENDS_KAFKA__BOOTSTRAP`."""
    value: Any
    """`HIDDEN` for a secret."""
    source: str
    """`default`, `file` or `environment`."""
    told: str
    """Its purpose."""


@click.command()
@json_option
@click.pass_context
def config(ctx: click.Context, as_json: bool) -> None:
    """Show all settings with their values, origins and meanings, as a valid trends.toml.

    Precedence: defaults < trends.toml (or the file in TRENDS_CONFIG) < TRENDS_* in the environment < flags. Secrets
    appear as ***, in comments, so a file made of the output has none.

    \b
    Examples:
      trends config
      trends config --json
      TRENDS_KAFKA__BOOTSTRAP=broker1:9092,broker2:9092 trends config
    """
    found = list(settings_in_force(settings_of(ctx)))
    if as_json:
        click.echo(
            json.dumps({f"{each.section}.{each.key}": {"value": each.value, "source": each.source} for each in found})
        )
        return
    click.echo(f"# file: {file_path()}{'' if file_path().is_file() else ' (not found)'}")
    section = ""
    for each in found:
        if each.section != section:
            section = each.section
            click.echo(f"\n[{section}]")
        click.echo("\n".join(_lines(each)))


def settings_in_force(settings: Settings) -> Iterator[Setting]:
    """Walk the sections, naming for each value the last source that gave it."""
    environment, file = environment_tables(), file_tables()
    for section in section_types():
        values = settings.section(section)
        told = field_docs(type(values))
        for key in type(values).model_fields:
            value = getattr(values, key)
            source = "environment" if _has(environment, section, key) else "file" if _has(file, section, key) else ""
            shown: Any = HIDDEN
            is_secret = isinstance(value, SecretStr) or (value and key in secret_keys(type(values)))
            if not is_secret:
                shown = json.loads(values.model_dump_json(include={key}))[key]
            if key == "conf":
                shown = {name: HIDDEN if is_secret_option(section, name) else each for name, each in shown.items()}
            yield Setting(section, key, shown, source or "default", told[key])


def _has(source: Mapping[str, Any], section: str, key: str) -> bool:
    part = source.get(section)
    return isinstance(part, Mapping) and key in part


def _lines(setting: Setting) -> Iterator[str]:
    """A setting with its meaning; as comments what TOML has no word for, and secrets, which nobody should copy."""
    yield from (f"# {line}" for line in f"{setting.told} ({setting.source})".splitlines())
    key, value = setting.key, setting.value
    if isinstance(value, dict):
        secret = [name for name, each in value.items() if each == HIDDEN]
        yield from (f"# {key}.{_toml(name)} = {_toml(HIDDEN)}" for name in secret)
        value = {name: each for name, each in value.items() if name not in secret}
    yield f"{'# ' if value is None or value == HIDDEN else ''}{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    """A value of a setting as TOML: JSON, but for tables and one control character."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
