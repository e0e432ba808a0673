"""Current hours: the hour in progress and the one before, through a lens."""

from dataclasses import dataclass, field

from config.errors import NoDataError
from ingest.hours import Hour
from serving.answers.merge import View
from serving.answers.rule_versions import Rules
from serving.query.query import Query
from serving.views.documents import HASHTAGS

ROWS = 10


@dataclass(frozen=True)
class CurrentHours:
    """The two hours and the views of those that have data."""

    hours: tuple[Hour, Hour]
    """The hour in progress, and the one before."""
    by_hour: dict[Hour, View]
    reasons: dict[Hour, NoDataError]
    """For a lens other than all hashtags: why an hour has no data."""
    newest: Hour | None
    """The latest hour with data, if these two have none."""
    no_data: NoDataError | None
    """Why both hours have no data."""
    rules: Rules = field(default_factory=Rules)

    def views(self) -> list[View]:
        """The views. Raises `NoDataError` if both hours have no data."""
        if self.no_data is not None:
            raise self.no_data
        return list(self.by_hour.values())


def current_hours(query: Query, current: Hour) -> CurrentHours:
    """Query the hour in progress and the one before it."""
    no_data: NoDataError | None = None
    by_hour: dict[Hour, View] = {}
    try:
        by_hour = {view.hour: view for view in query.now(current, ROWS)}
    except NoDataError as error:
        no_data = error
    hours = (current, current.plus(-1))
    reasons = {hour: query.nothing(hour) for hour in hours if hour not in by_hour} if query.lens != HASHTAGS else {}
    return CurrentHours(
        hours, by_hour, reasons, query.newest() if no_data else None, no_data, query.rules(list(by_hour.values()))
    )
