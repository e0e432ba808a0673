"""Hostile input through the whole path: each record is counted or a reject that says where and what; no neighbour is
touched, both layers equal the oracle, and nothing of it reaches a terminal as it is.
"""

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError, Message, Producer

from bench.harness.topology import run_topology
from config.settings import Settings
from config.terminal_text import printable
from ingest.hours import Millis, wall_clock
from serving.cli import main
from speed_layer.lag import caught_up
from tests.support.cli import ask, run
from tests.support.hostile_input import (
    BAD_POSTS,
    BAD_USES,
    DIRECT,
    DIRECT_MS,
    HUGE,
    HUGE_POSTS,
    PART,
    STRANGE,
    TABLE,
    TAGS,
    Line,
    beside_good,
    csv_lines,
    message,
    use,
    v2,
    v2_lines,
)
from tests.support.oracle import Hours, Sent, count, top
from tests.support.wait import counted, until


class Told(NamedTuple):
    """What was sent: the good posts, and for each bad record where it was and why it is refused, with its bytes."""

    good: list[Sent]
    refused: dict[str, tuple[str, bytes]]


def written(file: Path, lines: list[Line], header: bytes = b"") -> Told:
    """Write a file."""
    file.write_bytes(header + b"".join(line.raw + b"\n" for line in lines))
    first = 1 + header.count(b"\n")
    refused = {
        line.where if line.where.startswith("x/") else f"{file}:{number}{line.where}": (line.refused, line.raw)
        for number, line in enumerate(lines, first)
        if line.post is None
    }
    return Told([line.post for line in lines if line.post], refused)


def on_kafka(settings: Settings) -> Told:
    """Write messages past our own producer, each bad one beside a good one."""
    told = Told([], {})
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "message.max.bytes": 4_000_000})

    def bad(topic: str, value: bytes | None, why: str) -> None:
        def delivered(error: KafkaError | None, sent: Message) -> None:
            assert error is None
            told.refused[f"{topic}/{sent.partition()}@{sent.offset()}"] = (why, value or b"")

        producer.produce(topic, value, on_delivery=delivered)

    def good(number: int, spelling: str, tag: str, text: str = "-") -> None:
        told.good.append(Sent(f"k{number}", DIRECT, frozenset([tag])))
        producer.produce(settings.kafka.posts, message(id=f"k{number}", tags=[spelling], text=text))
        producer.produce(settings.kafka.hashtags, use(tag))

    bad(settings.kafka.posts, None, "not a post: an empty message")
    bad(settings.kafka.hashtags, None, "not a use: ")
    for topic, values in ((settings.kafka.posts, BAD_POSTS), (settings.kafka.hashtags, BAD_USES)):
        for value, why in values.items():
            bad(topic, value, why)
            good(len(told.good), "good", "good")
    for spelling, tag in TAGS.items():
        good(len(told.good), spelling, tag)
    good(len(told.good), "large", "large", "x" * 2_000_000)
    for post in HUGE_POSTS:
        (tag,) = post.tags
        producer.produce(settings.kafka.posts, message(id=post.id, tags=[tag], created_at=DIRECT_MS + 3_600_000))
    assert producer.flush(30) == 0
    return told


def rejects() -> list[dict[str, Any]]:
    """What `trends rejects list` says."""
    told = CliRunner().invoke(main, ["rejects", "list", "--json", "--limit", "0"])
    assert told.exit_code == 0, told.output
    assert is_safe(told.stdout)
    return [json.loads(line) for line in told.stdout.splitlines()]


def is_safe(shown: str) -> bool:
    """Whether a terminal shows it and obeys none of it."""
    return not [
        each
        for each in shown
        if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and each not in "\n\u200c\u200d"
    ]


def assert_refused(expected: dict[str, tuple[str, bytes]]) -> None:
    """Exactly these are outstanding, each with its place, its reason, and its bytes whole."""
    found = rejects()
    assert Counter(each["where"] for each in found) == Counter(expected.keys())
    for each in found:
        why, raw = expected[each["where"]]
        assert why in each["reason"], each["where"]
        assert 5 < len(each["reason"]) < 300, each["where"]
        is_part = each["where"].startswith("x/") or each["where"].endswith(PART)
        assert each["bytes"] in {len(raw), len(raw) + 1} or (is_part and 0 < each["bytes"] < len(raw)), each["where"]


def assert_served(expected: Hours, monkeypatch: pytest.MonkeyPatch, **same: Any) -> None:
    """JSON has every tag whole; a table has every tag, and is safe."""
    monkeypatch.setenv("COLUMNS", "1000")
    for hour, counts in expected.items():
        most = 1_000 if hour != HUGE else 10
        answer = ask("top", "--hour", hour, "-n", str(most))
        assert [(row["tag"], row["count"]) for row in answer["top"]] == top(counts, most), hour
        assert (answer["uses"], answer["tags"]) == (counts.total(), len(counts)), hour
        assert {key: answer[key] for key in same} == same, hour
        table = CliRunner().invoke(main, ["top", "--hour", hour, "-n", str(most)])
        assert table.exit_code == 0
        assert is_safe(table.stdout), hour
        lines = table.stdout.splitlines()
        for row in answer["top"][:100]:
            assert any(f" #{printable(row['shown'])} " in line for line in lines), row["shown"]


@pytest.mark.timeout(300)
def test_hostile_input_is_counted_or_refused_with_a_reason_and_harms_no_neighbour(
    settings: Settings, settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    soon: Millis = wall_clock() + 1_800_000
    early = Line(v2("early", ["early"], str(soon)), None, "written in the future", PART)
    lines = [*beside_good(v2_lines(), STRANGE), early]
    rows = list(beside_good(csv_lines(), TABLE))
    read = written(tmp_path / "posts.jsonl", lines)
    tabled = written(tmp_path / "posts.csv", rows, b"\xef\xbb\xbfid,text,created_at\n")
    with run_topology(settings, settings_file):
        for name, told, records in (("posts.jsonl", read, lines), ("posts.csv", tabled, rows)):
            loaded = ask("ingest", "file", str(tmp_path / name))
            assert (loaded["posts"], loaded["rejects"]) == (len(told.good), len(told.refused)), name
            assert loaded["posts"] + loaded["rejects"] == len(records)
        assert_refused(read.refused | tabled.refused)
        direct = on_kafka(settings)
        until(lambda: caught_up(settings), lambda: counted(settings))
        good = [*read.good, *tabled.good, *direct.good]
        assert_served(count(good, once=False), monkeypatch, origin="speed", state="live")

    archived = json.loads(run("archive", "--until-drained", "--json"))
    refused = read.refused | tabled.refused | direct.refused
    assert_refused(refused)
    assert (archived["posts"], archived["rejected"]) == (len(good) + len(HUGE_POSTS), len(BAD_POSTS) + 1)
    run("batch", "run")
    assert_served(count([*good, *HUGE_POSTS], once=True), monkeypatch, origin="batch", state="final")
    assert ask("verify", "--all")["ok"]
    assert_retried(len(refused), monkeypatch)


def assert_retried(outstanding: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes back as it is; with a clock that may be an hour ahead, the one post of soon does."""
    as_it_is = ask("rejects", "retry")
    assert (as_it_is["retried"], as_it_is["settled"], as_it_is["failing"]) == (outstanding, 0, outstanding)
    monkeypatch.setenv("TRENDS_ARCHIVE__FUTURE_S", "3600")
    now_ahead = ask("rejects", "retry")
    assert (now_ahead["settled"], now_ahead["posts"], now_ahead["uses"]) == (1, 1, 1)
    assert len(rejects()) == outstanding - 1
