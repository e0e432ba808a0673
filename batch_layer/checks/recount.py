"""Recount: an hour counted again the plain way, without Spark and without `rank`, and compared with a view of it.

It shares only the rules with the layers: which tags and which phrases a post uses.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from batch_layer.archive.avro import Record
from batch_layer.checks.finding import Finding, not_compared
from config.quantity import quantity
from ingest.hours import Hour
from ingest.rule.escapes import author_text
from ingest.rule.hashtags import Rule
from ingest.rule.kinds import Kind, Phrase
from ingest.rule.phrases import phrases, version
from ingest.rule.rule_text import RuleText, rebuilt
from serving.views.documents import BatchDocument, HourDocument, Lens, LensDocument, RowDocument

_BY_THIS_RULE = "`trends recompute --since {since} --until {until}` computes it by this one, then verify again"
_COMPUTE = "`trends batch hour {hour}` computes it again; if it differs then too, report it"


def recount(posts: Iterable[Record], used: Callable[[Record], Iterable[str]], once: bool) -> tuple[Counter[str], int]:
    """Uses by tag, and posts: each (source, id) once, as the batch layer counts, or as often as it arrived."""
    first: dict[object, Record] = {}
    for arrival, post in enumerate(sorted(posts, key=_arrival)):
        first.setdefault((post["source"], post["id"]) if once else arrival, post)
    return Counter(tag for post in first.values() for tag in used(post)), len(first)


def rules_by_version(texts: Iterable[RuleText], now: Rule) -> dict[str, Rule]:
    """The hashtag rules for recounts of documents: the current one, and those of the texts."""
    made = filter(None, map(rebuilt, texts))
    return {rule.version: rule for rule in (*made, now)}


def _arrival(post: Record) -> tuple[int, int, int]:
    """Sort key for the order of arrival, as in the batch layer: archive after archive."""
    return post.get("era", 0), post["partition"], post["offset"]


def compare_batch(document: HourDocument, posts: Iterable[Record], rule: Rule) -> Finding:
    """Compare an hour's document with its posts, unless another rule made it or it is provisional.

    Callers that know the rule that made it pass that rule: see `rules_by_version`.
    """
    if document["dirty"] or not document["complete"]:
        return not_compared("provisional, it will be computed again", document["hour"])
    return _compare(document, posts, _tags(rule), rule.version, document["hour"])


def compare_lens(document: LensDocument, own: HourDocument, posts: Iterable[Record], rule: Rule) -> Finding:
    """Compare an hour's document of a lens with its posts, as `compare_batch` does."""
    lens = Lens(document["kind"], document["source"])
    where = f"{document['hour']}, {lens}"
    if own["dirty"] or not own["complete"] or own["token"] != document["token"]:
        return not_compared("provisional, it will be computed again", where)
    of_lens = (post for post in posts if lens.source is None or post["source"] == lens.source)
    if lens.kind == "hashtag":
        return _compare(document, of_lens, _tags(rule), rule.version, where)
    return _compare(document, of_lens, _phrases(lens.kind), version(), where)


def _compare(
    document: BatchDocument,
    posts: Iterable[Record],
    used: Callable[[Record], Iterable[str]],
    rule: str,
    where: str,
) -> Finding:
    if document["rule"] != rule:
        hour = Hour.parse(document["hour"])
        step = _BY_THIS_RULE.format(since=hour, until=hour.plus(1))
        return not_compared(f"made by rule {document['rule']}, which is not known here; {rule} is", where, step)
    uses, count = recount(posts, used, once=True)
    document_counts = (
        document["posts"],
        document["uses"],
        document["tags"],
        _above_ties(document["top"], document["tied_beyond"]),
    )
    rows = [(tag, uses[tag]) for tag in sorted(uses, key=lambda tag: (-uses[tag], tag))]
    kept = rows[: len(document["top"])]
    tied = sum(number == kept[-1][1] for _, number in rows[len(kept) :]) if kept else len(rows)
    counted = (count, uses.total(), len(uses), (kept, tied))
    if document_counts != counted:
        what = f"the document has {document_counts[:3]} posts, uses and tags, a recount {counted[:3]}"
        step = _COMPUTE.format(hour=document["hour"])
        return Finding(False, what if document_counts[:3] != counted[:3] else "the ranking differs", where, step)
    return Finding(
        True, f"{quantity(count, 'post')}, {quantity(uses.total(), 'use')}, as recounted by rule {rule}", where
    )


def compare_speed(
    hour: str, counts: Mapping[str, int], posts: Iterable[Record], rule: Rule, kind: Kind = "hashtag"
) -> Finding:
    """Compare an hour's speed rows of a kind with its posts, repeated ones included."""
    uses, _ = recount(posts, _tags(rule) if kind == "hashtag" else _phrases(kind), once=False)
    where = hour if kind == "hashtag" else f"{hour}, {kind}s"
    if differing := {tag for tag in uses.keys() | counts.keys() if uses[tag] != counts.get(tag, 0)}:
        first = min(differing)
        what = (
            f"{quantity(len(differing), 'tag')} with another count, the first: {first[:60]!r} "
            f"counted {counts.get(first, 0):,}, sent {uses[first]:,}"
        )
        since = "the rule was corrected" if kind == "hashtag" else "`ingest.kinds` was set"
        return Finding(False, what, where, f"Report this, unless {since} since these posts came")
    return Finding(True, f"{quantity(uses.total(), 'use')} in the speed layer, as sent", where)


def compare_speed_by_any(
    hour: str, counts: Mapping[str, int], posts: Collection[Record], rules: Sequence[Rule], kind: Kind
) -> Finding:
    """The same by the first of some rules that explains the rows: speed rows hold no version of their rule."""
    found = [compare_speed(hour, counts, posts, rule, kind) for rule in (rules if kind == "hashtag" else rules[:1])]
    return next((each for each in found if each.ok), found[0])


def _phrases(kind: Phrase) -> Callable[[Record], Iterable[str]]:
    return lambda post: phrases(author_text(post["source"], post["text"]), post["lang"], [kind])[kind]


def _tags(rule: Rule) -> Callable[[Record], Iterable[str]]:
    return lambda post: rule.tags(author_text(post["source"], post["text"]), post["tags"])


def _above_ties(top: list[RowDocument], tied_beyond: int) -> tuple[list[tuple[str, int]], int]:
    return [(row["tag"], row["count"]) for row in top], tied_beyond
