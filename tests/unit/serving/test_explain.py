"""What `trends explain` says of facts."""

from dataclasses import replace
from typing import Any

from ingest.hours import Hour
from serving.answers.explanation import (
    AnswerSource,
    ArchivedHour,
    BatchAnswer,
    CountChange,
    Explanation,
    HourChunk,
    HourFile,
    LayerDifference,
    RuleCorrections,
    RunOfHour,
    SourceGap,
    SpeedLag,
    Unknown,
    layer_difference,
)
from serving.render.explanation import chunks_and_files, sentences
from serving.views.documents import BatchView, Row, RowDocument, hour_document

HOUR = Hour.parse("2017-01-06T07")


def row(tag: str, count: int) -> RowDocument:
    return {"tag": tag, "shown": tag, "count": count}


def document(*rows: tuple[str, int], tags: int | None = None) -> Any:
    made = tuple(Row(tag, tag, count) for tag, count in rows)
    uses = sum(count for _, count in rows)
    return hour_document(
        BatchView(HOUR, made, 0, uses, tags or len(rows), 9, "1", "hourly-1", 3, (7,), True, False, HOUR.end_ms)
    )


CHUNK = HourChunk(0, 0, 9, 1, 0, read=True)
FILE = HourFile("/trends/archive/x.avro", 12, 3_400)
ARCHIVE = ArchivedHour(
    complete=True, complete_until="2017-01-06T08", posts=11, read=11, late=0, sent_again=2, rejected=0, files=[FILE],
    chunks=[CHUNK, CHUNK],
)  # fmt: skip


def explanation(**changes: Any) -> Explanation:
    whole = Explanation(
        hour=str(HOUR),
        answer=BatchAnswer("batch", "final", 8, 2, 9, "1", "hourly-1", "2017-01-06T08:02:00Z", 2),
        run=RunOfHour("hourly", "1", 1, "done", "2017-01-06T08:01:00Z"),
        rule_text=None,
        rule_now="1",
        archive=ARCHIVE,
        speed=SpeedLag(0, []),
        gaps=[],
        difference=None,
    )
    return replace(whole, **changes)


def test_an_hour_that_is_final_is_told_from_the_answer_to_its_files() -> None:
    assert sentences(explanation()) == [
        "The batch layer answers 2017-01-06T07, final: 8 uses of 2 tags in 9 posts.",
        "Run hourly-1 (hourly, attempt 1, done) computed it at 2017-01-06T08:02:00Z, under rule 1.",
        "The archive has 11 posts of the hour, in 1 file, from 2 chunks of Kafka's messages.",
        "The run read 11 of them; 2 were duplicates and count once.",
        "The hour is complete: all its posts are archived.",
        "The speed layer has counted everything in Kafka.",
    ]


def test_what_is_late_rejected_behind_or_of_another_rule_is_told() -> None:
    archive = replace(ARCHIVE, late=3, rejected=1, complete=False)
    text = RuleCorrections(["ff"], {"nyc": "newyork"})
    told = "\n".join(
        sentences(explanation(archive=archive, rule_text=text, rule_now="1+ab", speed=SpeedLag(1_200, []), run=None))
    )
    for part in (
        "3 came after it",
        "1 message that the archive rejected",
        "not complete",
        "1,200 messages behind",
        "is 1+ab now: `trends recompute --since 2017-01-06T07 --until 2017-01-06T08` applies it",
        "`trends rules 1` shows the text of this rule, which leaves out #ff; counts #nyc as #newyork",
    ):
        assert part in told


def test_a_part_that_does_not_answer_hides_nothing_else() -> None:
    told = sentences(explanation(archive=Unknown("HDFS: gone"), speed=Unknown("Kafka: gone")))
    assert told[0].startswith("The batch layer answers 2017-01-06T07")
    assert "The archive did not answer: HDFS: gone" in told
    assert "The speed layer's lag is unknown: Kafka: gone" in told


def test_what_a_live_source_could_not_bring_back_is_told_the_first_of_them_each() -> None:
    gap = SourceGap("jetstream", "2017-01-06T07:10:00Z", "2017-01-06T07:20:00Z", "a cut")
    told = "\n".join(sentences(explanation(gaps=[gap] * 7)))
    assert "jetstream delivered nothing from 2017-01-06T07:10:00Z to 2017-01-06T07:20:00Z: a cut." in told
    assert "2 more such gaps" in told
    assert "The gaps of live sources are unknown: gone" in sentences(explanation(gaps=Unknown("gone")))


def test_an_hour_without_an_answer_says_so_first() -> None:
    nothing = AnswerSource(None, "missing", 0, 0, None)
    assert sentences(explanation(answer=nothing, run=None))[0].endswith("neither layer has data for it.")


def test_the_layers_differ_by_tags_that_entered_left_or_have_another_count() -> None:
    seen = {"uses": 14, "tags": 3, "top": [row("a", 9), row("b", 4), row("c", 1)]}
    told = layer_difference(seen, document(("b", 5), ("a", 4), ("d", 1), tags=3))  # type: ignore[arg-type]  # as stored
    changes = [CountChange("a", 9, 4), CountChange("b", 4, 5), CountChange("c", 1, 0)]
    assert told == LayerDifference(uses=14, tags=3, entered=["d"], left=["c"], counts=changes)
    said = sentences(explanation(difference=told))
    assert "#a 9 → 4, #b 4 → 5, #c 1 → 0" in "\n".join(said)
    assert said[-2:] == ["#d entered the top 10.", "#c left the top 10."]
    assert layer_difference(None, document(("a", 1))) is None


def test_a_count_that_the_document_did_not_keep_is_not_guessed() -> None:
    seen = {"uses": 3, "tags": 1, "top": [row("z\x1b[2J", 3)]}
    told = layer_difference(seen, document(("b", 5), tags=700))  # type: ignore[arg-type]  # as stored
    assert told
    assert told.counts[0].batch is None
    said = "\n".join(sentences(explanation(difference=told)))
    assert "→ beyond" in said
    assert "\x1b" not in said


def test_chunks_and_files_are_listed_as_far_as_they_can_be_read() -> None:
    chunks = [HourChunk(1, at, at + 5, 1, 0, read=at < 20) for at in range(0, 60, 5)]
    told = chunks_and_files(explanation(archive=replace(ARCHIVE, chunks=chunks)))
    assert told[0] == "chunk   partition 1, offsets 0 to 5: 1 post"
    assert told[4] == "chunk   partition 1, offsets 20 to 25: 1 post, not read by the run"
    assert told[8:] == [
        "        and 4 more: --json has all",
        "file    /trends/archive/x.avro: 12 posts, 3,400 bytes",
    ]
    assert chunks_and_files(explanation(archive=Unknown("gone"))) == []
