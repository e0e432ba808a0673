"""`trends rules`: the versions of the hashtag rule, their text, and the hours computed by each."""

import json
from typing import TYPE_CHECKING, Any

import click

from config.errors import NoDataError
from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import iso, millis
from serving.answers.rule_versions import corrections, recompute
from serving.cli.options import json_option, settings_of

if TYPE_CHECKING:
    from ingest.rule.rule_text import RuleText
    from serving.views.rulebook import Entry, Use

Facts = dict[str, Any]


@click.command()
@click.argument("version", required=False)
@json_option
@click.pass_context
def rules(ctx: click.Context, version: str | None, as_json: bool) -> None:
    """List the versions of the hashtag rule, and the hours computed by each.

    Includes the current versions. With VERSION: the corrections of that version, and its code that finds hashtags or
    phrases. Each run of the batch layer stores the text of its version.

    \b
    Examples:
      trends rules
      trends rules 2 --json
    """
    from ingest.rule.rule_text import phrases_text, text_of
    from serving.cli.ingest.ingest_runner import rule_of
    from serving.views.rulebook import entries, uses
    from serving.views.store import Store

    settings = settings_of(ctx)
    now = (text_of(rule_of(settings)), phrases_text())
    with Store(settings.mongo) as store:
        kept, used = entries(store), uses(store)
    texts = {text.version: text for text in now} | {each: entry.text for each, entry in kept.items()}
    if version is not None:
        _show(version, texts, as_json)
        return
    current = [text.version for text in now]
    found = [_facts(each, kept, texts, used, current) for each in _ordered(kept, used, current)]
    mend = _mend(used, current)
    if as_json:
        click.echo(json.dumps({"versions": found, "mend": mend}, ensure_ascii=False))
        return
    for each in found:
        click.echo(_line(each))
    if mend:
        click.echo(f"`{mend}` computes the hours of other versions by the current one", err=True)


def _ordered(kept: "dict[str, Entry]", used: "list[Use]", now: list[str]) -> list[str]:
    """Versions in use by their first hours, then the current ones, then those out of use."""
    return list(dict.fromkeys([*(use.version for use in used), *now, *kept]))


def _facts(
    version: str, kept: "dict[str, Entry]", texts: "dict[str, RuleText]", used: "list[Use]", now: list[str]
) -> Facts:
    """The JSON of a version; `ignore` and `aliases` are None without a stored text."""
    use = next((each for each in used if each.version == version), None)
    text = texts.get(version)
    return {
        "version": version,
        "now": version in now,
        "hours": use.hours if use else 0,
        "first": str(use.first) if use else None,
        "last": str(use.last) if use else None,
        "kept_at": iso(millis(kept[version].kept_at)) if version in kept else None,
        "ignore": list(text.ignore) if text else None,
        "aliases": dict(text.aliases) if text else None,
    }


def _mend(used: "list[Use]", now: list[str]) -> str | None:
    """The command that brings every complete hour to the current version; None without such hours."""
    off = [use for use in used if use.version not in now]
    return recompute(min(use.first for use in off), max(use.last for use in off).plus(1)) if off else None


def _line(told: Facts) -> str:
    where = f"{told['first']} to {told['last']}" if told["hours"] else ""
    says = "no text stored" if told["ignore"] is None else corrections(told["ignore"], told["aliases"])
    facts = [told["version"], quantity(told["hours"], "hour"), where, "now" if told["now"] else "", says]
    return printable("  ".join(filter(None, facts)), 1_000)


def _show(version: str, texts: "dict[str, RuleText]", as_json: bool) -> None:
    """One version, whole."""
    text = texts.get(version)
    if text is None:
        raise NoDataError(f"no text stored for rule {version[:60]}", next_step="`trends rules` lists the versions")
    if as_json:
        told = text._asdict() | {"ignore": list(text.ignore), "aliases": dict(text.aliases), "code": dict(text.code)}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{version}: {printable(corrections(text.ignore, text.aliases), 10_000) or 'no corrections'}")
    for module, source in text.code.items():
        click.echo(f"\n# {module}\n{source}", nl=False)
