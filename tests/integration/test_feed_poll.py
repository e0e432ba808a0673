"""A polled API on a real Kafka: each change once and each slot once, whatever is killed, and the key nowhere."""

import itertools
import json
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.harness import stack_settings
from config.settings import Settings
from ingest.feeds.declaration.model import Feed, NamedFeed
from ingest.feeds.source_runner import run_source
from ingest.feeds.sources.latest import MOST_IDS
from ingest.standings import standings
from tests.support.api_host import ApiHost, Fault, api
from tests.support.faults.clock import Clock
from tests.support.feed_source_process import run, start
from tests.support.kafka import committed
from tests.support.poll_commits import of_cursors, slots_of
from tests.support.polls import body, station
from tests.support.wait import until

KEY = "s3cret-k3y/&?"
STATIONS = 20


def feed(settings: Settings, url: str, **source: Any) -> NamedFeed:
    """Stations every second, with a key."""
    declared = {
        "about": "",
        "source": {
            "type": "http", "every": "1s", "url": url, "send": "changed", "id": "stationcode", "at": "duedate",
            "ask": {"stations": {"path": "/stations"}}, "secret": {"query": "appid", "env": "API_KEY"}, **source,
        },
        "topic": {"name": f"feed-{settings.kafka.posts}", "key": "stationcode"},
        "sinks": {"csv": {"type": "csv", "file": "a.csv"}},
    }  # fmt: skip
    return NamedFeed("velib", Feed.model_validate(declared))


def answering() -> ApiHost:
    """An API of stations, of which some change with each answer, one at each third; only who has the key may ask."""
    numbers, lock = itertools.count(), threading.Lock()

    def answer(_query: dict[str, str]) -> bytes:
        with lock:
            number = next(numbers)
        now = "2024-04-22T14:23:33+00:00"
        return body(*[station(str(n), bikes=(number + n) // 3, due=now) for n in range(STATIONS)])

    host = ApiHost({"/stations": answer})
    host.key = ("appid", KEY)
    return host


def values(settings: Settings) -> list[Any]:
    return [
        json.loads(message.value() or b"")
        for message in committed(settings.kafka.bootstrap, f"feed-{settings.kafka.posts}")
    ]


def everything(settings: Settings) -> bytes:
    """What Kafka holds of a feed, keys and headers too."""
    topics = (f"feed-{settings.kafka.posts}", settings.kafka.cursors, settings.kafka.rejects)
    found = [message for topic in topics for message in committed(settings.kafka.bootstrap, topic)]
    return repr([(message.key(), message.value(), message.headers()) for message in found]).encode()


def test_a_kill_between_any_two_steps_sends_each_change_once_and_uses_each_slot_once(settings_file: Path) -> None:
    settings = stack_settings.read(settings_file)
    host, kills = answering(), 0
    with api(host) as url:
        declared = feed(settings, url)
        for step in itertools.count(1):
            ran = run(settings_file, declared, step, polls=1, API_KEY=KEY)
            if ran.returncode == 0:
                break
            assert ran.returncode == -9, ran.stderr
            kills += 1
    assert kills >= 6
    by_station: dict[str, list[int]] = {}
    for value in values(settings):
        by_station.setdefault(value["stationcode"], []).append(value["numbikesavailable"])
    assert len(by_station) == STATIONS
    for bikes in by_station.values():
        assert all(later > earlier for earlier, later in pairwise(bikes)), "a change comes once, and none goes back"
    assert len(slots_of(settings)) >= 2


def test_a_process_that_stands_still_leaves_a_gap_and_goes_on(settings: Settings, settings_file: Path) -> None:
    with api(answering()) as url:
        process = start(settings_file, feed(settings, url), API_KEY=KEY)
        try:
            until(lambda: len(slots_of(settings)) >= 2)
            process.send_signal(signal.SIGSTOP)
            before = len(slots_of(settings))
            stood = time.monotonic() + 4
            until(lambda: time.monotonic() > stood)
            process.send_signal(signal.SIGCONT)
            until(lambda: len(slots_of(settings)) >= before + 2)
        finally:
            process.kill()
            process.communicate(timeout=30)
    longest = max(of_cursors(settings, "gap/"), key=lambda gap: gap["until"] - gap["since"])
    assert longest["until"] - longest["since"] >= 2_000
    assert longest["why"].startswith("the poll before, or Kafka, took ")


def test_a_clock_that_jumps_ahead_and_back_repeats_no_slot(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    clock = Clock(tmp_path / "clock")
    with api(answering()) as url:
        process = start(settings_file, feed(settings, url), 0, polls=0, API_KEY=KEY, **clock.for_python)
        try:
            until(lambda: len(slots_of(settings)) >= 2)
            with clock.jumped(20, {"the last slot": lambda: slots_of(settings)[-1] / 1000}) as proof:
                ahead = slots_of(settings)
            after = slots_of(settings)  # it waits until its clock is there again
            until(lambda: slots_of(settings)[-1] > after[-1])
        finally:
            process.kill()
            process.communicate(timeout=30)
    assert proof.seen["set_right"]
    assert after[: len(ahead)] == ahead
    assert any("our clock jumped ahead by" in gap["why"] for gap in of_cursors(settings, "gap/"))
    assert any("our clock is before the last poll" in state["why"] for state in of_cursors(settings, "state/"))


def test_the_key_is_in_nothing_that_a_poll_writes(settings: Settings, settings_file: Path) -> None:
    host = answering()
    told = f"{KEY} of {'s3cret-k3y%2F%26%3F'}".encode()
    host.fails("/stations", Fault(body=told), Fault(cut=True))
    with api(host) as url:
        declared = feed(settings, url)
        fine = run(settings_file, declared, polls=2, API_KEY=KEY)
        assert fine.returncode == 0, fine.stderr
        host.fails("/stations", Fault(status=403, body=told))
        refused = run(settings_file, declared, polls=1, API_KEY=KEY)
    assert refused.returncode == 1
    assert "answers 403" in refused.stderr
    assert len(values(settings)) > STATIONS
    (standing,) = standings(settings.kafka)
    assert standing.state.state == "failed"
    assert "answers 403" in standing.state.why
    output = "".join((fine.stdout, fine.stderr, refused.stdout, refused.stderr))
    for secret in (KEY, "s3cret", "appid"):
        assert secret not in output
        assert secret.encode() not in everything(settings)


def test_a_fault_of_an_optional_request_is_in_the_state_and_a_broken_record_among_the_rejects(
    settings: Settings,
) -> None:
    status = [{"station_id": 1, "last_reported": 1_700_000_000}, {"station_id": 2}]
    host = ApiHost({"/status": json.dumps(status).encode()})
    ask = {"status": {"path": "/status"}, "information": {"path": "/information", "optional": True}}
    with api(host) as url:
        declared = feed(
            settings, url, ask=ask, secret=None, id="station_id", at="last_reported", join={"information": "station_id"}
        )
        done = run_source(settings, declared, threading.Event(), most_polls=1)
    assert (done.counts.posts, done.counts.rejects) == (1, 1)
    (reject,) = committed(settings.kafka.bootstrap, settings.kafka.rejects)
    headers = dict(reject.headers() or ())
    assert json.loads(reject.value() or b"") == {"station_id": 2}
    assert (headers["stage"], headers["reason"]) == (b"feed/velib", b"no event time")
    told = [state["why"] for state in of_cursors(settings, "state/")]
    assert any("information: answers 404" in why and "rejected: no event time" in why for why in told)


def test_the_cursor_of_as_many_ids_as_a_poll_may_have_fits_into_its_topic(settings: Settings) -> None:
    host = ApiHost({"/stations": body(*[station(str(n), due="2024-04-22T14:23:33Z") for n in range(MOST_IDS)])})
    with api(host) as url:
        declared = feed(settings, url, secret=None)
        assert run_source(settings, declared, threading.Event(), most_polls=1).counts.posts == MOST_IDS
        assert run_source(settings, declared, threading.Event(), most_polls=1).counts.posts == 0
    assert len(values(settings)) == MOST_IDS
