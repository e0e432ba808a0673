"""A filtered stream of X's API v2 that ends in the middle of a line."""

import json
from random import Random
from typing import Any

from ingest.hours import iso
from ingest.sources.sample.text import TextMaker

POSTS = 7
_SINCE_MS, _SNOWFLAKES_MS = 1_775_000_000_000, 1_288_834_974_657


def stream() -> bytes:
    """Seven posts, and the beginning of the next one."""
    random, texts = Random(7), TextMaker()
    lines = [json.dumps(_line(random, texts, number)).encode() + b"\r\n" for number in range(POSTS + 1)]
    return b"".join(lines[:POSTS]) + lines[POSTS][:44]


def _line(random: Random, texts: TextMaker, number: int) -> dict[str, Any]:
    at_ms = _SINCE_MS + 7_000 * number
    lang, text = texts.make(random, burst=0)
    id_ = str((at_ms - _SNOWFLAKES_MS << 22) + random.randrange(1 << 12))
    tags = [
        {"start": text.index(word), "end": text.index(word) + len(word), "tag": word[1:]}
        for word in text.split()
        if word.startswith("#") and len(word) > 1
    ]
    post = {
        "author_id": str(random.randrange(10**9)), "conversation_id": id_, "id": id_, "created_at": iso(at_ms),
        "text": text, "lang": lang, "edit_history_tweet_ids": [id_], "entities": {"hashtags": tags},
        "public_metrics": {"retweet_count": 0, "reply_count": 0, "like_count": 0, "quote_count": 0},
    }  # fmt: skip
    return {"data": post, "matching_rules": [{"id": "1", "tag": ""}]}
