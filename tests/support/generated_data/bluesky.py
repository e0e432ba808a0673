"""A capture of Jetstream: 0.3 s of everything that it sends, of which posts are a small part."""

from random import Random
from typing import Any

from ingest.hours import iso
from ingest.sources.sample.text import TextMaker

EVENTS = 152
POSTS = range(3, 150, 9)
"""The numbers of the events that are posts: 17, as in a recorded capture of that length."""
_SINCE_US = 1_783_175_888_000_000
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_OTHERS = ("app.bsky.feed.like",) * 8 + ("app.bsky.feed.repost", "app.bsky.graph.follow")


def capture() -> list[dict[str, Any]]:
    """The events, in their order."""
    random, texts = Random(17), TextMaker()
    events = []
    for number in range(EVENTS):
        did, time_us = _did(random), _SINCE_US + 2_000 * number + random.randrange(1_500)
        head = {"did": did, "time_us": time_us}
        if number == EVENTS - 2:
            about = {"did": did, "seq": 31_527_015_470, "time": iso(time_us // 1000)}
            events.append(head | {"kind": "identity", "identity": about})
        elif number == EVENTS - 1:
            about = {"active": True, "did": did, "seq": 31_527_015_471, "time": iso(time_us // 1000)}
            events.append(head | {"kind": "account", "account": about})
        else:
            events.append(head | {"kind": "commit", "commit": _commit(random, texts, number, time_us)})
    return events


def _commit(random: Random, texts: TextMaker, number: int, time_us: int) -> dict[str, Any]:
    created_at = iso(time_us // 1000 - random.randrange(3_000))
    if number in POSTS:
        return _creation(random, "app.bsky.feed.post", _post(random, texts, created_at))
    if number % 50 == 20:
        deletion = {"rev": _key(random), "operation": "delete", "collection": random.choice(_OTHERS)}
        return deletion | {"rkey": _key(random)}
    collection = random.choice(_OTHERS)
    subject: Any = _did(random)
    if not collection.startswith("app.bsky.graph"):
        subject = {"cid": _cid(random), "uri": f"at://{subject}/app.bsky.feed.post/{_key(random)}"}
    return _creation(random, collection, {"$type": collection, "createdAt": created_at, "subject": subject})


def _creation(random: Random, collection: str, record: dict[str, Any]) -> dict[str, Any]:
    names = {"rev": _key(random), "operation": "create", "collection": collection, "rkey": _key(random)}
    return names | {"record": record, "cid": _cid(random)}


def _post(random: Random, texts: TextMaker, created_at: str) -> dict[str, Any]:
    lang, text = texts.make(random, burst=None)
    record = {"$type": "app.bsky.feed.post", "createdAt": created_at, "langs": [lang], "text": text}
    facets = [_facet(text, word) for word in text.split() if word.startswith("#") and len(word) > 1]
    return record | ({"facets": facets} if facets else {})


def _facet(text: str, word: str) -> dict[str, Any]:
    """The place of a hashtag, in bytes of UTF-8."""
    start = len(text[: text.index(word)].encode())
    feature = {"$type": "app.bsky.richtext.facet#tag", "tag": word[1:]}
    return {"features": [feature], "index": {"byteEnd": start + len(word.encode()), "byteStart": start}}


def _did(random: Random) -> str:
    return f"did:plc:{''.join(random.choices(_LETTERS, k=24))}"


def _key(random: Random) -> str:
    return f"3mptb{''.join(random.choices(_LETTERS, k=8))}"


def _cid(random: Random) -> str:
    return f"bafyrei{''.join(random.choices(_LETTERS, k=52))}"
