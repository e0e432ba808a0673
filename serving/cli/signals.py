"""Signals: the first SIGINT or SIGTERM lets a command finish its current work, the second ends it.

So does SIGHUP, the signal of a closing terminal, unless the parent process ignores it (`nohup`).
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130
"""Exit code of an interrupted command."""


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first signal sets. Only for the main thread."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    ends = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ends.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in ends}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
