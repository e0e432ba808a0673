"""Streaming over HTTP with a token: requests, and the meaning of responses."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from config.errors import UsageError
from config.redaction import remember
from config.settings.network.addresses import is_loopback
from ingest.hours import Millis
from ingest.sources.base import T
from ingest.sources.formats.contract import Reading, RecordReader
from ingest.sources.live.addresses import host_of
from ingest.sources.live.backoff import DroppedError, RefusedError, safe_text
from ingest.sources.live.responses import ResponseCheck
from ingest.sources.live.service import OnBytes, Service

CONNECT_S = 10.0
REMEMBER_MS = 10_000
_LONGEST_TOKEN = 10_000


class ApiClient:
    """Asks one server with one token, which goes into a header and nowhere else."""

    def __init__(self, url: str, token: SecretStr, now: Callable[[], Millis], token_names: str) -> None:
        self.where = _check_address(url)
        self._url = url.rstrip("/")
        self._token = token
        self._token_names = token_names
        self._now = now
        denied = f"The token is wrong, has expired, or may not do this: set {token_names}"
        self._responses = ResponseCheck(self.where, token, denied, now)

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        """A client for the requests of one connection. Network errors inside raise `DroppedError`."""
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "User-Agent": "trends"}
        timeout = httpx.Timeout(CONNECT_S, read=None)  # see `ingest.sources.live.connection`
        async with httpx.AsyncClient(base_url=self._url, headers=headers, timeout=timeout) as client:
            try:
                yield client
            except (httpx.HTTPError, httpx.StreamError) as error:
                raise DroppedError(f"{error or type(error).__name__}", where=self.where) from None

    @asynccontextmanager
    async def stream(
        self, client: httpx.AsyncClient, path: str, params: dict[str, str], on_bytes: OnBytes
    ) -> AsyncGenerator[httpx.Response, None]:
        """A streaming response; it calls `on_bytes` for each part."""
        async with client.stream("GET", path, params=params) as response:
            if response.status_code != httpx.codes.OK:
                await response.aread()
                self.check(response)
            response.stream = _CountingStream(response.stream, on_bytes)  # type: ignore[arg-type] # it is an asynchronous one
            yield response

    async def follow_redirect(self, path: str) -> "ApiClient":
        """Whom to ask for a path: this server, or the one to which it redirects. Raises as `client` does.

        Raises `RefusedError` for an address that must not get the token.
        """
        async with self.client() as client, client.stream("GET", path) as response:
            pass  # its headers tell
        if not response.has_redirect_location:
            return self
        try:
            to = response.url.join(response.headers["Location"])
            return ApiClient(str(to.copy_with(raw_path=b"/")), self._token, self._now, self._token_names)
        except (httpx.InvalidURL, UsageError):
            what = f"redirects to an address that must not get the token: {safe_text(response.headers['Location'])}"
            raise RefusedError(what, where=self.where, next_step="Is this the address of the service?") from None

    def check(self, response: httpx.Response) -> None:
        """Raise for a response other than 2xx, see `ResponseCheck`."""
        self._responses.check(response)


class _CountingStream(httpx.AsyncByteStream):
    """Bytes on their way, and that they came."""

    def __init__(self, stream: httpx.AsyncByteStream, on_bytes: OnBytes) -> None:
        self._stream = stream
        self._on_bytes = on_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._on_bytes(len(part))
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class Stream(Service[T]):
    """A service over a stream that does not replay, unless a subclass says otherwise: `until` is our clock."""

    def __init__(self, name: str, api: ApiClient, reader: RecordReader[T], reading: Reading) -> None:
        super().__init__(name, reader, reading)
        self.where = api.where
        self.api = api

    def advance(self, record: bytes | None) -> None:
        """See `Service`. A sign of life, with no record or an empty one, comes where nothing else waits."""
        self.until = self.now()
        if not record:
            self.newest = self.until

    def remember_since(self) -> int:
        """Some seconds ago."""
        return self.until - REMEMBER_MS

    def report_missing(self, covered_ms: Millis, why: str) -> None:
        """Report the gap before a new connection that replays only the last `covered_ms`."""
        begins = self.now() - covered_ms
        if 0 < self.until < begins:
            self.gap(self.until, begins, why)


def _check_address(url: str) -> str:
    """Host and port of an address that may get a token. Raises `UsageError`."""
    scheme, host = host_of(url, "https", "http")
    where = urlsplit(url).netloc
    if scheme == "http" and not is_loopback(host):
        raise UsageError("a token must not be sent over http", where=where, next_step=f"Write https://{where}")
    return where


def token_of(token: SecretStr | None, file: Path | None, names: str, *, words: bool = False) -> SecretStr:
    """The token from the setting or its file; `words`: it may be several. Raises `UsageError`, which never shows it."""
    text = token.get_secret_value() if token is not None else _read(file) if file else ""
    text = text.strip()
    if not text:
        raise UsageError("no token", next_step=f"Set {names}")
    if not text.isascii() or not text.isprintable() or (" " in text and not words):
        raise UsageError("a token has printable ASCII characters and no spaces", next_step=f"Look at {names}")
    remember(text)
    return SecretStr(text)


def _read(file: Path) -> str:
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            return opened.read(_LONGEST_TOKEN)
    except OSError as error:
        step = "Name a file that holds the token alone, and may be read"
        raise UsageError(f"can't be read: {error.strerror}", where=str(file), next_step=step) from None
