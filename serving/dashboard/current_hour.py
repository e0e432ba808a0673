"""Now: the hour in progress and the one before through a lens, asked once for all who look on."""

from dataclasses import dataclass, field

from config.errors import NoDataError
from ingest.hours import Hour
from serving.answers.merge import View
from serving.answers.rule_versions import Rules
from serving.query.query import Query
from serving.views.documents import HASHTAGS

ROWS = 10


@dataclass(frozen=True)
class Now:
    """What is known of the two hours."""

    hours: tuple[Hour, Hour]
    """The hour in progress, and the one before."""
    known: dict[Hour, View]
    absent: dict[Hour, NoDataError]
    """Why there is nothing of an hour, where something else than hashtags over all sources is asked for."""
    newest: Hour | None
    """The latest hour that something is known of, where nothing is of these two."""
    nothing: NoDataError | None
    """Why nothing is known of both."""
    rules: Rules = field(default_factory=Rules)

    def views(self) -> list[View]:
        """What is known. Raises `NoDataError` where that is nothing."""
        if self.nothing is not None:
            raise self.nothing
        return list(self.known.values())


def now(query: Query, current: Hour) -> Now:
    """Ask for the hour in progress and the one before it."""
    nothing: NoDataError | None = None
    known: dict[Hour, View] = {}
    try:
        known = {view.hour: view for view in query.now(current, ROWS)}
    except NoDataError as error:
        nothing = error
    hours = (current, current.plus(-1))
    absent = {hour: query.nothing(hour) for hour in hours if hour not in known} if query.lens != HASHTAGS else {}
    return Now(hours, known, absent, query.newest() if nothing else None, nothing, query.rules(list(known.values())))
