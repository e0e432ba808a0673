"""A folder as TRENDS_TEST_DATA names one, with generated content: what services send, in the shapes of their records.

It stands in where nothing recorded is. Every value is invented here, and equal from run to run; the shapes are those
of the services' own documentation, with the odd fields that tests need: posts in several languages, statuses that only
some may read, events that are no posts, a line that was cut off. `write` makes the files that contract tests read.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.generated_data.bluesky import capture
from tests.support.generated_data.fediverse import statuses, user_stream
from tests.support.generated_data.polled_answers import ANSWERS
from tests.support.generated_data.x_stream import stream


def write(folder: Path) -> Path:
    """Fill an empty folder, which it returns."""
    _write(folder / "mastodon" / "statuses_from_cassettes.jsonl", lines(statuses()))
    for name, private in (("direct_user", True), ("local_user", False)):
        _write(folder / "mastodon" / f"test_stream_user_{name}.sse", user_stream(private=private))
    _write(folder / "jetstream" / "expected_v1.jsonl", lines(capture()))
    _write(folder / "x_v2" / "streaming_output_with_error.jsonl", stream())
    for name, answer in ANSWERS.items():
        _write(folder / name, json.dumps(answer).encode())
    return folder


def lines(records: Iterable[Any]) -> bytes:
    """Records as JSON, a line each."""
    return b"".join(
        json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for record in records
    )


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
