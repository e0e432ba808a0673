"""Every command that a message, a page or the docs tell somebody to type exists: its name, its options, its servers."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from config.settings import Settings
from config.stack.launcher import optional_servers, servers, services
from ingest.feeds.declaration.catalog import SHIPPED
from serving.cli import main
from serving.cli.commands.stack import TOPOLOGY
from tests.house.repository import ROOT, modules, tracked

OPEN = "\0"
"""Where a message puts in a value."""
TYPED = re.compile(r"(?:`|^|: |\$ )((?:[A-Z_]+=\S+ )*)trends ([a-z][^`]*?)(?:`|$|\. |, |; |\) )", re.MULTILINE)
SETTINGS = Settings()
SERVERS = {each.name for each in (*servers(SETTINGS), *optional_servers(SETTINGS), *services(SETTINGS))} | {TOPOLOGY}
FEEDS = {path.stem for path in SHIPPED.glob("*.toml")} | {"bikes"}
"""The shipped ones, and the one that docs/feeds.md has its reader write."""
LOGS = SERVERS | {"supervisord"}
TAKES = {"up": SERVERS | FEEDS, "down": SERVERS | FEEDS, "logs": LOGS | FEEDS}
PROSE = {"is", "answers", "does", "and", "tells", "the", "of", "in", "exposes", "fetches"}
"""Words behind the project's name in a sentence about it."""


def strings(path: Path) -> Iterator[str]:
    """What a module may say: its strings, values replaced by `OPEN`; a page as it is."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    tree = ast.parse(path.read_text())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else OPEN for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def hints(text: str) -> list[list[str]]:
    """The commands in a text, each as its words behind `trends`."""
    found = []
    for match in TYPED.finditer(text):
        typed = re.split(r"\s{2,}|\s#\s|\n", match[2])[0].rstrip(".:,)")
        try:
            words = shlex.split(typed)
        except ValueError:  # half of a quotation
            words = typed.split()
        if words and words[0] not in PROSE:
            found.append(words)
    return found


def is_open(word: str) -> bool:
    """A value that the message fills in, or the reader does."""
    return OPEN in word or "<" in word or "…" in word or "..." in word or "[" in word or word.isupper()


def wrong(words: list[str]) -> str:
    """What is wrong with a command; empty where nothing is."""
    command: click.Command = main
    left = list(words)
    while isinstance(command, click.Group) and left and not left[0].startswith("-"):
        if is_open(left[0]):
            return ""
        with click.Context(command) as context:
            found = command.get_command(context, left[0])
        if found is None:
            return f"no command {left[0]}"
        command, left = found, left[1:]
    known = {name for each in command.params if isinstance(each, click.Option) for name in (*each.opts, "-h", "--help")}
    if unknown := [word for word in left if word.startswith("-") and word.split("=")[0] not in known | {"-", "--help"}]:
        return f"no option {unknown[0]}"
    takes = TAKES.get(words[0])
    strange = [word for word in left if takes and not word.startswith("-") and not is_open(word) and not word.isdigit()]
    return next((f"no server {word}" for word in strange if word not in (takes or ())), "")


PAGES = [path for path in tracked() if path.suffix in (".md", ".html") and path.relative_to(ROOT).parts[0] != "tests"]


def test_what_one_is_told_to_type_can_be_typed() -> None:
    told = [(path, words) for path in (*modules(), *PAGES) for text in strings(path) for words in hints(text)]
    assert not [f"{path}: trends {shlex.join(words)}: {why}" for path, words in told if (why := wrong(words))]


def test_hints_are_found_and_judged() -> None:
    assert hints("See `trends status` and `trends logs mongo`") == [["status"], ["logs", "mongo"]]
    assert hints(f"start it again: trends ingest dismiss {OPEN}") == [["ingest", "dismiss", OPEN]]
    assert hints("$ trends up kafka   starts it") == [["up", "kafka"]]
    assert hints("TRENDS_X=1 trends is one word") == []
    assert wrong(["up", "hdfs"]) == "no server hdfs"
    assert wrong(["top", "--our"]) == "no option --our"
    assert wrong(["rejects", "forget"]) == "no command forget"
    assert wrong(["logs", OPEN]) == wrong(["up", "namenode", "datanode"]) == wrong(["top", "--hour", OPEN]) == ""
    assert sum(len(hints(text)) for path in modules() for text in strings(path)) > 100
