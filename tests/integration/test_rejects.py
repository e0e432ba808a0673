"""Rejects on a real broker: parked by every stage, listed, shown, and retried exactly once."""

import json
import threading
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer as KafkaProducer

from config.errors import NoDataError
from config.settings import IngestSettings, KafkaSettings, Settings
from ingest.kafka.dead_letters import message
from ingest.post import Post
from ingest.post_encoder import PostEncoder
from ingest.producer import Producer
from ingest.rejects.dismissal import Dismissal, DismissalCounts
from ingest.rejects.reject import Backlog, ParkedReject, backlog, outstanding_rejects, reject_at
from ingest.rejects.retry import Retry, RetryCounts
from ingest.rule.hashtags import AS_IS
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.contract import Reading
from ingest.wire import Reject, encode, use_of
from serving.cli import main
from serving.cli.commands.rejects import STAGES, rejects, stages
from serving.status.collect import rejects_status
from tests.support.kafka import committed

THEN = 1_400_000_000_000
LATER = 1_800_000_000_000
FIRST = 690_406_591_110_582_272  # written in 2016: between the two


def clock(moment: int) -> Reading:
    return Reading("x", lambda: moment, 300_000, keep_payload=True)


def park(kafka: KafkaSettings, *parked: Reject) -> None:
    producer = KafkaProducer({"bootstrap.servers": kafka.bootstrap})
    for reject in parked:
        producer.produce(**message(kafka, reject))
    assert producer.flush(20) == 0


def ingested_before_its_time(settings: Settings, file: Path) -> None:
    source = PostFiles([str(file)], clock(THEN))
    with Producer(
        settings.kafka, IngestSettings(), PostEncoder(settings.kafka, IngestSettings(), AS_IS), source.name
    ) as producer:
        assert producer.run(source, {}, threading.Event()).counts.posts == 0


def retry(settings: Settings) -> RetryCounts:
    ingest = IngestSettings(transaction_posts=2)
    encoder = PostEncoder(settings.kafka, ingest, AS_IS)
    now = clock(LATER).now
    return Retry(settings.kafka, ingest, encoder, stages(settings, encoder, now)).run(threading.Event())


def test_every_stage_that_parks_rejects_reads_them_again(settings: Settings) -> None:
    encoder = PostEncoder(settings.kafka, settings.ingest, AS_IS)
    assert tuple(stages(settings, encoder, clock(LATER).now)) == STAGES


def test_what_can_be_read_now_is_written_once_and_the_rest_stays(settings: Settings, tmp_path: Path) -> None:
    kafka = settings.kafka
    (tmp_path / "a.csv").write_bytes(f"text,id\nhello #a #b,{FIRST}\nhello,{FIRST + 1}\nshort\n".encode())
    ingested_before_its_time(settings, tmp_path / "a.csv")
    late = Post("9", "x", LATER - 1, THEN, "#never")
    park(
        kafka,
        Reject(encode(late), "archive", "written in the future", "posts/0@1"),
        Reject(encode(use_of(late, "never", "never")), "speed", "?", "hashtags/0@1"),
        Reject(b"\xff", "speed", "not a use", "hashtags/0@2"),
        Reject(b"?", "elsewhere", "?", "?"),
        Reject(b"cut", "ingest", "a post of 9 bytes", "x/1"),
    )
    assert len(list(outstanding_rejects(kafka))) == 8
    assert retry(settings) == RetryCounts(retried=8, settled=4, failing=4, posts=3, uses=3)
    assert Counter(found.key() for found in committed(kafka.bootstrap, kafka.posts)) == Counter(
        [str(FIRST).encode(), str(FIRST + 1).encode(), b"9"]
    )
    assert Counter(found.key() for found in committed(kafka.bootstrap, kafka.hashtags)) == Counter(
        [b"a", b"b", b"never"]
    )
    left = list(outstanding_rejects(kafka))
    assert [(parked.reject.stage, parked.reject.attempts) for parked in left] == [
        ("ingest", 2), ("speed", 2), ("elsewhere", 2), ("ingest", 2),
    ]  # fmt: skip
    assert left[-1].reject.reason == "a post of 9 bytes"
    assert retry(settings) == RetryCounts(retried=4, settled=0, failing=4)
    assert [parked.reject.attempts for parked in outstanding_rejects(kafka)] == [3, 3, 3, 3]
    assert len(committed(kafka.bootstrap, kafka.posts)) == 3


def test_nothing_to_retry_is_no_error(settings: Settings) -> None:
    assert retry(settings) == RetryCounts()
    assert list(outstanding_rejects(settings.kafka)) == []


def test_a_list_and_a_reject_are_shown_so_that_no_terminal_obeys_them(settings: Settings) -> None:
    park(settings.kafka, Reject(b"\x1b[2J\xff\x00\n", "ingest", "not \x07 UTF-8", "a.csv:3"))
    park(settings.kafka, Reject(b"{", "speed", "cut", "hashtags/1@7"))

    def typed(*words: str) -> str:
        result = CliRunner().invoke(rejects, words, obj=settings, catch_exceptions=False, **main.context_settings)
        assert result.exit_code == 0
        return result.stdout

    lines = typed("list").splitlines()
    assert len(lines) == 2
    assert lines[0] == "0@0\tingest\tnot \\u0007 UTF-8\ta.csv:3\t\\u001b[2J\\xff\\u0000\\u000a"
    assert typed("list", "--stage", "speed").startswith("0@1\tspeed")
    assert typed("list", "--limit", "1").count("\n") == 1
    shown = json.loads(typed("show", "0@0", "--json"))
    assert (shown["stage"], shown["bytes"], shown["base64"]) == ("ingest", 7, "G1sySv8ACg==")
    assert "\x1b" not in typed("show", "0@0")
    assert reject_at(settings.kafka, 0, 1).reject.where == "hashtags/1@7"


@pytest.mark.parametrize(("partition", "offset"), [(0, 99), (7, 0)])
def test_a_reject_that_is_not_there_is_no_data(settings: Settings, partition: int, offset: int) -> None:
    with pytest.raises(NoDataError):
        reject_at(settings.kafka, partition, offset)


def aged(kafka: KafkaSettings, *ages: int) -> None:
    """Rejects of stages that nobody reads again, refused first at some moments."""
    park(kafka, *(Reject(str(at).encode(), "ingest", "?", f"a.csv:{at}", parked_at=at) for at in ages))


def test_a_retry_does_not_make_a_reject_younger(settings: Settings) -> None:
    kafka = settings.kafka
    park(kafka, Reject(b"cut", "ingest", "a post of 9 bytes", "x/1"))
    (before,) = outstanding_rejects(kafka)
    assert before.reject.parked_at is None, "as earlier releases wrote them: the time of its message"
    retry(settings)
    (after,) = outstanding_rejects(kafka)
    assert (after.at, after.reject.attempts) == (before.at, 2)
    assert after.offset > before.offset
    assert backlog(kafka) == Backlog(1, before.at)


def test_what_is_dismissed_is_settled_and_all_else_keeps_its_age_and_its_attempts(settings: Settings) -> None:
    kafka = settings.kafka
    aged(kafka, 1_000, 2_000, 3_000, 4_000)
    told = trends("dismiss", "0@0", "0@2", settings=settings)
    assert told.stderr == "2 rejects dismissed, 2 outstanding\n"
    left = list(outstanding_rejects(kafka))
    assert sorted((parked.at, parked.reject.raw, parked.reject.attempts) for parked in left) == [
        (2_000, b"2000", 1),
        (4_000, b"4000", 1),
    ]
    assert left[0].offset == 3, "what lies behind the last one that was named is not moved"
    assert reject_at(kafka, 0, 2).reject.raw == b"3000", "it can still be shown"
    gone = trends("dismiss", "0@0", settings=settings, exits=3)
    assert "not outstanding: 0@0" in str(gone.exception)
    assert len(list(outstanding_rejects(kafka))) == 2
    assert json.loads(trends("dismiss", "--all", "--json", settings=settings).stdout) == {
        "dismissed": 2,
        "outstanding": 0,
    }
    assert list(outstanding_rejects(kafka)) == []
    assert trends("list", settings=settings).stderr == "No rejects\n"


def test_a_stage_is_dismissed_by_its_name_and_a_dismissal_names_what_it_settles(settings: Settings) -> None:
    kafka = settings.kafka
    park(kafka, Reject(b"a", "archive", "?", "posts/0@1"), Reject(b"b", "speed", "?", "hashtags/0@1"))
    assert trends("dismiss", "--stage", "archive", settings=settings).stderr == "1 reject dismissed, 1 outstanding\n"
    assert [parked.reject.stage for parked in outstanding_rejects(kafka)] == ["speed"]
    for words in ([], ["0@1", "--all"], ["--all", "--stage", "speed"], ["nowhere"]):
        assert trends("dismiss", *words, settings=settings, exits=2).exception


def test_a_dismissal_that_ends_in_the_middle_has_lost_and_doubled_nothing(settings: Settings) -> None:
    kafka = settings.kafka
    aged(kafka, *range(1_000, 1_006))
    stop = threading.Event()

    def chosen(parked: ParkedReject) -> bool:
        if looked[parked.offset] and parked.offset == 1:  # it settles the first two now
            stop.set()
        looked[parked.offset] += 1
        return parked.at % 2 == 0

    looked: Counter[int] = Counter()
    done = Dismissal(kafka, IngestSettings(transaction_posts=2)).run(chosen, stop)
    assert done == DismissalCounts(1, 5)
    assert sorted(parked.at for parked in outstanding_rejects(kafka)) == [1_001, 1_002, 1_003, 1_004, 1_005]
    assert Dismissal(kafka, IngestSettings()).run(lambda parked: parked.at % 2 == 0, threading.Event()).dismissed == 2
    assert sorted(parked.at for parked in outstanding_rejects(kafka)) == [1_001, 1_003, 1_005]


def test_status_and_list_agree_where_markers_of_transactions_lie_between(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(b"text,id\nshort\n")
    (tmp_path / "b.csv").write_bytes(b"text,id\nshort\nshort\n")
    for name in ("a.csv", "b.csv"):
        ingested_before_its_time(settings, tmp_path / name)
    park(settings.kafka, Reject(b"a", "archive", "?", "posts/0@1"))
    assert trends("list", settings=settings).stderr == "4 of 4 rejects\n"
    facts = rejects_status(settings)
    assert (facts.outstanding, facts.exact) == (4, True)
    monkeypatch.setattr("ingest.rejects.reject._COUNT_LIMIT", 2)
    found = backlog(settings.kafka)
    assert not found.exact
    assert found.outstanding >= 4


def test_one_reject_reads_right(settings: Settings) -> None:
    park(settings.kafka, Reject(b"a", "archive", "?", "posts/0@1"))
    assert trends("list", settings=settings).stderr == "1 of 1 reject\n"


def trends(*words: str, settings: Settings, exits: int = 0) -> Result:
    told = CliRunner().invoke(rejects, words, obj=settings, **main.context_settings)
    code = getattr(told.exception, "exit_code", told.exit_code)
    assert code == exits, told.output
    return told
