"""Statuses of Mastodon, as its API gives them, and a user's stream of events."""

import json
from random import Random
from typing import Any

from ingest.hours import iso
from ingest.sources.sample.text import TextMaker

VISIBILITIES = ("public",) * 39 + ("direct",) * 17 + ("unlisted",) * 4 + ("private",) * 4
"""Of the statuses, in an order of their own: as many of each as recorded answers had."""
_SINCE_MS = 1_775_000_000_000
_SERVERS = ("social.example", "tusk.example", "herd.example")


def statuses() -> list[dict[str, Any]]:
    """Statuses in no order: some a minute and a half after the one before, some a week."""
    random, texts = Random(39), TextMaker()
    visibilities, at_ms, found = list(VISIBILITIES), _SINCE_MS, []
    random.shuffle(visibilities)
    for visibility in visibilities:
        at_ms += int(90_000 * 10 ** (3.8 * random.random()))
        lang, text = texts.make(random, burst=None)
        found.append(_status(random, at_ms, visibility, lang, text))
    random.shuffle(found)
    return found


def user_stream(*, private: bool) -> bytes:
    """Server-sent events: a public status, and where asked one for a single reader, an edit and a deletion."""
    random = Random(private)
    public = _status(random, _SINCE_MS + 1_000 * private, "public", "en", "a #quiet evening")
    events = [("update", json.dumps(public))]
    if private:
        note = {"id": "14", "type": "mention", "created_at": public["created_at"], "account": public["account"]}
        direct = _status(random, _SINCE_MS + 5_000, "direct", "en", "for you alone")
        edit = public | {"edited_at": iso(_SINCE_MS + 9_000), "content": "<p>a quiet evening</p>"}
        events += [
            ("notification", json.dumps(note)), ("update", json.dumps(direct)),
            ("status.update", json.dumps(edit)), ("delete", public["id"]),
        ]  # fmt: skip
    return b":)\n" + b"\n".join(f"event: {kind}\ndata: {data}\n".encode() for kind, data in events) + b"\n:\n"


def _status(random: Random, at_ms: int, visibility: str, lang: str, text: str) -> dict[str, Any]:
    """One whose server is another now and then; the id says when it came to this one."""
    server, name, id_ = random.choice(_SERVERS), f"user{random.randrange(30)}", str((at_ms << 16) + random.randrange(9))
    user = f"https://{server}/users/{name}"
    tags = {word[1:].strip("!").lower() for word in text.split() if word.startswith("#") and len(word) > 1}
    return {
        "id": id_, "created_at": iso(at_ms), "in_reply_to_id": None, "sensitive": False, "spoiler_text": "",
        "visibility": visibility, "language": lang, "uri": f"{user}/statuses/{id_}", "url": f"{user}/{id_}",
        "replies_count": 0, "reblogs_count": 0, "favourites_count": 0, "edited_at": None, "reblog": None,
        "content": f"<p>{text}</p>",
        "account": {"id": "7", "username": name, "acct": f"{name}@{server}", "bot": False, "url": user},
        "media_attachments": [], "mentions": [], "emojis": [], "card": None, "poll": None,
        "tags": [{"name": tag, "url": f"https://{server}/tags/{tag}"} for tag in sorted(tags)],
    }  # fmt: skip
