"""SourceRequest: all that a source of records is made from."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from config.settings import Settings
from ingest.hours import Millis, wall_clock

logger = logging.getLogger(__name__)

TableT_co = TypeVar("TableT_co", covariant=True)


@dataclass(frozen=True)
class SourceRequest(Generic[TableT_co]):
    """The declaration of a source, and the run that it is for."""

    settings: Settings
    table: TableT_co
    """The `[source]` of the feed's file."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends a live source."""
    now: Callable[[], Millis] = wall_clock
    say: Callable[[str], None] = logger.info
    """Gets remarks about what the source reads."""
    most_polls: int | None = None
    """A poll ends after so many; None: never."""
