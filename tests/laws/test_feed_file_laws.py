"""A feed's file with any damage is a feed or a usage error that names it, and nothing else."""

import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import UsageError
from ingest.feeds.declaration.adoption import adopt
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.examples import run_example
from ingest.feeds.declaration.load import FeedFile

TEXTS = [path.read_text() for path in sorted(SHIPPED.glob("*.toml"))]
VALUES = [
    "1", "1.5", "true", '""', '"x"', '"$value"', '"{city}"', '"{"', '"a["', '"../x"', '"\\u0000"', "[]", "[1]", "{}",
    "{ a = 1 }", '{ from = "kafka", type = "json" }', "2024-04-22", "nan", "[[1]]", '"postgres"', '"hdfs"', '"archive"',
    '"hour"', '"now"', '{ true = "a" }', '["name", 3]', f'"{"x" * 300}"', '"1m"', '"kafka"', '[{ a = {} }]',
]  # fmt: skip
KEYS = ["from", "type", "columns", "where", "start", "every", "source", "sinks", "topic", "vars", "x y", "join", "add"]
DAMAGE = st.tuples(
    st.sampled_from(["value", "key", "drop", "repeat", "insert"]),
    st.integers(0, 200),
    st.sampled_from(VALUES),
    st.sampled_from(KEYS),
)
NOW = 1_760_000_000_000


def damaged(text: str, damages: list[tuple[str, int, str, str]]) -> str:
    lines = text.splitlines()
    for kind, number, value, key in damages:
        at = number % len(lines)
        if kind == "value":
            lines[at] = f"{lines[at].partition('=')[0]}= {value}"
        elif kind == "key":
            lines[at] = re.sub(r"^[\w\"]+ =", f'"{key}" =', lines[at])
        elif kind == "insert":
            lines.insert(at, f'"{key}" = {value}')
        elif kind == "repeat":
            lines.insert(at, lines[number // 2 % len(lines)])
        else:
            del lines[at]
            lines = lines or [""]
    return "\n".join(lines)


@settings(max_examples=200, deadline=None)
@given(text=st.sampled_from(TEXTS), damages=st.lists(DAMAGE, min_size=1, max_size=3))
def test_a_damaged_file_is_a_feed_or_a_usage_error(text: str, damages: list[tuple[str, int, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        path.write_text(damaged(text, damages))
        try:
            file = FeedFile(path)
            feed = file.feed({}, {}, lenient=True)
        except UsageError as error:
            assert "mine" in error.where
            assert error.what
            return
        try:
            for example in feed.declaration.examples:
                run_example(feed, example, path.parent, NOW)
        except UsageError as error:  # an answer that is not beside this copy
            assert "can't read it" in error.what or "beside the feed's file" in error.what


@settings(deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_feed_or_a_usage_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        path.write_bytes(content)
        try:
            FeedFile(path).feed({}, {})
        except UsageError as error:
            assert "mine" in error.where
        try:
            adopt([path])
        except UsageError as error:
            assert "mine" in error.where
