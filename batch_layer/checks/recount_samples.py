"""Recount of samples: each sampled post looked up among the hour's archived posts, and each sample found again plainly.

It shares only the rule and the order of posts with the batch layer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from batch_layer.archive.avro import Record
from batch_layer.checks.finding import Finding, not_compared
from batch_layer.samples import MOST_TAGS, SPELLINGS, order_of
from config.quantity import quantity
from ingest.rule.escapes import author_text
from ingest.rule.hashtags import Rule
from serving.views.documents import HourDocument

_COMPUTE = "`trends batch hour {hour}` computes it again; if it differs then too, report it"
_Place = tuple[str, int, int]
"""Archive, partition, offset."""


def compare_samples(
    document: Mapping[str, Any], own: HourDocument, posts: Iterable[Record], archives: Sequence[str], rule: Rule
) -> Finding:
    """Compare an hour's document of samples with its posts, as `compare_batch` does. `archives`: ids by `era`."""
    source = document["source"]
    where = f"{document['hour']}, samples" + ("" if source is None else f" of {source}")
    if own["dirty"] or not own["complete"] or own["token"] != document["token"]:
        return not_compared("provisional, it will be computed again", where)
    if document["rule"] != rule.version:
        return not_compared(f"made by rule {document['rule']}, which is not known here; {rule.version} is", where)
    arrived = _first_arrivals(each for each in posts if source in (None, each["source"]))
    try:
        wrong, sampled = _differences(document, arrived, archives, rule)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        wrong, sampled = f"damaged document: {type(error).__name__}: {error}"[:200], 0
    if wrong:
        return Finding(False, wrong, where, _COMPUTE.format(hour=document["hour"]))
    of_tags = quantity(len(document["tags"]), "tag")
    what = f"{quantity(sampled, 'post')} of {of_tags}, as recounted by rule {rule.version}"
    return Finding(True, what, where)


def _first_arrivals(posts: Iterable[Record]) -> list[Record]:
    first: dict[tuple[str, str], Record] = {}
    for post in sorted(posts, key=lambda each: (each.get("era", 0), each["partition"], each["offset"])):
        first.setdefault((post["source"], post["id"]), post)
    return list(first.values())


def _differences(
    document: Mapping[str, Any], arrived: Sequence[Record], archives: Sequence[str], rule: Rule
) -> tuple[str, int]:
    """The first difference, empty where there is none, and the number of sampled posts."""
    having: dict[str, list[tuple[int, _Place]]] = {}
    spelled: dict[str, Counter[str]] = {}
    together: dict[str, Counter[str]] = {}
    for post in arrived:
        used = rule.tags(author_text(post["source"], post["text"]), post["tags"])
        place = (archives[post.get("era", 0)], post["partition"], post["offset"])
        for tag, shown in used.items():
            having.setdefault(tag, []).append((order_of(post["source"], post["id"]), place))
            spelled.setdefault(tag, Counter())[shown] += 1
            together.setdefault(tag, Counter()).update(used.keys() - {tag})
    ranked = sorted(having, key=lambda tag: (-len(having[tag]), tag))[:MOST_TAGS]
    found = [each["tag"] for each in document["tags"]]
    if found != ranked[: len(found)] or (not found and ranked):
        return "it samples other tags than those that rank first", 0
    sampled = 0
    for each in document["tags"]:
        tag, of_document = each["tag"], document["archives"]
        posts = [(order, (of_document[era], *at)) for order, era, *at in each["posts"]]
        sampled += len(posts)
        if posts != sorted(having[tag])[: document["most"]]:
            return f"the sampled posts of {tag[:60]!r} are not those that a recount finds", sampled
        if each["uses"] != len(having[tag]) or _more_than(each["spellings"], spelled[tag]):
            return f"uses or spellings of {tag[:60]!r} differ", sampled
        if any(both > together[tag][other] for other, _, both, _ in each["related"]):
            return f"posts with {tag[:60]!r} and a related tag are fewer than it says", sampled
    return "", sampled


def _more_than(spellings: Sequence[Sequence[Any]], counted: Mapping[str, int]) -> bool:
    return len(spellings) > SPELLINGS or any(counted.get(shown) != count for shown, count in spellings)
