"""Progress of servers that start or stop side by side: a live table on a terminal, a line a step elsewhere."""

import threading
import time
from types import TracebackType

from rich.live import Live
from rich.table import Table
from rich.text import Text

from serving.cli.consoles import console

DONE = frozenset({"ready", "stopped"})


class Progress:
    """Told from several threads; talks to standard error."""

    def __init__(self, names: list[str]) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._steps = dict.fromkeys(names, "waiting")
        self._took: dict[str, float] = {}
        self._console = console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=5, transient=False, get_renderable=self._table)

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def tell(self, name: str, step: str) -> None:
        """Set the current step of `name`. A terminal also shows the details after a comma."""
        with self._lock:
            new = self._steps.get(name, "").split(",")[0] != step.split(",", maxsplit=1)[0]
            self._steps[name] = step
            if new:
                self._took[name] = time.monotonic() - self._began
        if new and not self._console.is_terminal:
            self._console.print(f"{self._took[name]:5.1f} s  {name}: {step.split(',', maxsplit=1)[0]}")

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        with self._lock:
            for name, step in self._steps.items():
                took = f"{self._took[name]:.1f} s" if step in DONE else ""
                table.add_row(name, Text(step, style="green" if step in DONE else ""), took)
        return table
