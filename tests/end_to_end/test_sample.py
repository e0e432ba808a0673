"""Sample posts, as a newcomer brings them: every hour of both layers, and the question asked without an option."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.harness.topology import run_topology
from config.settings import Settings
from ingest.hours import Hour
from serving.cli import main
from speed_layer.lag import caught_up
from tests.support.cli import ask, assert_answers, run
from tests.support.kafka import committed
from tests.support.oracle import count, posts_of_json
from tests.support.wait import counted, until, until_the_hour_lasts


def _values(settings: Settings) -> list[bytes]:
    return [
        value for message in committed(settings.kafka.bootstrap, settings.kafka.posts) if (value := message.value())
    ]


@pytest.mark.timeout(420)
def test_every_hour_of_a_sample_equals_the_oracle_and_the_hour_in_progress_is_live(
    settings: Settings, settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    until_the_hour_lasts(minutes=3)
    with run_topology(settings, settings_file):
        loaded = ask("ingest", "sample", "--seed", "7", "--posts", "6000")
        now = tmp_path / "now.csv"  # a minute after the hour began, a sample may hold no tag of it
        now.write_text(f"id,text,time\n1,#now,{datetime.now(UTC).isoformat()}\n")
        ask("ingest", "file", str(now))
        sent = list(posts_of_json(_values(settings)))
        assert len(sent) == loaded["posts"] + 1
        assert len(sent) > len({post.id for post in sent}), "a sample has posts that are sent twice"
        assert loaded["rejects"] > 0, "a sample has broken lines"
        as_sent, once = count(sent, once=False), count(sent, once=True)
        until(lambda: caught_up(settings), lambda: counted(settings))
        assert_answers({hour: each for hour, each in as_sent.items() if each}, origin="speed", state="live")

        run("archive", "--until-drained")
        run("batch", "run")
    archive = ask("status", exits=1)["archive"]  # 1: no archiver and no scheduler runs
    complete = {hour: each for hour, each in once.items() if hour < archive["complete_until"]}
    assert len(once) > len(complete) >= 22, "the hour in progress is not complete"
    assert_answers(complete, origin="batch", state="final")
    newest = max(once)
    assert ask("top", "--hour", newest)["origin"] == "speed"
    assert ask("verify", "--all")["ok"]

    asked = ask("top")["hours"]
    assert {each["hour"] for each in asked} <= {
        newest,
        str(Hour.parse(newest).plus(-1)),
        str(Hour.parse(newest).plus(1)),
    }
    hour = ask("top", "--last", "1h")
    assert hour["hours"][-1]["hour"] == newest
    rejects = CliRunner().invoke(main, ["rejects", "list", "--json"]).stdout.splitlines()
    assert len([json.loads(line) for line in rejects]) == loaded["rejects"]
