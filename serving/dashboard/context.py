"""Context: the query, the clock, the caches and the limits that every route of the dashboard shares."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from ingest.hours import Hour, Millis
from serving.answers.explanation import Explanation
from serving.answers.tag_posts import TagPosts
from serving.dashboard.current_hour import CurrentHours
from serving.dashboard.http.auth import Authenticator
from serving.dashboard.http.cache import TimedCache
from serving.posts.behind_tag import PostQuestion
from serving.query.query import Query
from serving.status.certificates import CertificateEnd
from serving.status.lag_history import LagHistory
from serving.status.model import Status
from serving.views.documents import Lens


@dataclass(frozen=True)
class Context:
    """One for each application. It reaches other layers by functions, since `serving` imports none of them."""

    query: Query
    clock: Callable[[], Millis]
    now: Callable[[Lens], TimedCache[CurrentHours]]
    """The hour in progress and the one before, through a lens."""
    sources: TimedCache[list[str]]
    """Sources whose hashtags the views count separately."""
    status: TimedCache[Status]
    """The facts of `trends status`."""
    lags: LagHistory
    """The lag of the last hours, in memory."""
    logs: Callable[[], dict[str, Path]]
    """The logs of the local stack that are on this machine, by name."""
    ready: TimedCache[None]
    """Whether MongoDB answers: raises `UnavailableError` if not."""
    explain: Callable[[Hour], Explanation]
    """The facts of `trends explain`."""
    posts: Callable[[Query, PostQuestion], TagPosts]
    """Sample posts of a tag, through the lens of a query."""
    authenticator: Authenticator
    streaming: CapacityLimiter
    """Threads of the streams, apart from those of the pages, so that many streams do not block a page."""
    stop: threading.Event
    """The signal for streams to end."""
    record_crash: Callable[[Exception], str]
    """Writes the details of an unexpected error to a file, and says where."""
    authority: str = "localhost"
    """The name of this server in ids that have to last: the first of `serve.names`."""
    certificates: Callable[[], list[CertificateEnd]] = list
    """When the certificates end that the settings name."""
    root_path: str = ""
    """The path of a reverse proxy that stands before ours in every link."""

    def current(self) -> Hour:
        """The hour in progress."""
        return Hour.of(self.clock())


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(_context)]
"""The context as the parameter of a route."""
