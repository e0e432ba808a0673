"""Palette of the charts: the colours and shapes of lines, and the shades of counts, in light and in dark.

A template writes the light colours into the picture. `stylesheet` overrides them on a page, light or dark.
"""

from typing import NamedTuple


class Palette(NamedTuple):
    """Colours of one scheme."""

    lines: tuple[str, ...]
    """One for each of the first lines of a chart."""
    rest: str
    """Of all other lines."""
    shades: tuple[str, ...]
    """From few uses to many."""
    numbers: tuple[str, ...]
    """Text on each shade."""
    bar: str
    hole: str
    """Behind an hour without data."""
    grid: str
    progress: str
    """Behind the hour in progress."""


_BLACK, _WHITE = "#16191d", "#ffffff"
LIGHT = Palette(
    lines=("#003cf6", "#e4780e", "#0c833c", "#bf72c0", "#000000", "#2198ff"),
    rest="#99928e",
    shades=("#ffffd9", "#edf8b1", "#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#0c2c84"),
    numbers=(_BLACK,) * 6 + (_WHITE,) * 2,
    bar="#0b5cad",
    hole="#eceff2",
    grid="#e2e6ea",
    progress="#fff6d9",
)  # fmt: skip
"""Lines have 3:1 on white and differ for each kind of colour blindness: a test simulates them. Shades are ColorBrewer's
YlGnBu: lightness alone tells them apart."""
DARK = Palette(
    lines=("#69b2ff", "#e9a876", "#75ff65", "#d754c4", "#ffffff", "#675dff"),
    rest="#7c8288",
    shades=("#12263f", "#14365c", "#17507f", "#1b6a98", "#2a97b8", "#57b5b8", "#9ad6b4", "#e3f4b0"),
    numbers=("#e9ecef",) * 4 + ("#10151a",) * 4,
    bar="#7db7f5",
    hole="#2b3138",
    grid="#363d45",
    progress="#2c2a1f",
)  # fmt: skip
SHAPES = (
    "M-5.2,0a5.2,5.2 0 1,0 10.4,0a5.2,5.2 0 1,0 -10.4,0z",
    "M-4.7,-4.7h9.4v9.4h-9.4z",
    "M0,-6.2L6,4.8H-6z",
    "M0,-6.6L6.6,0L0,6.6L-6.6,0z",
    "M-2,-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
    "M0,6.2L6,-4.8H-6z",
    "M6.2,0L-4.8,6V-6z",
    "M-6.2,0L4.8,6V-6z",
    "M0,-7L1.9,-2.4L6.7,-2.2L2.9,0.9L4.1,5.6L0,3L-4.1,5.6L-2.9,0.9L-6.7,-2.2L-1.9,-2.4z",
    "M-6,-6L0,-2.6L6,-6L2.6,0L6,6L0,2.6L-6,6L-2.6,0z",
)
"""Paths around the origin, one for each line, also for those that share a colour: they differ in print, too."""


def stylesheet() -> str:
    """The palette as CSS variables: `--line-0`, `--line-rest`, `--shade-1`, `--number-1`, `--bar` and others."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}"
    return f":root {{ {_variables(LIGHT)} }}\n{dark}\n"


def _variables(palette: Palette) -> str:
    named = {f"line-{number}": colour for number, colour in enumerate(palette.lines)}
    named |= {f"shade-{number}": colour for number, colour in enumerate(palette.shades, start=1)}
    named |= {f"number-{number}": colour for number, colour in enumerate(palette.numbers, start=1)}
    named |= {"bar": palette.bar, "hole": palette.hole, "grid": palette.grid, "line-rest": palette.rest}
    named["progress"] = palette.progress
    return " ".join(f"--{name}: {colour};" for name, colour in named.items())
