"""Explain: the facts of where an hour's answer came from, as sentences, and how the two layers differed. Pure.

`serving.status.provenance` gathers the facts. Each part of them that could not be asked is `{"error": why}`.
"""

from collections.abc import Iterator
from typing import Any

from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import Hour
from serving.answers.rule_versions import corrections, recompute
from serving.views.documents import FIRST, HourDocument, SpeedSeen

Facts = dict[str, Any]
_NAMED = 5
"""Tags that a sentence names."""
_LONGEST = 300
"""Characters of a rule's corrections."""
_LISTED = 8
"""Chunks, and files, that are listed."""


def difference(seen: SpeedSeen | None, document: HourDocument) -> Facts | None:
    """What the speed layer had of an hour, beside its document; None where it had nothing.

    `{"uses","tags","entered","left","counts":[{"tag","speed","batch"}]}`: of the first ten, and of the speed layer's
    first ten those with another count; `batch` is None where the document keeps only its first tags and lacks this one.
    """
    if seen is None:
        return None
    batch = {row["tag"]: row["count"] for row in document["top"]}
    beyond = 0 if len(batch) == document["tags"] else None
    speed = {row["tag"]: row["count"] for row in seen["top"]}
    first = [row["tag"] for row in document["top"][:FIRST]]
    return {
        "uses": seen["uses"],
        "tags": seen["tags"],
        "entered": [tag for tag in first if tag not in speed],
        "left": [tag for tag in speed if tag not in first],
        "counts": [
            {"tag": tag, "speed": count, "batch": batch.get(tag, beyond)}
            for tag, count in speed.items()
            if batch.get(tag, beyond) != count
        ],
    }


def sentences(facts: Facts) -> list[str]:
    """The facts as somebody would tell them, most important first."""
    return [
        *_answer(facts["hour"], facts["answer"]),
        *_run(facts),
        *_archive(facts["archive"], facts["answer"]),
        *_gaps(facts["gaps"]),
        *_speed(facts["speed"]),
        *_difference(facts),
    ]


def places(facts: Facts) -> list[str]:
    """The chunks and files behind an answer, a line each, the first of them."""
    archive = facts["archive"]
    if "error" in archive:
        return []
    chunks = [
        f"chunk   partition {each['partition']}, offsets {each['start']} to {each['next']}: "
        f"{quantity(each['posts'], 'post')}{'' if each['read'] else ', not read by the run'}"
        for each in archive["chunks"]
    ]
    files = [
        f"file    {each['path']}: {quantity(each['posts'], 'post')}, {quantity(each['bytes'], 'byte')}"
        for each in archive["files"]
    ]
    return [*_first(chunks), *_first(files)]


def _first(lines: list[str]) -> list[str]:
    rest = len(lines) - _LISTED
    return lines[:_LISTED] + ([f"        and {rest:,} more: --json has all"] if rest > 0 else [])


def _answer(hour: str, answer: Facts) -> Iterator[str]:
    if answer["origin"] is None:
        yield f"{hour} has no answer: neither layer has anything of it."
        return
    posts = f" in {quantity(answer['posts'], 'post')}" if answer["posts"] is not None else ""
    totals = f"{quantity(answer['uses'], 'use')} of {quantity(answer['tags'], 'tag')}{posts}"
    yield f"{hour} is answered by the {answer['origin']} layer, {answer['state']}: {totals}."
    if answer["origin"] == "batch" and answer["kept"] < answer["tags"]:
        yield f"Its document keeps the first {quantity(answer['kept'], 'tag')}; totals are of all."
    if answer["origin"] == "speed":
        yield "The speed layer counts a post as often as it was sent; the batch layer will count it once."


def _run(facts: Facts) -> Iterator[str]:
    answer, run = facts["answer"], facts["run"]
    if answer["origin"] != "batch":
        return
    by = f"run {answer['run']}"
    if run is not None:
        by += f" ({run['kind']}, attempt {run['attempt']}, {run['state']})"
    yield f"It was computed at {answer['computed_at']} by {by}, under rule {answer['rule']}."
    if facts["rule_text"]:
        says = corrections(facts["rule_text"]["ignore"], facts["rule_text"]["aliases"])
        named = f", which {printable(says, _LONGEST)}" if says else ""
        yield f"`trends rules {answer['rule']}` shows the text of this rule{named}."
    if answer["rule"] != facts["rule_now"]:
        hour = Hour.parse(facts["hour"])
        yield f"The rule is {facts['rule_now']} now: `{recompute(hour, hour.plus(1))}` applies it."


def _archive(archive: Facts, answer: Facts) -> Iterator[str]:
    if "error" in archive:
        yield f"The archive could not be asked: {archive['error']}"
        return
    files, chunks = len(archive["files"]), len(archive["chunks"])
    yield (
        f"The archive has {quantity(archive['posts'], 'post')} of the hour, in {quantity(files, 'file')}, "
        f"brought by {quantity(chunks, 'chunk')} of Kafka's messages."
    )
    if answer["origin"] == "batch":
        yield f"The run read {archive['read']:,} of them; {archive['sent_again']:,} were sent again and count once."
        if archive["late"]:
            yield f"{archive['late']:,} came after it: the next run of the batch layer computes the hour again."
    if archive["rejected"]:
        messages = quantity(archive["rejected"], "message")
        yield f"In the same chunks {messages} could not be used, of whatever hour: see `trends rejects list`."
    if archive["complete"]:
        yield "The hour is complete: no archived post of it can still be missing."
    else:
        yield f"The hour is not complete: the archive has everything up to {archive['complete_until']}, exclusive."


def _gaps(gaps: list[Facts] | Facts) -> Iterator[str]:
    if isinstance(gaps, dict):
        yield f"The gaps of live sources could not be asked: {gaps['error']}"
        return
    for gap in gaps[:_NAMED]:
        yield f"Posts may be missing: {gap['source']} gave nothing of {gap['since']} to {gap['until']}: {gap['why']}."
    if len(gaps) > _NAMED:
        yield f"There are {len(gaps) - _NAMED} more such gaps: see --json."


def _speed(speed: Facts) -> Iterator[str]:
    if "error" in speed:
        yield f"The speed layer could not be asked: {speed['error']}"
    elif speed["behind"]:
        yield f"The speed layer is up to {quantity(speed['behind'], 'message')} behind, of whatever hour."
    else:
        yield "The speed layer has counted everything that was sent."


def _difference(facts: Facts) -> Iterator[str]:
    told = facts["difference"]
    if told is None:
        return
    yield (
        f"Before that the speed layer had answered {quantity(told['uses'], 'use')} of {quantity(told['tags'], 'tag')}; "
        f"the batch layer found {facts['answer']['uses']:,} of {facts['answer']['tags']:,}."
    )
    if told["counts"]:
        named = [
            f"#{printable(each['tag'])} {each['speed']:,} → {'beyond' if each['batch'] is None else each['batch']}"
            for each in told["counts"][:_NAMED]
        ]
        more = f" and {len(told['counts']) - _NAMED} more" if len(told["counts"]) > _NAMED else ""
        yield f"Of its first ten these changed: {', '.join(named)}{more}."
        for verb in ("entered", "left"):
            if told[verb]:
                yield f"{' '.join(f'#{printable(tag)}' for tag in told[verb])} {verb} the top {FIRST}."
    elif told["uses"] == facts["answer"]["uses"]:
        yield "Both layers agreed."
