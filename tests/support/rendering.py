"""Rendering: views made by hand, hostile texts, and what a terminal or an SVG shows of them."""

from xml.etree import ElementTree

from rich.console import Console, RenderableType

from ingest.hours import Hour
from serving.answers.merge import View
from serving.views.documents import Row

HOSTILE = ["\x1b[31mred\x1b[0m", "a\nb", "\u202egnp.exe", "\x00", "[bold]x[/bold]", "<script>", "=cmd()", "x" * 10_000]
BASE = Hour.parse("2017-01-06T22")


def view(hour: Hour, *rows: tuple[str, int], origin: str = "batch") -> View:
    made = tuple(Row(tag.lower(), tag, count) for tag, count in rows)
    uses = sum(count for _, count in rows)
    if origin == "speed":
        return View(hour, "speed", "live", made, 0, uses, len(rows), None, None, None)
    return View(hour, "batch", "final", made, 0, uses, len(rows), 9, "1", 0)


def terminal_lines(what: RenderableType, width: int = 100) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(what)
    return [line.rstrip() for line in captured.get().splitlines()]


def svg_texts(picture: str) -> list[str]:
    """What an SVG has as text; it must be XML without anything that runs or is fetched."""
    root = ElementTree.fromstring(picture)
    names = {element.tag.split("}")[1] for element in root.iter()}
    assert not names & {"script", "foreignObject", "image", "use", "a", "style"}, names
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")]
    return [element.text for element in root.iter() if element.tag.endswith(("}text", "}tspan")) and element.text]
