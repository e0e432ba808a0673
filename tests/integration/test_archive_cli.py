"""`trends archive` and `trends compact` as they are typed."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from config.settings import Settings
from tests.support.commands import TRENDS, run_trends
from tests.support.otlp_collector import collector
from tests.support.posts import Sender, archived, assert_exactly_once, some_posts
from tests.support.wait import until


def test_archive_tells_what_it_did_and_compact_merges_it(settings: Settings, settings_file: Path) -> None:
    sender, posts = Sender(settings), some_posts(40, hours=1)
    for first in (0, 20):
        sender.send(posts[first : first + 20], partition=0)
        done = run_trends(settings_file, "archive", "--until-drained", "--json")
        assert json.loads(done.stdout)["posts"] == 20, done.stderr
    soon = {"TRENDS_BATCH__COMPACT_AFTER_S": "0", "TRENDS_ARCHIVE__IDLE_AFTER_S": "0"}
    due = json.loads(run_trends(settings_file, "compact", "--dry-run", "--json", **soon).stdout)
    assert (due["hours"], due["replaced"]) == (["2013-04-15T18"], 2)
    assert json.loads(run_trends(settings_file, "compact", "--json", **soon).stdout)["hours"] == ["2013-04-15T18"]
    assert json.loads(run_trends(settings_file, "compact", "--json", **soon).stdout)["hours"] == []
    assert_exactly_once(settings, posts)


def test_a_trace_shows_the_transactions_of_posts_and_each_step_of_their_chunk(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "posts.jsonl"
    lines = [f'{{"id": "{900 + n}", "created_at": "2013-04-15T18:00:00Z", "text": "#a"}}' for n in range(3)]
    file.write_text("\n".join(lines))
    with collector() as found:
        for command in (("ingest", "file", str(file)), ("archive", "--until-drained")):
            done = run_trends(settings_file, *command, TRENDS_TRACE__ENDPOINT=found.endpoint)
            assert done.returncode == 0, done.stderr
    chunks = found.named("chunk")
    assert {each.service for each in chunks} == {"trends archive"}
    assert {each.attributes["topic"] for each in chunks} == {settings.kafka.posts}
    assert sum(each.attributes["records"] for each in chunks) == 3
    for step in ("write", "upload", "commit", "place", "acknowledge"):
        assert {each.parent for each in found.named(step)} == {each.span_id for each in chunks}
    sent = [each for each in found.named("ingest transaction") if each.service == "trends ingest"]
    assert sum(each.attributes["messages"] for each in sent) >= 3 + 3  # a post, and its one use


def test_sigterm_archives_what_was_read_and_ends_with_a_summary(settings: Settings, settings_file: Path) -> None:
    environment = os.environ | {"TRENDS_CONFIG": str(settings_file), "TRENDS_ARCHIVE__FLUSH_AFTER_S": "1"}
    process = subprocess.Popen([TRENDS, "archive", "--json"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        Sender(settings).send(some_posts(7))
        until(lambda: archived(settings) == 7, process.poll, 60)
    finally:
        process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["posts"] == 7


@pytest.mark.parametrize(
    ("variable", "address"), [("TRENDS_HDFS__URL", "http://127.0.0.1:1"), ("TRENDS_KAFKA__BOOTSTRAP", "127.0.0.1:1")]
)
def test_a_server_that_is_away_is_one_line_and_exit_1(
    settings: Settings, settings_file: Path, variable: str, address: str
) -> None:
    failed = run_trends(settings_file, "archive", "--until-drained", **{variable: address})
    assert failed.returncode == 1
    assert re.search(r"^trends: .*127\.0\.0\.1:1\b", failed.stderr, re.MULTILINE)
    assert "Traceback" not in failed.stderr
