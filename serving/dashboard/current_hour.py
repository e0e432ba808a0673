"""Current hours: the hour in progress and the one before, through a lens, with the trends of their tags.

A reader reads these two hours each time, and the hours before them at most every 15 s: so one look costs two hours,
not thirty-five, and the past of an answer may be 15 s older than its present.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from config.errors import NoDataError
from ingest.hours import Hour, Millis
from serving.answers.merge import View, side_by_side, truncate
from serving.answers.now.tag_trend import ROWS, HourTrend, RecentHours
from serving.answers.rule_versions import Rules
from serving.query.query import Query
from serving.views.documents import FIRST, HASHTAGS

_RECENT_S = 15.0


@dataclass(frozen=True)
class CurrentHours:
    """The two hours, and the trends of those that have data."""

    hours: tuple[Hour, Hour]
    """The hour in progress, and the one before."""
    first: tuple[View, ...]
    """The first ten tags of each hour with data."""
    trends: tuple[HourTrend, ...]
    reasons: dict[Hour, NoDataError]
    """For a lens other than all hashtags: why an hour has no data."""
    newest: Hour | None
    """The latest hour with data, if these two have none."""
    no_data: NoDataError | None
    """Why both hours have no data."""
    rules: Rules = field(default_factory=Rules)
    parts: dict[str, str] = field(default_factory=dict, compare=False)
    """The same as a part of a page, by time zone: drawing it takes longer than reading, and many streams show it."""

    @property
    def by_hour(self) -> dict[Hour, HourTrend]:
        """The trends by hour."""
        return {trend.view.hour: trend for trend in self.trends}

    def views(self) -> tuple[View, ...]:
        """The first ten tags of each hour. Raises `NoDataError` if both hours have no data."""
        if self.no_data is not None:
            raise self.no_data
        return self.first


class CurrentHoursReader:
    """Reads the current hours through one lens. One thread at a time."""

    def __init__(self, query: Query, clock: Callable[[], Millis], behind: Callable[[], int | None]) -> None:
        self._query = query
        self._clock = clock
        self._behind = behind
        self._recent: RecentHours | None = None
        self._recent_until = float("-inf")

    def read(self) -> CurrentHours:
        """The hour in progress and the one before it."""
        now = self._clock()
        current = Hour.of(now)
        hours = (current, current.plus(-1))
        views = self._query.hours(list(hours), ROWS)
        no_data = None if views else self._query.nothing_now(current)
        there = {view.hour for view in views}
        behind = self._behind() if any(view.state == "live" for view in views) else None
        return CurrentHours(
            hours=hours,
            first=tuple(side_by_side(truncate(view, FIRST) for view in views)),
            trends=self._recent_hours(current).trends(views, FIRST, now, behind) if views else (),
            reasons={}
            if self._query.lens == HASHTAGS
            else {hour: self._query.nothing(hour) for hour in hours if hour not in there},
            newest=self._query.newest() if no_data else None,
            no_data=no_data,
            rules=self._query.rules(views),
        )

    def _recent_hours(self, current: Hour) -> RecentHours:
        if self._recent is None or self._recent.current != current or time.monotonic() > self._recent_until:
            self._recent = self._query.recent(current)
            self._recent_until = time.monotonic() + _RECENT_S
        return self._recent
