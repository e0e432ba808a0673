"""Page: a day as one HTML file that needs nothing else: pictures inside, no script, no network."""

import base64
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from config.quantity import quantity
from serving.answers.day import Day
from serving.render.charts.bump import bump, facts
from serving.render.charts.drawing import svg
from serving.render.charts.frame import Picture
from serving.render.charts.heat import heat
from serving.render.tables import MARKS
from serving.render.text import local_hour


def day_page(day: Day, n: int, tz: ZoneInfo) -> str:
    """The whole file. Everything that comes from posts is escaped by the template."""
    environment = Environment(
        loader=PackageLoader("serving", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("day.html").render(
        day=day,
        facts=facts(day, tz),
        pictures=[("Ranks hour by hour", _inside(bump(day, n, tz))), ("Uses hour by hour", _inside(heat(day, tz)))],
        marks={move: sign for move, (sign, _) in MARKS.items()},
        quantity=quantity,
        local=lambda hour: local_hour(hour, tz),
        columns=max((len(line.cells) for line in day.lines), default=0),
    )


def _inside(picture: Picture) -> str:
    """A picture as an address that holds it: as an image, no script in it would run, and no name in it can clash."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg(picture).encode()).decode()}"
