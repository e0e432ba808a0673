"""The rules of X's filtered stream: kept at X, a set for each app. Those with our tag are ours; we touch no other.

https://docs.x.com/x-api/posts/filtered-stream/introduction
"""

import logging
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec

from ingest.sources.live.backoff import RefusedError, safe_text
from ingest.sources.live.http import ApiClient

logger = logging.getLogger(__name__)

PATH = "/2/tweets/search/stream/rules"
TAG = "trends"
"""Marks a rule as ours."""


class _Rule(msgspec.Struct):
    id: str
    value: str
    tag: str | None = None


class _Error(msgspec.Struct):
    title: str = ""
    detail: str = ""
    details: list[str] = []


class _Answer(msgspec.Struct):
    data: list[_Rule] = []
    errors: list[_Error] = []


async def set_rules(client: httpx.AsyncClient, api: ApiClient, values: Sequence[str]) -> None:
    """Add the missing ones of our rules, and delete the others of ours.

    Without rules, the stream uses those at X. Raises `RefusedError` if there are none, or if X refuses one.
    """
    there = await _request(client, api, None)
    if not values:
        if not there:
            raise RefusedError("the stream has no rules", where=api.where, next_step="Give one: --rule '#paris'")
        return
    ours = {rule.value: rule.id for rule in there if rule.tag == TAG}
    missing = [value for value in dict.fromkeys(values) if value not in {rule.value for rule in there}]
    if missing:
        await _request(client, api, {"add": [{"value": value, "tag": TAG} for value in missing]})
    if left := [id_ for value, id_ in ours.items() if value not in values]:
        await _request(client, api, {"delete": {"ids": left}})
    if others := len(there) - len(ours):
        logger.warning("%s: %d rules that were set elsewhere bring posts too", api.where, others)


async def _request(client: httpx.AsyncClient, api: ApiClient, change: dict[str, Any] | None) -> list[_Rule]:
    response = await (client.get(PATH) if change is None else client.post(PATH, json=change))
    api.check(response)
    try:
        answer = msgspec.json.decode(response.content, type=_Answer)
    except msgspec.MsgspecError as error:
        raise RefusedError(f"not an answer about rules: {error}", where=api.where) from None
    if answer.errors:
        reasons = "; ".join(": ".join(filter(None, (each.title, each.detail, *each.details))) for each in answer.errors)
        raise RefusedError(f"a rule is refused: {safe_text(reasons)}", where=api.where, next_step="Change --rule")
    return answer.data
