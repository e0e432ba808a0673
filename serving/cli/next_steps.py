"""Next steps after `trends demo`: commands that have an answer on the loaded posts. Pure."""

import shlex
from typing import NamedTuple

from ingest.hours import Hour


class Step(NamedTuple):
    """A command and its purpose."""

    command: str
    why: str


def next_steps(busiest: Hour, tag: str | None, *, now_known: bool) -> list[Step]:
    """About the busiest hour and its first tag; about now only if it has data, as after a sample."""
    around = f"--since {busiest.plus(-3)} --until {busiest.plus(3)}"
    asks = [
        Step(f"trends top --hour {busiest}", "that hour again"),
        Step(f"trends top {around}", "several hours as one"),
        Step(f"trends day --date {busiest.start:%Y-%m-%d}", "its day, hour by hour"),
        Step(f"trends rising --hour {busiest}", "what grew most in it"),
    ]
    if tag is not None:
        asks.append(Step(f"trends tag {shlex.quote(tag)} {around}", "one hashtag, hour by hour"))
    asks.append(Step(f"trends explain --hour {busiest}", "where its answer came from"))
    now = [Step("trends top", "the hour in progress and the last complete one")] if now_known else []
    return [
        *now,
        *asks,
        Step("trends rules", "which hours have which version of the rule"),
        Step(
            f"trends recompute --since {busiest} --until {busiest.plus(24)}", "back to the rule without the correction"
        ),
        Step("trends ingest sample --live", "posts that keep coming: watch `trends top`"),
        Step("trends status", "what runs, what is behind, what is complete"),
        Step("trends verify --all", "everything counted again by other means"),
        Step("make down", "stop everything; the data stays"),
    ]
