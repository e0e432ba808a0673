"""What `trends status` tells, as figures for Prometheus."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics import parser as openmetrics

from serving.status.certificates import CertificateEnd
from serving.status.metrics import TALLIED, render_metrics
from tests.support import metrics
from tests.support.metrics import Figures
from tests.support.status import status_from

ROOT = Path(__file__).parents[3]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
GAP = {"since": "2026-11-25T10:00:00Z", "until": "2026-11-25T10:01:30Z", "why": "the stream does not replay"}
RUN = {"_id": "r1", "since": None, "until": None, "rule": "1", "error": None}
FACTS: dict[str, Any] = {
    "servers": [
        {"name": "kafka", "state": "running", "pid": 1, "uptime_s": 60, "memory_mb": 300, "address": "127.0.0.1:9092",
         "external": False},
        {"name": "mongo", "state": "external", "pid": None, "uptime_s": None, "memory_mb": None, "address": "m:27017",
         "external": True},
    ],
    "sources": [
        {"name": "jetstream", "state": "connected", "since": "2026-11-25T09:00:00Z", "told_at": "2026-11-25T10:00:10Z",
         "where": "wss://a", "why": "", "last_post_at": "2026-11-25T10:00:09Z", "behind_s": 7, "gaps": [GAP, GAP],
         "read": {"posts": 900, "rejects": 1, "notices": 2, "filtered": 3, "repeated": 4, "read_bytes": 5,
                  "connections": 6}},
        {"name": "x:sample", "state": "failed", "since": "2026-11-25T09:00:00Z", "told_at": "2026-11-25T09:00:00Z",
         "where": "api.x.com", "why": "answers 401", "last_post_at": None, "behind_s": None, "gaps": [],
         "read": dict.fromkeys(TALLIED, 0)},
    ],
    "speed": {"topic": "hashtags", "behind": 5, "writers": {"a at h:1": 2, "b at h:2": 1}, "shared_partitions": 1,
              "unwritten_partitions": [3, 4],
              "partitions": [{"partition": 0, "next": 10, "behind": 5, "writers": ["a at h:1"]}]},
    "archive": {"topic": "posts", "group": "archive", "behind": 3, "posts": 1000, "hours": 4, "files": 9, "rejected": 2,
                "lost": 8, "complete_until": "2026-11-25T10", "archive": "a1", "topic_id": "t1", "waiting": 2,
                "damage": [],
                "partitions": [{"partition": 0, "next": 7, "behind": 1, "damage": None},
                               {"partition": 1, "next": 7, "behind": 2, "damage": None}]},
    "hours": {"live": 2, "provisional": 1, "final": 3, "newest": "2026-11-25T10", "rules": {"1": 4}},
    "runs": [
        {**RUN, "kind": "hourly", "state": "running", "hours_done": 0, "hours_planned": 1, "posts": 0, "seconds": None,
         "started_at": "2026-11-25T10:05:00Z", "ended_at": None},
        {**RUN, "kind": "hourly", "state": "failed", "hours_done": 1, "hours_planned": 1, "posts": 9, "seconds": 2.5,
         "started_at": "2026-11-25T09:05:00Z", "ended_at": "2026-11-25T09:05:02Z"},
        {**RUN, "kind": "recompute", "state": "done", "hours_done": 5, "hours_planned": 5, "posts": 99, "seconds": 12.5,
         "started_at": "2026-11-25T08:05:00Z", "ended_at": "2026-11-25T08:05:12Z"},
    ],
    "rejects": {"topic": "rejects", "outstanding": 4, "exact": True, "oldest": "2026-11-24T10:00:00Z"},
    "feeds": [
        {"name": "weather", "error": "", "stages": [
            {"stage": "postgres", "type": "postgres", "state": "reconnecting", "since": "2026-11-25T09:00:00Z",
             "why": "no answer", "behind": 2, "kept": 40, "rejected": 3, "left_out": 1, "lost": 6,
             "positions": {0: 90}, "committed_at": "2026-11-25T09:00:00Z", "error": ""}]},
    ],
    "tops": {"topic": "tops", "pending": 2, "oldest": "2026-11-25T08"},
    "alerts": {"rules": 2, "pending": 3, "given_up": 1, "disabled": ["paris"]},
}  # fmt: skip


def figures(facts: dict[str, Any]) -> Figures:
    return metrics.figures(status_from(facts))


def ones(found: Figures, name: str) -> set[tuple[str, ...]]:
    """The labels for which it is 1."""
    return {labels for (of, *rest), value in found.items() if of == name and value == 1 for labels in [tuple(rest)]}


def test_every_fact_is_a_figure() -> None:
    found = figures(FACTS)
    expected: Figures = {
        ("trends_server_memory_bytes", "kafka"): 300 * 2**20,
        ("trends_server_uptime_seconds", "kafka"): 60,
        ("trends_lag_messages", "archive", "1"): 2,
        ("trends_lag_messages", "speed", "0"): 5,
        ("trends_speed_writers",): 2,
        ("trends_speed_shared_partitions",): 1,
        ("trends_speed_unwritten_partitions",): 2,
        ("trends_archive_complete_until_timestamp_seconds",): 1795600800,
        ("trends_archive_posts_total",): 1000,
        ("trends_archive_rejects_total",): 2,
        ("trends_archive_lost_messages_total",): 8,
        ("trends_archive_hours",): 4,
        ("trends_archive_files",): 9,
        ("trends_hours", "live"): 2,
        ("trends_hours", "provisional"): 1,
        ("trends_hours", "final"): 3,
        ("trends_hours_waiting",): 2,
        ("trends_run_started_timestamp_seconds", "hourly"): 1795601100,
        ("trends_run_duration_seconds", "recompute"): 12.5,
        ("trends_run_hours", "recompute"): 5,
        ("trends_run_posts", "recompute"): 99,
        ("trends_rejects_outstanding",): 4,
        ("trends_feed_behind_messages", "weather", "postgres"): 2,
        ("trends_feed_records_total", "weather", "kept", "postgres"): 40,
        ("trends_feed_records_total", "weather", "rejected", "postgres"): 3,
        ("trends_feed_records_total", "weather", "left_out", "postgres"): 1,
        ("trends_feed_gap_messages_total", "weather", "postgres"): 6,
        ("trends_feed_committed_timestamp_seconds", "weather", "postgres"): 1795597200,
        ("trends_feed_unregistered_folders", "weather", "postgres"): 0,
        ("trends_rejects_oldest_timestamp_seconds",): 1795514400,
        ("trends_source_reported_timestamp_seconds", "jetstream"): 1795600810,
        ("trends_source_last_post_timestamp_seconds", "jetstream"): 1795600809,
        ("trends_source_behind_seconds", "jetstream"): 7,
        ("trends_source_gaps_total", "jetstream"): 2,
        ("trends_source_gap_seconds_total", "jetstream"): 180,
        ("trends_source_posts_total", "jetstream"): 900,
        ("trends_source_rejects_total", "jetstream"): 1,
        ("trends_source_notices_total", "jetstream"): 2,
        ("trends_source_filtered_total", "jetstream"): 3,
        ("trends_source_repeated_total", "jetstream"): 4,
        ("trends_source_read_bytes_total", "jetstream"): 5,
        ("trends_source_connections_total", "jetstream"): 6,
        ("trends_source_posts_total", "x:sample"): 0,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert ones(found, "trends_server_state") == {("kafka", "running"), ("mongo", "external")}
    assert ones(found, "trends_source_state") == {("jetstream", "connected"), ("x:sample", "failed")}
    assert ones(found, "trends_run_state") == {("hourly", "running"), ("recompute", "done")}
    assert len(ones(found, "trends_part_up")) == len(FACTS)


def test_what_is_not_known_has_no_figure() -> None:
    found = figures(FACTS | {"archive": FACTS["archive"] | {"waiting": None}})
    for key in (("trends_hours_waiting",), ("trends_source_behind_seconds", "x:sample"),
                ("trends_run_duration_seconds", "hourly"), ("trends_server_memory_bytes", "mongo")):  # fmt: skip
        assert key not in found


@pytest.mark.parametrize("part", FACTS)
def test_a_part_that_can_not_be_asked_says_so_and_hides_nothing_else(part: str) -> None:
    whole, found = figures(FACTS), figures(FACTS | {part: {"error": "MongoDB: no answer"}})
    assert (found["trends_part_up", part], found["trends_part_ok", part]) == (0, 0)
    gone = whole.keys() - found.keys()
    assert gone
    assert {name for name, *_ in gone}.isdisjoint(f"trends_part_{each}" for each in ("up", "ok"))
    others = {key: value for key, value in whole.items() if key not in gone and key[1:] != (part,)}
    assert {key: found[key] for key in others} == others


@pytest.mark.parametrize(
    ("part", "of", "state", "ok"),
    [
        ("servers", 0, "silent", False), ("servers", 0, "running", True), ("servers", 0, "stopped", False),
        ("sources", 1, "failed", False), ("sources", 1, "silent", False), ("sources", 1, "reconnecting", False),
        ("sources", 1, "stopped", True), ("sources", 1, "connected", True), ("runs", 0, "failed", True),
    ],
)  # fmt: skip
def test_a_part_is_ok_where_the_status_exits_with_0(part: str, of: int, state: str, ok: bool) -> None:
    changed = [each | {"state": state} if at == of else each for at, each in enumerate(FACTS[part])]
    assert figures(FACTS | {part: changed})["trends_part_ok", part] == ok


def test_both_formats_say_the_same_and_whatever_a_name_holds_is_escaped() -> None:
    odd = 'a "b"\\\n{c="d"} 1'
    facts = FACTS | {"sources": [FACTS["sources"][0] | {"name": odd}]}
    body, content_type = render_metrics(status_from(facts), OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in openmetrics.text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call] # it has no types
        for sample in family.samples
    }
    assert told == figures(facts)
    assert told["trends_source_posts_total", odd] == 900


def test_the_docs_name_every_metric_and_rules_use_those_that_there_are() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    emitted = {name for name, *_ in metrics.figures(status_from(FACTS), [CertificateEnd("hdfs.ca_file", 1.0)])}
    assert set(re.findall(r"`(trends_\w+)`", page)) == emitted
    for file in ("recording.yml", "alerts.yml"):
        groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / file).read_text())["groups"]
        for rule in (rule for group in groups for rule in group["rules"]):
            assert set(re.findall(r"(?<![:\w])trends_\w+(?!:)", rule["expr"])) <= emitted
