"""Api: the requests of a poll, each with its conditions (ETag, Last-Modified), its limits, and the secret of the feed.

The secret goes into its header or its parameter, to its host, and nowhere else: an error shows no query, and httpx,
which writes whole addresses at INFO, stays at WARNING.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from config.errors import BadRecordError, UsageError
from config.quantity import quantity
from config.settings.network.addresses import is_loopback
from ingest.feeds.declaration.model import HttpSource
from ingest.feeds.sources.answers import decode_answer
from ingest.feeds.sources.credential import Credential
from ingest.feeds.sources.queries import Query, path_of
from ingest.hours import Millis
from ingest.sources.live.addresses import host_of
from ingest.sources.live.backoff import DroppedError, RefusedError, safe_text
from ingest.sources.live.responses import ResponseCheck
from ingest.sources.live.service import OnBytes

MOST_ANSWER_BYTES = 32_000_000
"""Longest answer, unpacked."""
TIMEOUT_S = 20.0
"""Longest wait to connect, and for the next bytes."""
_MOST_REDIRECTS = 5
_MOST_ERROR_BYTES = 10_000
_OF_THE_BODY = {"content-encoding", "content-length", "transfer-encoding"}


@dataclass(frozen=True)
class Answer:
    """The last answer to a request, with what makes the next request conditional."""

    url: str
    conditions: Mapping[str, str]
    body: bytes
    """Without a byte order mark."""
    value: Any
    """Decoded JSON."""
    number: int
    """Another one whenever the server sends an answer; the same where it says that nothing has changed."""


class Api:
    """Asks the requests of one feed."""

    def __init__(self, source: HttpSource, credential: Credential | None, now: Callable[[], Millis]) -> None:
        """Raises `UsageError` for an address, a path or a query that can't be, or that must not get the secret."""
        scheme, host = host_of(source.url, "https", "http")
        self.where = urlsplit(source.url).netloc
        if credential and scheme == "http" and not is_loopback(host):
            raise UsageError("a secret must not be sent over http", where="source.url", next_step="Write https://…")
        self._urls = {name: source.url.rstrip("/") + path_of(name, ask.path) for name, ask in source.ask.items()}
        self._queries = {name: Query(source, name) for name in source.ask}
        self._credential = credential
        self._responses = ResponseCheck(
            self.where, credential.value if credential else None,
            f"The key is wrong, has expired, or may not do this: set {credential.names}" if credential else
            "It wants a key: give the feed's source a `secret`", now,
        )  # fmt: skip
        self._answers: dict[str, Answer] = {}
        self._number = 0
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)

    def forget(self) -> None:
        """Ask without conditions again."""
        self._answers.clear()

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        """A client for the polls of one connection."""
        async with httpx.AsyncClient(headers={"User-Agent": "trends"}, timeout=TIMEOUT_S) as client:
            yield client

    async def ask(self, client: httpx.AsyncClient, name: str, answers: Mapping[str, Any], on_bytes: OnBytes) -> Answer:
        """The answer to a request; `answers` are those before it, decoded. A value that they lack fails it too.

        Raises `DroppedError` where another attempt may help, else `RefusedError`.
        """
        try:
            parameters = self._queries[name].fill(answers)
            url = str(httpx.URL(self._urls[name], params=parameters))
            before = self._answers.get(name)
            conditions = before.conditions if before is not None and before.url == url else {}
            request = self._request(client, self._urls[name], parameters, conditions)
            response = await self._send(client, request)
            try:
                if before is not None and conditions and response.status_code == httpx.codes.NOT_MODIFIED:
                    return before
                body = await self._read(response, name, on_bytes)
            finally:
                await response.aclose()
            self._number += 1
            answer = Answer(url, _conditions(response), body, _decode(body, response), self._number)
        except BadRecordError as error:
            raise DroppedError(f"{name}: {error.reason}", where=self.where, kind="http") from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise DroppedError(f"{name}: {error or type(error).__name__}", where=self.where) from None
        self._answers[name] = answer
        return answer

    def _request(
        self, client: httpx.AsyncClient, url: str, parameters: Mapping[str, str], conditions: Mapping[str, str]
    ) -> httpx.Request:
        query, headers = (self._credential.query, self._credential.headers) if self._credential else ({}, {})
        return client.build_request("GET", url, params={**parameters, **query}, headers={**conditions, **headers})

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        """The response, at the end of redirects."""
        for _ in range(_MOST_REDIRECTS):
            response = await client.send(request, stream=True)
            if not response.has_redirect_location:
                return response
            await response.aclose()
            to = response.url.join(response.headers["Location"])
            if not self._may_follow(request.url, to):
                what = f"redirects to another address: {safe_text(to.host)}"
                raise RefusedError(what, where=self.where, next_step="Is this the address of the service?")
            request = client.build_request("GET", to, headers=self._credential.headers if self._credential else None)
        raise RefusedError(f"redirects more than {_MOST_REDIRECTS} times", where=self.where)

    def _may_follow(self, url: httpx.URL, to: httpx.URL) -> bool:
        """A secret stays at its host. Others may be led elsewhere, and nobody from https to http."""
        if (to.scheme, to.host, to.port) == (url.scheme, url.host, url.port):
            return True
        return self._credential is None and (to.scheme == "https" or (url.scheme == "http" and to.scheme == "http"))

    async def _read(self, response: httpx.Response, name: str, on_bytes: OnBytes) -> bytes:
        most = MOST_ANSWER_BYTES if response.status_code == httpx.codes.OK else _MOST_ERROR_BYTES
        body = bytearray()
        async for part in response.aiter_bytes(65_536):
            on_bytes(len(part))
            body += part
            if len(body) > most:
                break
        if response.status_code != httpx.codes.OK:
            headers = {name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}
            self._responses.check(httpx.Response(response.status_code, headers=headers, content=bytes(body)), name)
            raise DroppedError(f"{name}: answers {response.status_code}", where=self.where, kind="http")
        if len(body) > most:
            raise DroppedError(
                f"{name}: an answer of more than {quantity(most, 'byte')}", where=self.where, kind="http"
            )
        return bytes(body).removeprefix(b"\xef\xbb\xbf")


def _decode(body: bytes, response: httpx.Response) -> Any:
    try:
        return decode_answer(body)
    except BadRecordError as error:
        kind = safe_text(response.headers.get("Content-Type", "no content type"))
        raise BadRecordError(f"{error.reason} ({kind}: {safe_text(body[:400])[:80]!r})") from None


def _conditions(response: httpx.Response) -> dict[str, str]:
    pairs = (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
    return {header: value for header, given in pairs if (value := response.headers.get(given))}
