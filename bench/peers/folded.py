"""Folding: every such consumer turns a batch of uses into one upsert for each (hour, tag), in one bulk write."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pymongo import MongoClient, UpdateOne


def database_of(uri: str, name: str) -> Any:
    """The database of a trial; writes wait for the majority."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri, w="majority")
    return client[name]


def fold(values: Iterable[bytes]) -> Counter[tuple[str, str]]:
    """Uses by hour and tag."""
    return Counter((use["hour"], use["tag"]) for use in map(json.loads, values))


def rows(counts: Counter[tuple[str, str]]) -> list[UpdateOne]:
    """An upsert for each."""
    return [
        UpdateOne(
            {"_id": f"{hour}|{tag}"},
            {"$inc": {"count": count}, "$setOnInsert": {"hour": hour, "tag": tag}},
            upsert=True,
        )
        for (hour, tag), count in counts.items()
    ]
