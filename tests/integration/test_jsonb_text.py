"""Records come back from a real PostgreSQL with the text that they had, and as the double of the laws spells them."""

import json
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from batch_layer.storage.postgres import connect
from config.errors import BadRecordError
from config.settings import Settings
from ingest.feeds.rows.canonical_json import decode, json_text
from tests.support.jsonb_text import as_jsonb_prints

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NUMBERS = (
    st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(10**300, 10**301)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=12,
)


@pytest.fixture
def connection(postgres: Settings) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with connect(postgres) as opened:
        yield opened


def test_a_record_has_the_same_text_after_jsonb(connection: psycopg.Connection[tuple[str, ...]]) -> None:
    @hypothesis_settings(max_examples=400, deadline=None)
    @given(value=VALUES)
    def compare(value: object) -> None:
        text = json_text(decode(json.dumps(value, indent=1).encode()))
        row = connection.execute("SELECT %s::jsonb::text", [text]).fetchone()
        assert row is not None
        assert json_text(decode(row[0].encode())) == text
        assert row[0] == as_jsonb_prints(text)

    compare()


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2.0}', "[1e2, 10e-1, -0.0, 1e22, 5e-324, 123456789012345678901234567890]"]
)
def test_other_spellings_of_a_value_agree(connection: psycopg.Connection[tuple[str, ...]], text: str) -> None:
    row = connection.execute("SELECT %s::jsonb::text", [text]).fetchone()
    assert row is not None
    assert json_text(decode(row[0].encode())) == json_text(decode(text.encode()))


def test_a_number_that_jsonb_holds_and_a_double_does_not_is_a_reject(
    connection: psycopg.Connection[tuple[str, ...]],
) -> None:
    row = connection.execute("SELECT '1e400'::jsonb::text").fetchone()
    assert row is not None
    assert decode(row[0].encode()) == 10**400, "PostgreSQL spells it out, so it is whole"
    with pytest.raises(BadRecordError):
        decode(b"1e400")
