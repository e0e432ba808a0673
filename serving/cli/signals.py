"""Stopping: the first SIGINT or SIGTERM asks a command to finish what it has in hand, the second ends it.

So does SIGHUP, which a terminal sends that is closed, unless whoever started the command has it ignored (`nohup`).
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130
"""Exit code of a command that was stopped before it was done."""


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first signal sets. Only for the main thread."""
    stop = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    ends = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ends.append(signal.SIGHUP)
    before = {number: signal.signal(number, asked) for number in ends}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
