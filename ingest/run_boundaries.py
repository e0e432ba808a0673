"""Both ends of a producer's run: the cursor that it begins at, and the state in which a live source ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, runtime_checkable

from config.errors import TrendsError
from ingest.kafka.topic_ids import OtherTopicError, differ
from ingest.producer import Producer
from ingest.sources.base import Cursor, Source, T
from ingest.sources.live.backoff import DroppedError, RefusedError
from ingest.sources.status import FAILED, STOPPED, State


@runtime_checkable
class LiveState(Protocol):
    """A source that has a state: a live one."""

    def final_state(self, state: str, why: str) -> State:
        """The state after the last batch, for the caller to commit."""
        ...


def cursor_to_resume(
    source: Source[T], producer: Producer[T], items: str, next_step: str, say: Callable[[str], None]
) -> Cursor:
    """The committed cursor of a source. Raises `OtherTopicError` if its items went to a topic that is gone.

    A live source goes on all the same: its service gives what follows, and would give the rest only for a while. `say`
    gets the sentence about it. `items` names the items, and `next_step` is that of the error.
    """
    cursor, topic_id = producer.stored_cursor()
    if not differ(topic_id, producer.topic_id):
        return cursor
    now = producer.topic_id
    what = f"its {items} went to a topic that was deleted and recreated: the id was {topic_id}, now {now}"
    if not isinstance(source, LiveState):
        raise OtherTopicError(what, where=producer.name, next_step=next_step)
    say(f"{producer.name}: {what}. Resuming after it")
    return cursor


@contextmanager
def commit_final_state(source: Source[T], producer: Producer[T]) -> Iterator[None]:
    """Commit how a live source ended, which it can't report itself: `trends status` shows it."""
    if not isinstance(source, LiveState):
        yield
        return
    try:
        yield
    except (DroppedError, RefusedError) as error:
        with suppress(TrendsError):  # the user needs that error
            producer.commit_state(source.final_state(FAILED, error.what))
        raise
    producer.commit_state(source.final_state(STOPPED, ""))
