"""Originals: the address of a post where it was published. Pure.

Bluesky: from the post's URI, `at://did/app.bsky.feed.post/key`. X: from its id. Mastodon: the `url` of the status,
which is in the archive if `ingest.keep_payload` kept the record, else its URI, which the author's server answers.
Generated posts, and those of sources with other names, have none.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec

_AT_URI = re.compile(r"at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/app\.bsky\.feed\.post/([A-Za-z0-9._~:-]+)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_LONGEST = 2_000
_UNSAFE = frozenset(" \\\"'<>`")


class _Status(msgspec.Struct):
    url: str | None = None
    reblog: "_Status | None" = None


def original(source: str, post_id: str, payload: str | None) -> str | None:
    """The address of a post, always of https; None where its source has none."""
    find = _ADDRESSES.get(source)
    return find(post_id, payload) if find else None


def _of_bluesky(post_id: str, _payload: str | None) -> str | None:
    found = _AT_URI.fullmatch(post_id)
    return f"https://bsky.app/profile/{found[1]}/post/{found[2]}" if found else None


def _of_x(post_id: str, _payload: str | None) -> str | None:
    return f"https://x.com/i/status/{post_id}" if _NUMBER.fullmatch(post_id) else None


def _of_mastodon(post_id: str, payload: str | None) -> str | None:
    return _https(_url_in(payload)) or _https(post_id)


def _url_in(payload: str | None) -> str | None:
    """The `url` of the status that a record holds."""
    try:
        status = msgspec.json.decode(payload or "{}", type=_Status)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return (status.reblog or status).url


def _https(address: str | None) -> str | None:
    """An address that a browser may open: of https, without blanks, a login or a control character."""
    if not address or len(address) > _LONGEST or not address.isascii() or not address.isprintable():
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    is_safe = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and not _UNSAFE & set(address)
    return address if is_safe else None


_ADDRESSES: Mapping[str, Callable[[str, str | None], str | None]] = {
    "bluesky": _of_bluesky,
    "x": _of_x,
    "mastodon": _of_mastodon,
}
