"""The promises of every source, as checks that the test of a source calls."""

import json
from collections.abc import Callable
from typing import Any

from ingest.sources.base import Batch, Source
from ingest.wire import Reject


def contents(batches: list[Batch[Any]]) -> tuple[list[Any], list[Reject], int]:
    """Items, rejects and the number of notices, in order."""
    return (
        [item for batch in batches for item in batch.items],
        [reject for batch in batches for reject in batch.rejects],
        sum(batch.notices for batch in batches),
    )


def reads_the_same_again(source: Source[Any]) -> None:
    assert contents(list(source.batches({}, 100))) == contents(list(source.batches({}, 100)))


def reads_the_same_in_batches_of_any_size(source: Source[Any]) -> None:
    assert contents(list(source.batches({}, 1))) == contents(list(source.batches({}, 10_000)))


def resumes_from_every_cursor(source: Source[Any]) -> None:
    batches = list(source.batches({}, 7))
    for n in range(0, len(batches), max(1, len(batches) // 40)):
        cursor = json.loads(json.dumps(batches[n].cursor))
        assert contents(list(source.batches(cursor, 50))) == contents(batches[n + 1 :])


def ends_at_the_last_cursor(source: Source[Any]) -> None:
    *_, last = source.batches({}, 10_000)
    assert contents(list(source.batches(last.cursor, 10_000))) == ([], [], 0)


def fills_a_batch_no_further_than_its_limit(source: Source[Any]) -> None:
    assert max(len(batch.items) for batch in source.batches({}, 3)) <= 3


PROMISES: tuple[Callable[[Source[Any]], None], ...] = (
    reads_the_same_again,
    reads_the_same_in_batches_of_any_size,
    resumes_from_every_cursor,
    ends_at_the_last_cursor,
    fills_a_batch_no_further_than_its_limit,
)
