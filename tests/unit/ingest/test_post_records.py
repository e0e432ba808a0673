"""Posts as records of a feed: what a record holds, which posts are chosen, and what a declaration may say."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from config.errors import TrendsError, UsageError
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.feeds.record import Record
from ingest.feeds.sources.feed_sources import make_source
from ingest.run_boundaries import LiveState
from ingest.sources.base import Source
from tests.support.sources import NOW

FIRST = 690_406_591_110_582_272


def posts(**source: Any) -> Source[Record]:
    declared = {"about": "", "topic": {"name": "tweets"}, "sinks": {"csv": {"type": "csv", "file": "a.csv"}}}
    feed = NamedFeed("hashtag", Feed.model_validate(declared | {"source": {"type": "posts", **source}}))
    return make_source(Settings(), feed, threading.Event(), lambda: NOW)


@pytest.fixture
def file(tmp_path: Path) -> str:
    told = [
        {"id_str": str(FIRST), "text": "A &amp; B #Été", "lang": "fr", "created_at": "Fri Jan 06 07:00:00 +0000 2017"},
        {"id_str": str(FIRST + 1), "text": "nothing", "lang": "en"},
        {"id_str": str(FIRST + 2), "text": "#été again", "lang": "en-GB"},
    ]
    place = tmp_path / "posts.jsonl"
    place.write_text("".join(json.dumps(post) + "\n" for post in told) + '{"id_str":\n')
    return str(place)


def records(source: Source[Record]) -> list[Record]:
    return [record for batch in source.batches({}, 100) for record in batch.items]


def test_a_record_has_the_authors_own_text_and_the_tags_that_count(file: str) -> None:
    first = records(posts(**{"from": "file", "path": file}))[0]
    assert first.name == f"x/{FIRST}"
    assert first.at == 1_483_686_000_000
    assert first.value == {
        "id": str(FIRST), "source": "x", "created_at": "2017-01-06T07:00:00.000Z", "lang": "fr", "text": "A & B #Été",
        "tags": ["été"],
    }  # fmt: skip


def test_a_tag_and_a_language_choose_and_the_rest_is_counted(file: str) -> None:
    (batch,) = posts(**{"from": "file", "path": file, "tag": "#ÉTÉ", "lang": "en"}).batches({}, 100)
    assert [record.value["id"] for record in batch.items] == [str(FIRST + 2)]
    assert (batch.filtered, len(batch.rejects)) == (2, 1)
    assert posts(**{"from": "file", "path": file}).name != posts(**{"from": "file", "path": file, "tag": "été"}).name


def test_a_sample_is_chosen_from_too_and_resumes() -> None:
    source = posts(**{"from": "sample", "tag": "music"})
    batches = list(source.batches({}, 1_000))
    found = [record.value for batch in batches for record in batch.items]
    assert found
    assert all("music" in value["tags"] for value in found)
    assert sum(batch.filtered for batch in batches) > len(found)
    later = [record.value for batch in source.batches(batches[3].cursor, 1_000) for record in batch.items]
    assert later == [record.value for batch in batches[4:] for record in batch.items]


def test_a_live_service_takes_its_options_and_reports_its_state() -> None:
    source = posts(**{"from": "jetstream", "options": {"since": "2026-01-01T00:00:00Z"}})
    assert isinstance(source, LiveState)
    assert source.final_state("stopped", "").state == "stopped"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ({"from": "myspace"}, "no source of posts 'myspace'; there are jetstream, x, mastodon, sample, file"),
        ({"from": "file"}, "need `path`"),
        ({"from": "sample", "options": {"seed": 1}}, "take no options"),
        ({"from": "mastodon"}, "it is missing"),
        ({"from": "x", "options": {"rules": "a"}}, "no option 'rules'; there are rule, sample, backfill"),
        ({"from": "x", "options": {"backfill": 6}}, "'6' does not fit"),
        ({"from": "x", "options": {"sample": "yes"}}, "'yes' does not fit"),
        ({"from": "jetstream", "options": {"since": "soon"}}, "a time that can't be understood"),
        ({"from": "jetstream", "options": {"since": "2050-01-01"}}, "not in the past"),
    ],
)
def test_a_declaration_that_nothing_fits_is_refused(source: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError) as refused:
        posts(**source)
    assert what in refused.value.what


def test_a_file_that_changed_behind_the_cursor_is_refused_with_what_a_feed_can_do(file: str) -> None:
    (batch,) = posts(**{"from": "file", "path": file}).batches({}, 100)
    Path(file).write_text('{"id_str": "1", "text": "another"}\n')
    with pytest.raises(UsageError, match="the file has changed") as refused:
        list(posts(**{"from": "file", "path": file}).batches(batch.cursor, 100))
    assert "--restart" not in refused.value.next_step
    Path(file).write_text('{"id_str": "x", "text": "no time"}\n' * 200)
    with pytest.raises(TrendsError, match="begins with 100 records") as refused_whole:
        records(posts(**{"from": "file", "path": file, "lang": "fr"}))
    assert "--force" not in refused_whole.value.next_step
