"""Rulebook: the text of each version of the rule, in the collection `rules`, and the hours that have each.

Promises
    A run of the batch layer writes the text of its version before it publishes the first document of that version.
    A text is written once and never changed: whoever publishes first under a version decides.
    A document of an earlier release may have a version without a text.

    {_id: version, finds, ignore: [tag], aliases: [[tag, other]], code: [[module, source]], kept_at}
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from ingest.hours import Hour, Millis, moment_of
from ingest.rule.rule_text import RuleText
from serving.views.client import Document, mongo_errors
from serving.views.documents import HOURS, LENSES, RULES
from serving.views.store import Store


class Entry(NamedTuple):
    """A text and its time."""

    text: RuleText
    kept_at: datetime


class Use(NamedTuple):
    """The hours of a version."""

    version: str
    hours: int
    first: Hour
    last: Hour


def store_texts(store: Store, texts: Iterable[RuleText], now: Millis) -> None:
    """Store the texts that are missing."""
    for text in texts:
        entry = {"$setOnInsert": _document(text) | {"kept_at": moment_of(now)}}
        with mongo_errors():
            store.collection(RULES).update_one({"_id": text.version}, entry, upsert=True)


def entries(store: Store, version: str | None = None) -> dict[str, Entry]:
    """The texts by version; or that of one version."""
    wanted = {} if version is None else {"_id": version}
    with mongo_errors():
        return {each["_id"]: Entry(_text(each), each["kept_at"]) for each in store.collection(RULES).find(wanted)}


def uses(store: Store) -> list[Use]:
    """The versions that documents have, by their first hours. Reads every document's version, not its rows."""
    found: dict[str, Use] = {}
    for name in (HOURS, LENSES):
        hours_of = {"_id": {"rule": "$rule", "hour": "$hour"}}
        of_rule = {"_id": "$_id.rule", "hours": {"$sum": 1}, "first": {"$min": "$_id.hour"}}
        stages: list[Document] = [
            {"$group": hours_of},
            {"$group": of_rule | {"last": {"$max": "$_id.hour"}}},
        ]
        with mongo_errors():
            for each in store.collection(name).aggregate(stages, allowDiskUse=True):
                use = Use(each["_id"], each["hours"], Hour.parse(each["first"]), Hour.parse(each["last"]))
                found.setdefault(use.version, use)
    return sorted(found.values(), key=lambda use: (use.first, use.version))


def _document(text: RuleText) -> Document:
    """The document of a text: pairs, since names of fields may not hold every character."""
    return {
        "finds": text.finds,
        "ignore": list(text.ignore),
        "aliases": [list(pair) for pair in text.aliases.items()],
        "code": [list(pair) for pair in text.code.items()],
    }


def _text(document: Document) -> RuleText:
    return RuleText(
        document["_id"],
        document["finds"],
        dict(document["code"]),
        tuple(document["ignore"]),
        dict(document["aliases"]),
    )
