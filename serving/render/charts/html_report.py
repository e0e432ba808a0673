"""HTML report: a day as one file that needs nothing else: pictures inside, no script, no network."""

import base64
from zoneinfo import ZoneInfo

from ingest.hours import Hour
from serving.answers.day import Day
from serving.render.charts.picture import bump_picture, day_facts, heat_picture
from serving.render.jinja import environment
from serving.render.tables import MARKS
from serving.render.text import local_hour


def html_report(day: Day, tz: ZoneInfo, current: Hour | None = None) -> str:
    """The whole file. The template escapes everything that comes from posts."""
    return (
        environment()
        .get_template("report.html")
        .render(
            day=day,
            facts=day_facts(day, tz),
            pictures=[
                ("Ranks hour by hour", _data_url(bump_picture(day, tz, current))),
                ("Uses hour by hour", _data_url(heat_picture(day, tz, current))),
            ],
            marks={move: sign for move, (sign, _) in MARKS.items()},
            local=lambda hour: local_hour(hour, tz),
            columns=max((len(line.cells) for line in day.lines), default=0),
        )
    )


def _data_url(picture: str) -> str:
    """A picture as an address that holds it: a browser runs no script in an image, and no name in it can clash."""
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"
