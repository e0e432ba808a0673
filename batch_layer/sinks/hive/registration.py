"""Registration: a thread that keeps a table what the manifests say, beside a stage that never waits for Hive.

It asks the table which folders it knows, at the start and after each failure, and never remembers them instead.
"""

import logging
import threading
from collections.abc import Callable, Iterable

from batch_layer.sinks.hive.hive_table import HiveTable
from config.errors import TrendsError, UsageError
from config.quantity import quantity

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
"""Between two tries while Hive does not answer."""
START_S = 15.0
"""Longest that a stage waits at its start for the news that its table has another shape."""
STOP_S = 20.0
"""Longest that a stage waits at its end for the registration of new folders."""

_log = logging.getLogger(__name__)


class Registration:
    """The folders of one table."""

    def __init__(self, table: HiveTable, named: Callable[[], set[str]]) -> None:
        """`named` returns all folders that manifests name."""
        self._table = table
        self._named = named
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        """Folders that the table may not know yet."""
        self._refusal: UsageError | None = None
        self._failing = False
        self._wake = threading.Event()
        self._first = threading.Event()
        """Set after the first try."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"hive-{table.name}", daemon=True)

    def begin(self) -> None:
        """Start. Raises `UsageError` where a table of another shape has the name, if Hive says so in time."""
        self._thread.start()
        self._first.wait(START_S)
        self.check()

    def check(self) -> None:
        """Raise the refusal that the thread has met."""
        if self._refusal is not None:
            raise self._refusal

    def note(self, folders: Iterable[str]) -> None:
        """Register these soon."""
        with self._lock:
            self._waiting.update(folders)
        self._wake.set()

    def end(self) -> None:
        """Register what waits, if Hive answers, and stop."""
        if not self._thread.is_alive():
            return
        self._over.set()
        self._wake.set()
        self._thread.join(STOP_S)
        if self._waiting:
            folders = quantity(len(self._waiting), "folder")
            _log.warning("%s: %s not registered with Hive yet", self._table.name, folders)

    def _run(self) -> None:
        known: set[str] | None = None
        wait, last = FIRST_WAIT_S, False
        while not last:
            last = self._over.is_set()
            try:
                if known is None:
                    self._table.make()
                    known = self._table.folders()
                    self.note(self._named())
                self._register(known)
            except UsageError as error:
                self._refusal, last = error, True
            except TrendsError as error:
                known, wait = None, min(2 * wait, LONGEST_WAIT_S)
                self._report(error)
            else:
                wait, self._failing = FIRST_WAIT_S, False
            self._first.set()
            if self._failing:
                self._over.wait(wait)
            elif not last:
                self._wake.wait()
                self._wake.clear()
        self._table.close()

    def _register(self, known: set[str]) -> None:
        with self._lock:
            new = self._waiting - known
        if new:
            self._table.add(new)
            known |= new
            _log.info("%s: Hive knows %s more", self._table.name, quantity(len(new), "folder"))
        with self._lock:
            self._waiting -= known

    def _report(self, error: TrendsError) -> None:
        if not self._failing:
            _log.warning("%s: not registered with Hive for now, its files go on: %s", self._table.name, error)
        self._failing = True
