"""What `trends explain` says of facts."""

from typing import Any

from ingest.hours import Hour
from serving.answers.explanation import Facts, difference, places, sentences
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


def facts(**changed: Any) -> Facts:
    batch = {"origin": "batch", "state": "final", "uses": 8, "tags": 2, "posts": 9, "rule": "1", "run": "hourly-1"}
    told: Facts = {
        "hour": str(HOUR),
        "answer": batch | {"computed_at": "2017-01-06T08:02:00Z", "kept": 2},
        "run": {"kind": "hourly", "attempt": 1, "state": "done"},
        "rule_text": None,
        "rule_now": "1",
        "archive": {
            "complete": True, "complete_until": "2017-01-06T08", "posts": 11, "read": 11, "late": 0, "sent_again": 2,
            "rejected": 0, "files": [{}], "chunks": [{}, {}],
        },
        "speed": {"behind": 0, "partitions": []},
        "gaps": [],
        "difference": None,
    }  # fmt: skip
    return told | changed


def test_an_hour_that_is_final_is_told_from_the_answer_to_its_files() -> None:
    assert sentences(facts()) == [
        "2017-01-06T07 is answered by the batch layer, final: 8 uses of 2 tags in 9 posts.",
        "It was computed at 2017-01-06T08:02:00Z by run hourly-1 (hourly, attempt 1, done), under rule 1.",
        "The archive has 11 posts of the hour, in 1 file, brought by 2 chunks of Kafka's messages.",
        "The run read 11 of them; 2 were sent again and count once.",
        "The hour is complete: no archived post of it can still be missing.",
        "The speed layer has counted everything that was sent.",
    ]


def test_what_is_late_rejected_behind_or_of_another_rule_is_told() -> None:
    archive = facts()["archive"] | {"late": 3, "rejected": 1, "complete": False}
    text = {"ignore": ["ff"], "aliases": {"nyc": "newyork"}}
    told = "\n".join(
        sentences(facts(archive=archive, rule_text=text, rule_now="1+ab", speed={"behind": 1_200}, run=None))
    )
    for part in (
        "3 came after it",
        "1 message could not be used",
        "not complete",
        "1,200 messages behind",
        "is 1+ab now: `trends recompute --since 2017-01-06T07 --until 2017-01-06T08` applies it",
        "`trends rules 1` shows the text of this rule, which leaves out #ff; counts #nyc as #newyork",
    ):
        assert part in told


def test_a_part_that_does_not_answer_hides_nothing_else() -> None:
    told = sentences(facts(archive={"error": "HDFS: gone"}, speed={"error": "Kafka: gone"}))
    assert told[0].startswith("2017-01-06T07 is answered by")
    assert "The archive could not be asked: HDFS: gone" in told
    assert "The speed layer could not be asked: Kafka: gone" in told


def test_what_a_live_source_could_not_bring_back_is_told_the_first_of_them_each() -> None:
    gap = {"source": "jetstream", "since": "2017-01-06T07:10:00Z", "until": "2017-01-06T07:20:00Z", "why": "a cut"}
    told = "\n".join(sentences(facts(gaps=[gap] * 7)))
    assert "jetstream gave nothing of 2017-01-06T07:10:00Z to 2017-01-06T07:20:00Z: a cut." in told
    assert "2 more such gaps" in told
    assert "The gaps of live sources could not be asked: gone" in sentences(facts(gaps={"error": "gone"}))


def test_an_hour_without_an_answer_says_so_first() -> None:
    nothing = {"origin": None, "state": "missing", "uses": 0, "tags": 0, "posts": None}
    assert sentences(facts(answer=nothing, run=None))[0].endswith("neither layer has anything of it.")


def test_the_layers_differ_by_tags_that_entered_left_or_have_another_count() -> None:
    seen = {"uses": 14, "tags": 3, "top": [row("a", 9), row("b", 4), row("c", 1)]}
    told = difference(seen, document(("b", 5), ("a", 4), ("d", 1), tags=3))  # type: ignore[arg-type]  # as stored
    assert told == {
        "uses": 14,
        "tags": 3,
        "entered": ["d"],
        "left": ["c"],
        "counts": [
            {"tag": "a", "speed": 9, "batch": 4},
            {"tag": "b", "speed": 4, "batch": 5},
            {"tag": "c", "speed": 1, "batch": 0},
        ],
    }
    said = sentences(facts(difference=told))
    assert "#a 9 → 4, #b 4 → 5, #c 1 → 0" in "\n".join(said)
    assert said[-2:] == ["#d entered the top 10.", "#c left the top 10."]
    assert difference(None, document(("a", 1))) is None


def test_a_count_that_the_document_did_not_keep_is_not_guessed() -> None:
    seen = {"uses": 3, "tags": 1, "top": [row("z\x1b[2J", 3)]}
    told = difference(seen, document(("b", 5), tags=700))  # type: ignore[arg-type]  # as stored
    assert told
    assert told["counts"][0]["batch"] is None
    said = "\n".join(sentences(facts(difference=told)))
    assert "→ beyond" in said
    assert "\x1b" not in said


def test_chunks_and_files_are_listed_as_far_as_they_can_be_read() -> None:
    chunks = [{"partition": 1, "start": at, "next": at + 5, "posts": 1, "read": at < 20} for at in range(0, 60, 5)]
    files = [{"path": "/trends/archive/x.avro", "posts": 12, "bytes": 3_400}]
    told = places(facts(archive=facts()["archive"] | {"chunks": chunks, "files": files}))
    assert told[0] == "chunk   partition 1, offsets 0 to 5: 1 post"
    assert told[4] == "chunk   partition 1, offsets 20 to 25: 1 post, not read by the run"
    assert told[8:] == [
        "        and 4 more: --json has all",
        "file    /trends/archive/x.avro: 12 posts, 3,400 bytes",
    ]
    assert places(facts(archive={"error": "gone"})) == []
