"""An explanation of an hour's answer as sentences, and the chunks and files behind it as lines. Pure."""

from collections.abc import Iterator

from config.quantity import quantity
from config.terminal_text import printable
from ingest.hours import Hour
from serving.answers.explanation import (
    AnswerSource,
    ArchivedHour,
    BatchAnswer,
    Explanation,
    SourceGap,
    SpeedLag,
    Unknown,
)
from serving.answers.rule_versions import corrections, recompute
from serving.views.documents import FIRST

_NAMED = 5
"""Tags that a sentence names."""
_LONGEST = 300
"""Characters of a rule's corrections."""
_LISTED = 8
"""Chunks, and files, in the list."""


def sentences(explanation: Explanation) -> list[str]:
    """The explanation in words, most important first."""
    return [
        *_answer(explanation.hour, explanation.answer),
        *_run(explanation),
        *_archive(explanation.archive, explanation.answer),
        *_gaps(explanation.gaps),
        *_speed(explanation.speed),
        *_difference(explanation),
    ]


def chunks_and_files(explanation: Explanation) -> list[str]:
    """The first chunks and files behind an answer, one a line."""
    archive = explanation.archive
    if isinstance(archive, Unknown):
        return []
    chunks = [
        f"chunk   partition {each.partition}, offsets {each.start} to {each.next}: "
        f"{quantity(each.posts, 'post')}{'' if each.read else ', not read by the run'}"
        for each in archive.chunks
    ]
    files = [
        f"file    {each.path}: {quantity(each.posts, 'post')}, {quantity(each.bytes, 'byte')}" for each in archive.files
    ]
    return [*_first(chunks), *_first(files)]


def _first(lines: list[str]) -> list[str]:
    rest = len(lines) - _LISTED
    return lines[:_LISTED] + ([f"        and {rest:,} more: --json has all"] if rest > 0 else [])


def _answer(hour: str, answer: AnswerSource) -> Iterator[str]:
    if answer.origin is None:
        yield f"{hour} has no answer: neither layer has data for it."
        return
    posts = f" in {quantity(answer.posts, 'post')}" if answer.posts is not None else ""
    totals = f"{quantity(answer.uses, 'use')} of {quantity(answer.tags, 'tag')}{posts}"
    yield f"The {answer.origin} layer answers {hour}, {answer.state}: {totals}."
    if isinstance(answer, BatchAnswer) and answer.kept < answer.tags:
        yield f"Its document keeps the first {quantity(answer.kept, 'tag')}; totals are of all."
    if answer.origin == "speed":
        yield "The speed layer counts a post as often as it was sent; the batch layer will count it once."


def _run(explanation: Explanation) -> Iterator[str]:
    answer, run = explanation.answer, explanation.run
    if not isinstance(answer, BatchAnswer):
        return
    by = f"Run {answer.run}"
    if run is not None:
        by += f" ({run.kind}, attempt {run.attempt}, {run.state})"
    yield f"{by} computed it at {answer.computed_at}, under rule {answer.rule}."
    if explanation.rule_text:
        words = corrections(explanation.rule_text.ignore, explanation.rule_text.aliases)
        effect = f", which {printable(words, _LONGEST)}" if words else ""
        yield f"`trends rules {answer.rule}` shows the text of this rule{effect}."
    if answer.rule != explanation.rule_now:
        hour = Hour.parse(explanation.hour)
        yield f"The rule is {explanation.rule_now} now: `{recompute(hour, hour.plus(1))}` applies it."


def _archive(archive: ArchivedHour | Unknown, answer: AnswerSource) -> Iterator[str]:
    if isinstance(archive, Unknown):
        yield f"The archive did not answer: {archive.error}"
        return
    files, chunks = len(archive.files), len(archive.chunks)
    yield (
        f"The archive has {quantity(archive.posts, 'post')} of the hour, in {quantity(files, 'file')}, "
        f"from {quantity(chunks, 'chunk')} of Kafka's messages."
    )
    if answer.origin == "batch":
        yield f"The run read {archive.read or 0:,} of them; {archive.sent_again or 0:,} were duplicates and count once."
        if archive.late:
            yield f"{archive.late:,} came after it: the next run of the batch layer computes the hour again."
    if archive.rejected:
        messages = quantity(archive.rejected, "message")
        yield f"The same chunks have {messages} that the archive rejected, of any hour: see `trends rejects list`."
    if archive.complete:
        yield "The hour is complete: all its posts are archived."
    else:
        yield f"The hour is not complete: the archive has everything up to {archive.complete_until}, exclusive."


def _gaps(gaps: list[SourceGap] | Unknown) -> Iterator[str]:
    if isinstance(gaps, Unknown):
        yield f"The gaps of live sources are unknown: {gaps.error}"
        return
    for gap in gaps[:_NAMED]:
        yield f"Posts may be missing: {gap.source} delivered nothing from {gap.since} to {gap.until}: {gap.why}."
    if len(gaps) > _NAMED:
        yield f"There are {len(gaps) - _NAMED} more such gaps: see --json."


def _speed(speed: SpeedLag | Unknown) -> Iterator[str]:
    if isinstance(speed, Unknown):
        yield f"The speed layer's lag is unknown: {speed.error}"
    elif speed.behind:
        yield f"The speed layer is up to {quantity(speed.behind, 'message')} behind, of any hour."
    else:
        yield "The speed layer has counted everything in Kafka."


def _difference(explanation: Explanation) -> Iterator[str]:
    difference, answer = explanation.difference, explanation.answer
    if difference is None:
        return
    yield (
        f"Before that the speed layer had {quantity(difference.uses, 'use')} of {quantity(difference.tags, 'tag')}; "
        f"the batch layer has {answer.uses:,} of {answer.tags:,}."
    )
    if difference.counts:
        changes = [
            f"#{printable(each.tag)} {each.speed:,} → {'beyond' if each.batch is None else each.batch}"
            for each in difference.counts[:_NAMED]
        ]
        more = f" and {len(difference.counts) - _NAMED} more" if len(difference.counts) > _NAMED else ""
        yield f"Of its first ten these changed: {', '.join(changes)}{more}."
        for verb, tags in (("entered", difference.entered), ("left", difference.left)):
            if tags:
                yield f"{' '.join(f'#{printable(tag)}' for tag in tags)} {verb} the top {FIRST}."
    elif difference.uses == answer.uses:
        yield "Both layers agreed."
