"""Live sources into a real broker: several at once, killed in the middle, refused, and what `trends status` says."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.settings import Settings
from ingest.hours import Hour, wall_clock
from ingest.standings import standings
from serving.cli import main
from serving.cli.commands.status import status as status_command
from serving.status.collect import collect_status
from serving.status.provenance import explain_hour
from tests.support.ingest_process import ended, posts_in, started
from tests.support.kafka import committed
from tests.support.live_servers import TOKEN, Act, Acting, HttpService, JetstreamHost, http, jetstream
from tests.support.metrics import figures
from tests.support.wait import until

POSTS = 300
SEEN_US = 1_783_175_888_000_000


def event(n: int) -> bytes:
    facet = {
        "index": {"byteStart": 0, "byteEnd": 2},
        "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "a"}],
    }
    record = {"text": "#a", "createdAt": "2026-07-04T14:38:06Z", "facets": [facet]}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"r{n}", "rev": "r", "record": record}
    told = {"did": "did:plc:a", "time_us": SEEN_US + n * 1_000, "kind": "commit", "commit": commit}
    return json.dumps(told).encode()


def status(n: int, id_: str = "") -> bytes:
    told = {"id": id_, "uri": f"https://a.example/{n}", "created_at": "2026-07-04T14:38:06Z", "content": "x"}
    return json.dumps(told | {"tags": []}).encode()


def update(n: int) -> bytes:
    return b"event: update\ndata: %s\n\n" % status(n)


def sources(settings: Settings) -> dict[str, Any]:
    """What `trends status` has of live sources, by the first word of their names."""
    return {each["name"].split(":")[0]: each for each in collect_status(settings).to_json()["sources"]}


def test_two_at_once_one_killed_in_the_middle_every_post_is_there_once_and_the_gap_is_told(
    settings: Settings, settings_file: Path
) -> None:
    bluesky = JetstreamHost([event(n) for n in range(POSTS)], Act(sends=100, every_s=0.005), Act(every_s=0.005))
    fediverse = HttpService([update(n) for n in range(POSTS)], Act(sends=50), Act(alive_every_s=1), alive=b":thump\n")
    with jetstream(bluesky) as hosts, http(fediverse) as url:
        variables = {"TRENDS_JETSTREAM__HOSTS": json.dumps(hosts), "TRENDS_MASTODON__TOKEN": TOKEN}
        asked = (("jetstream",), ("mastodon", "--server", url))
        first = [started(settings_file, *each, **variables) for each in asked]
        until(lambda: sum(posts_in(settings.kafka).values()) > 150)
        first[0].kill()
        ended(first[0])
        again = started(settings_file, "jetstream", "--limit", str(POSTS), "--json", **variables)
        code, out, talk = ended(again)
        assert code == 0, talk
        assert json.loads(out)["posts"] <= POSTS
        until(lambda: sum(posts_in(settings.kafka).values()) == 2 * POSTS)
        command_line = Path(f"/proc/{first[1].pid}/cmdline").read_bytes()
        until(lambda: sources(settings)["mastodon"]["state"] == "connected")
        first[1].send_signal(signal.SIGTERM)
        code, _, talk = ended(first[1])
        assert code == 0, talk
    found = posts_in(settings.kafka)
    assert (len(found), set(found.values())) == (2 * POSTS, {1})
    told = sources(settings)
    assert {name: each["state"] for name, each in told.items()} == {"jetstream": "stopped", "mastodon": "stopped"}
    assert told["jetstream"]["behind_s"] > 3_600 > told["mastodon"]["behind_s"]  # events of July, and a quiet stream
    (gap,) = told["mastodon"]["gaps"]
    assert "does not replay" in gap["why"]
    assert not told["jetstream"]["gaps"]
    hour = Hour.of(standings(settings.kafka)[0].state.at)
    gaps = [each for at in (hour.plus(-1), hour) for each in explain_hour(settings, at).to_json()["gaps"]]
    assert {each["source"].split(":")[0] for each in gaps} == {"mastodon"}
    shown = figures(collect_status(settings))
    assert shown["trends_source_gaps_total", told["mastodon"]["name"]] == 1
    assert shown["trends_source_posts_total", told["mastodon"]["name"]] == POSTS
    assert shown["trends_source_connections_total", told["mastodon"]["name"]] == 2
    assert shown["trends_source_behind_seconds", "jetstream"] > 86_400  # what it reads was published long ago
    kept = b"".join(message.value() or b"" for message in committed(settings.kafka.bootstrap, settings.kafka.cursors))
    assert TOKEN.encode() not in kept + talk.encode() + command_line


def test_killed_while_a_timeline_fills_what_the_stream_missed_every_post_is_there_once_and_there_is_no_gap(
    settings: Settings, settings_file: Path
) -> None:
    first_ms = wall_clock() - 7_200_000
    statuses = [status(n, str(first_ms + n * 10_000 << 16)) for n in range(POSTS)]
    streamed = [b"event: update\ndata: %s\n\n" % each for each in statuses]
    over = Act(skips=POSTS - 50, alive_every_s=1)
    service = HttpService(streamed, Act(sends=50), over, over, alive=b":thump\n")
    service.timeline, service.most = statuses, 10
    service.pages = Acting(*[Act()] * 9, Act(status=0))  # it is killed while it waits for the tenth
    with http(service) as url:
        asked = ("mastodon", "--server", url)
        process = started(settings_file, *asked, TRENDS_MASTODON__TOKEN=TOKEN)
        until(lambda: len(service.pages.asked) == 10 and sum(posts_in(settings.kafka).values()) > 100)
        process.kill()
        ended(process)
        again = started(settings_file, *asked, "--limit", str(POSTS), TRENDS_MASTODON__TOKEN=TOKEN)
        code, _, talk = ended(again)
    assert code == 0, talk
    found = posts_in(settings.kafka)
    assert (len(found), set(found.values())) == (POSTS, {1})
    assert not sources(settings)["mastodon"]["gaps"]


def test_a_token_that_expires_ends_it_and_status_says_so(settings: Settings, settings_file: Path) -> None:
    line = json.dumps({"data": {"id": "690406591110582272", "text": "#a"}}).encode() + b"\r\n"
    service = HttpService([line], Act(sends=1), Act(status=401, body=f"{TOKEN} has expired"))
    with http(service) as url:
        variables = {"TRENDS_X__TOKEN": TOKEN, "TRENDS_X__URL": url}
        code, _, talk = ended(started(settings_file, "x", "--sample", **variables))
    assert code == 1
    assert "answers 401: *** has expired" in talk
    assert TOKEN not in talk
    assert "Traceback" not in talk
    assert sum(posts_in(settings.kafka).values()) == 1
    (told,) = sources(settings).values()
    assert told["state"] == "failed"
    assert "401" in told["why"]
    shown = CliRunner().invoke(status_command, obj=settings, **main.context_settings)
    assert shown.exit_code == 1
    assert "x:sample" in shown.output
    assert "401: *** has expired" in shown.output
    assert "trends ingest dismiss x:sample" in shown.output
    found = figures(collect_status(settings))
    assert found["trends_source_state", "x:sample", "failed"] == 1
    assert found["trends_source_posts_total", "x:sample"] == 1
    assert found["trends_part_ok", "sources"] == 0
    assert TOKEN not in str(found)
    code, _, talk = ended(started(settings_file, "dismiss", "x:sample"))
    assert (code, sources(settings)["x"]["state"]) == (0, "stopped"), talk
    assert figures(collect_status(settings))["trends_part_ok", "sources"] == 1


@pytest.fixture
def hanging_up() -> Iterator[None]:
    """SIGHUP ends what is started, also where the tests themselves were started with it ignored (`nohup`)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hanging_up")
def test_a_host_that_goes_away_is_told_as_reconnecting_and_what_runs_is_not_dismissed(
    settings: Settings, settings_file: Path
) -> None:
    host = JetstreamHost([event(0)], Act(sends=1), *[Act(status=503)] * 100)
    with jetstream(host) as hosts:
        process = started(settings_file, "jetstream", TRENDS_JETSTREAM__HOSTS=json.dumps(hosts))
        until(lambda: "503" in sources(settings).get("jetstream", {"why": ""})["why"])
        found = figures(collect_status(settings))
        assert found["trends_source_state", "jetstream", "reconnecting"] == 1
        assert found["trends_part_ok", "sources"] == 0
        code, _, talk = ended(started(settings_file, "dismiss", "jetstream"))
        assert (code, "it is running" in talk) == (1, True), talk
        process.send_signal(signal.SIGHUP)  # as a terminal that is closed
        code, _, talk = ended(process)
    assert code == 0, talk
    assert sources(settings)["jetstream"]["state"] == "stopped"


def test_without_a_token_nothing_is_asked(settings_file: Path) -> None:
    code, _, talk = ended(started(settings_file, "x", "--sample"))
    assert code == 2
    assert "TRENDS_X__TOKEN" in talk


def test_a_host_that_is_not_there_is_said_and_a_source_that_was_killed_is_silent(
    settings: Settings, settings_file: Path
) -> None:
    code, _, talk = ended(started(settings_file, "jetstream", TRENDS_JETSTREAM__HOSTS='["ws://127.0.0.1:1"]'))
    assert code == 1
    assert "127.0.0.1:1" in talk
    with jetstream(JetstreamHost([event(0)])) as hosts:
        process = started(settings_file, "jetstream", "--restart", TRENDS_JETSTREAM__HOSTS=json.dumps(hosts))
        until(lambda: sources(settings)["jetstream"]["state"] == "connected")
        process.kill()
        ended(process)
    (standing,) = standings(settings.kafka)
    later = standing.state.at + 31_000
    assert (standing.state_at(standing.state.at), standing.state_at(later)) == ("connected", "silent")
    assert standing.state.where == hosts[0]
    code, _, talk = ended(started(settings_file, "dismiss", "nobody"))
    assert (code, "no such live source" in talk) == (3, True), talk
