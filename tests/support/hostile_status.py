"""A status whose every part is as long as it can get: long addresses and errors, many hours, twenty feeds."""

from typing import Any

from serving.status.model import Status
from tests.support.status import status_from

ADDRESS = "mongodb-primary-with-a-long-name.eu-central-1.internal.example.com:27017," * 3
ERROR = (
    "ServerSelectionTimeoutError: No replica set members found yet, "
    "topology=<TopologyDescription id:65f0c1a2b3c4d5e6f7a8b9c0,type:ReplicaSetNoPrimary> " * 3
)
TIME = "2026-11-30T17:06:48.123Z"
SERVERS = ("kafka", "namenode", "datanode", "mongo", "zookeeper", "nimbus", "supervisor", "archiver", "scheduler")


def hostile_status() -> Status:
    """The status as `trends status` would collect it."""
    partitions = [{"partition": number, "next": 10**12, "behind": 10**9, "writers": ["w"]} for number in range(3)]
    archived = [{"partition": number, "next": 10**12, "behind": 10**9, "damage": None} for number in range(3)]
    return status_from(
        {
            "servers": [_server(number, name) for number, name in enumerate(SERVERS)],
            "sources": [_source(name) for name in ("bluesky", "mastodon", "x")],
            "speed": {
                "topic": "hashtags-of-a-long-name",
                "behind": 123_456_789_012,
                "writers": {"w": 3},
                "shared_partitions": 0,
                "unwritten_partitions": [],
                "partitions": partitions,
            },
            "archive": {
                "topic": "posts-of-a-long-name",
                "group": "archive",
                "behind": 987_654_321_098,
                "posts": 10**13,
                "hours": 26_280,
                "files": 10**7,
                "rejected": 10**9,
                "lost": 10**9,
                "complete_until": "2026-11-30T17",
                "archive": "a",
                "topic_id": "t",
                "waiting": 26_280,
                "damage": [],
                "partitions": archived,
            },
            "hours": {
                "live": 2,
                "provisional": 26_278,
                "final": 999_999,
                "newest": "2026-11-30T17",
                "rules": {f"{number}-3f2a9c1b7d": 2_000 + number for number in range(9)},
            },
            "runs": [_run(number) for number in range(5)],
            "rejects": {"topic": "rejects", "outstanding": 10**12, "exact": False, "oldest": TIME},
            "feeds": [_feed(number) for number in range(20)],
        }
    )


def _server(number: int, name: str) -> dict[str, Any]:
    state = ("running", "silent", "failed", "external")[number % 4]
    address = ADDRESS if number % 2 else "127.0.0.1:9092"
    common = {"name": name, "state": state, "pid": 4_000_000, "uptime_s": 10**7, "memory_mb": 123_456}
    return common | {"address": address, "external": state == "external", "other_stack": ""}


def _source(name: str) -> dict[str, Any]:
    gap = {"since": TIME, "until": TIME, "why": ERROR}
    common = {"name": name, "state": "reconnecting", "since": TIME, "told_at": TIME, "where": ADDRESS, "why": ERROR}
    return common | {"last_post_at": TIME, "behind_s": 10**7, "read": {"posts": 10**12}, "gaps": [gap] * 12}


def _run(number: int) -> dict[str, Any]:
    state = ("done", "failed", "running", "dead", "abandoned")[number]
    common = {"_id": f"run-{number}", "kind": "recompute", "since": "2026-01-01T00", "until": "2026-11-30T17"}
    figures = {"rule": "9-3f2a9c1b7d", "hours_planned": 26_280, "hours_done": 26_279, "posts": 10**13, "state": state}
    error = ERROR if state == "failed" else None
    return common | figures | {"started_at": TIME, "ended_at": TIME, "error": error, "seconds": 12.5}


def _feed(number: int) -> dict[str, Any]:
    sinks = ("archive_of_the_raw_records", "table")
    stages = [
        {
            "stage": sink,
            "type": "postgres",
            "state": "reconnecting" if number % 3 == 0 else "connected",
            "since": TIME,
            "why": ERROR if number % 3 == 0 else "",
            "behind": 10**10,
            "kept": 10**13,
            "rejected": 10**6,
            "left_out": 10**6,
            "lost": 10**6,
            "positions": {0: 5},
            "committed_at": TIME,
            "unregistered": 0,
            "error": "",
        }
        for sink in sinks
    ]
    return {"name": f"feed-with-a-rather-long-name-{number}", "stages": stages, "error": "" if number % 7 else ERROR}
