"""Records that come in all the time, while faults strike."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from config.settings import Settings
from tests.support.table_feeds import RecordSender, record


@contextmanager
def sending(
    settings: Settings, topic: str, value: Callable[[int], bytes] = record, *, partitions: int = 1, pause_s: float = 0.1
) -> Iterator[list[int]]:
    """Inside, a thread sends record after record, 40 a transaction; how many it has sent."""
    sender, sent, stop = RecordSender(settings, topic), [0], threading.Event()

    def send() -> None:
        while not stop.is_set():
            sender.send([value(number) for number in range(sent[0], sent[0] + 40)], sent[0] // 40 % partitions)
            sent[0] += 40
            stop.wait(pause_s)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(60)
