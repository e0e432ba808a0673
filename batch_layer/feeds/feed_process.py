"""FeedProcess: the parts of a feed that this process runs, each in a thread of its own.

A part whose server does not answer at its start begins again, until it does. A part that no retry can help (a wrong
key, a damaged sink, a table of another shape) ends the process, after all others have delivered their packets. With
`keep_going` the others go on, and the part starts again after a while. A drain waits for nobody: each error ends it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from batch_layer.feeds.parts import SOURCE, depth
from batch_layer.feeds.stage_reports import StageReports
from batch_layer.sinks.stages import FeedStage
from config.errors import TrendsError
from config.settings import Settings
from ingest.feeds.declaration.model import NamedFeed
from ingest.hours import Millis, wall_clock

AGAIN_S = 60.0
"""`keep_going`: seconds until a part that has failed starts again."""
LONGEST_WAIT_S = 30.0
"""Seconds, at most, until a part starts again that could not begin, since a server did not answer."""

_log = logging.getLogger(__name__)

RunSource = Callable[[threading.Event], object]
"""Runs the source until it ends or until the event. Raises `TrendsError`."""


@dataclass
class FeedProcess:
    """Runs some parts of a feed."""

    settings: Settings
    feed: NamedFeed
    parts: Sequence[str]
    run_source: RunSource
    from_now: bool = False
    """Sinks skip what is there now, and record it as a gap."""
    keep_going: bool = False
    now: Callable[[], Millis] = wall_clock
    after_step: Callable[[str], None] = lambda _: None
    """See `batch_layer.sinks.contract.Stage`."""
    _failures: list[Exception] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Run until `stop`, or until each part has ended. Raises the first error that ended a part."""
        self._side_by_side(self.parts, stop, until_drained=False)

    def drain(self, stop: threading.Event) -> None:
        """Run the source to its end, then the sinks until each has everything: first those that others read."""
        sinks = [part for part in self.parts if part != SOURCE]
        if SOURCE in self.parts:
            self._side_by_side([SOURCE], stop, until_drained=True)
        for _, group in groupby(sinks, key=lambda sink: depth(self.feed.declaration, sink)):
            if not stop.is_set():
                self._side_by_side(list(group), stop, until_drained=True)

    def _side_by_side(self, parts: Sequence[str], stop: threading.Event, *, until_drained: bool) -> None:
        reports = StageReports(self.settings.kafka, self.feed.name, self.now)
        reports.begin()
        threads = [
            threading.Thread(target=self._keep, args=(part, reports, stop, until_drained), name=part, daemon=True)
            for part in parts
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():  # a signal reaches the main thread only between two short waits
                    thread.join(0.5)
        finally:
            reports.close()
        if self._failures:
            raise self._failures[0]

    def _keep(self, part: str, reports: StageReports, stop: threading.Event, until_drained: bool) -> None:
        """Run a part, and again where a server did not answer, or where others keep going."""
        failures = 0
        while not stop.is_set():
            error = self._run_part(part, reports, stop, until_drained)
            waits = isinstance(error, TrendsError) and error.retriable and not until_drained
            if part != SOURCE:
                reports.waits(part, error) if waits and error else reports.ended(part, error)
            if error is None:
                return
            if not waits and (until_drained or not self.keep_going):
                self._failures.append(error)
                stop.set()
                return
            seconds = min(LONGEST_WAIT_S, 2.0**failures) if waits else AGAIN_S
            failures += 1
            _log.error("%s: %s; starting it again in %.0f s", part, error, seconds)
            stop.wait(seconds)

    def _run_part(
        self, part: str, reports: StageReports, stop: threading.Event, until_drained: bool
    ) -> Exception | None:
        """Run a part once. The error that ended it; None where it has ended by itself or by the stop."""
        try:
            if part == SOURCE:
                self.run_source(stop)
                return None

            def report(error: TrendsError | None) -> None:
                if error is None:
                    reports.works(part)
                else:
                    reports.waits(part, error)

            stage = FeedStage(
                self.settings, self.feed, part, from_now=self.from_now, now=self.now, after_step=self.after_step
            )
            report(None)
            stage.run(until_drained, stop, report)
        except Exception as error:  # noqa: BLE001 - `run` raises it where the user meets it, or the part starts again
            return error
        return None
