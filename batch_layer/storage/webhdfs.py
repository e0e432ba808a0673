"""HdfsStore: the `Store` of the archive on HDFS, by WebHDFS. Thin: it adds deadlines, retries and errors that help."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import IncompleteRead
from io import BufferedReader, RawIOBase
from threading import local
from typing import Any, BinaryIO, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from hdfs import Client, HdfsError
from hdfs.client import _Request
from requests.exceptions import RequestException, Timeout
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random_exponential
from urllib3.exceptions import HTTPError, ReadTimeoutError

from batch_layer.storage.file_store import Entry
from config.errors import NoDataError, TrendsError, UnavailableError
from config.settings import HdfsSettings, hdfs_session
from config.settings.network.certificate_errors import certificate_problem

_T = TypeVar("_T")
_ABSENT = frozenset({"FileNotFoundException"})
_FORBIDDEN = frozenset({"AccessControlException", "SecurityException", "AuthorizationException"})
_ERRNO = re.compile(r"\[Errno -?\d+\] ([\w ]+)")
_QUERY = re.compile(r"\?[^\s'\")]*")
"""The query of an address: a NameNode that knows us by Kerberos puts a token for the DataNode there."""
_UNAUTHENTICATED = "Authentication failure"
"""The library's words for the status 401."""
_NO_TOKEN = re.compile(r"token.*(can't be found|expired)|Failed to obtain user group information", re.IGNORECASE)
_NO_ROOM = re.compile("could only be written to 0 of the|No space left on device")
"""Words of a NameNode that finds no DataNode for a block, and of a DataNode whose disk is full."""
_FULL_FOLDER = frozenset({"PathIsNotEmptyDirectoryException"})
_LOST = (RequestException, HTTPError, IncompleteRead, ConnectionError, TimeoutError, json.JSONDecodeError)
"""Errors of `requests` and the layers below when a response does not come, or comes incomplete."""

_LOCAL_STEP = "`trends up namenode datanode` starts it here; `trends logs namenode` and `trends logs datanode` show why"

logging.getLogger("hdfs.client").setLevel(logging.CRITICAL)  # it logs every call, and errors that it raises as well


class HdfsStore:
    """See `Store`. Each thread has a client of its own, since a `requests` session promises nothing to several."""

    def __init__(self, settings: HdfsSettings) -> None:
        self._settings = settings
        self._of_thread = local()
        self._retrying = Retrying(
            retry=retry_if_exception_type(UnavailableError),
            stop=stop_after_attempt(3) | stop_after_delay(settings.timeout_s),  # no three waits for a silent server
            wait=wait_random_exponential(multiplier=0.05, max=1),
            reraise=True,
        )

    def put(self, path: str, data: bytes | Iterable[bytes]) -> None:
        """See `Store.put`. Nobody can read an iterable twice, so then the caller is the one that tries again."""
        if isinstance(data, bytes):
            self._ask(path, lambda client: client.write(path, data, overwrite=True), writes=True)
        else:
            self._once(path, lambda client: client.write(path, data, overwrite=True), writes=True)

    def get(self, path: str) -> bytes | None:
        """See `Store.get`."""

        def read(client: "_Client") -> bytes:
            with client.read(path) as reader:
                return cast(bytes, reader.read())

        return self._ask_or_none(path, read)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """See `Store.open`."""
        try:
            with self._client().read(path) as raw:
                raw.auto_close = False  # else its end raises "read of closed file"
                answer = _Answer(raw, lambda error: self._unavailable(path, self._reason_of(error)))
                yield cast(BinaryIO, BufferedReader(answer, 1 << 20))
        except HdfsError as error:
            if error.exception in _ABSENT:
                raise NoDataError("no such file", where=self._place(path)) from None
            self._refuse(path, error)
        except _LOST as error:
            raise self._lost(path, error) from None

    def bytes_of(self, path: str) -> int | None:
        """See `Store.bytes_of`."""
        return self._ask_or_none(path, lambda client: int(client.status(path)["length"]))

    def rename(self, path: str, to: str) -> bool:
        """See `Store.rename`. It never retries: after a lost reply, the first try makes HDFS refuse a second."""
        try:
            self._client().rename(path, to)
        except HdfsError as error:
            if error.exception in _FORBIDDEN:
                self._refuse(to, error)
            return False
        except _LOST:
            return False
        return True

    def make_folder(self, path: str) -> None:
        """See `Store.make_folder`."""
        self._ask(path, lambda client: client.makedirs(path))

    def entries(self, folder: str, after: str = "") -> list[Entry]:
        """See `Store.entries`. The NameNode gives a thousand at a time."""
        found: list[Entry] = []
        more = True
        while more:
            start = found[-1].name if found else after
            page = self._ask_or_none(folder, partial(_Client.page, folder=folder, after=start))
            if page is None:
                return []
            listing = page["DirectoryListing"]
            page_entries = [_entry(status) for status in listing["partialListing"]["FileStatuses"]["FileStatus"]]
            found += [entry for entry in page_entries if entry.name > start]  # HttpFS returns all, despite `after`
            more = listing["remainingEntries"] > 0
        return found

    def delete(self, path: str, *, everything_below: bool = False) -> None:
        """See `Store.delete`."""
        try:
            self._ask(path, lambda client: client.delete(path, recursive=everything_below))
        except _FolderNotEmptyError:
            return

    def _client(self) -> "_Client":
        client = getattr(self._of_thread, "client", None)
        if client is None:
            settings = self._settings
            session = hdfs_session.open_session(settings)
            client = _Client(hdfs_session.base_url(settings), timeout=settings.timeout_s, session=session)
            self._of_thread.client = client
        return cast(_Client, client)

    def _ask(self, path: str, call: "Callable[[_Client], _T]", *, writes: bool = False) -> _T:
        return cast(_T, self._retrying(self._once, path, call, writes=writes))

    def _ask_or_none(self, path: str, call: "Callable[[_Client], _T]") -> _T | None:
        try:
            return self._ask(path, call)
        except NoDataError:
            return None

    def _once(self, path: str, call: "Callable[[_Client], _T]", *, writes: bool = False) -> _T:
        try:
            return call(self._client())
        except HdfsError as error:
            if writes and error.exception in _ABSENT:  # an earlier write, given up and late, has replaced this one
                raise self._unavailable(path, str(error.message).partition("\n")[0]) from None
            self._refuse(path, error)
        except _LOST as error:
            raise self._lost(path, error) from None

    def _refuse(self, path: str, error: HdfsError) -> NoReturn:
        where, what = self._place(path), str(error.message).partition("\n")[0]
        if error.exception in _ABSENT:
            raise NoDataError(what, where=where) from None
        if error.exception in _FULL_FOLDER or "is non empty" in what:
            raise _FolderNotEmptyError(what, where=where) from None
        if what.startswith(_UNAUTHENTICATED) or (error.exception in _FORBIDDEN and _NO_TOKEN.search(what)):
            step = hdfs_session.refusal(self._settings)
            raise TrendsError(f"authentication failed: {what}", where=where, next_step=step) from None
        if error.exception in _FORBIDDEN:
            raise TrendsError(
                what, where=where, next_step=f"Let the user {self._settings.user!r} (hdfs.user) write there"
            ) from None
        raise self._unavailable(path, what) from None

    def _lost(self, path: str, error: Exception) -> UnavailableError:
        """The error of a request without an answer."""
        reason, step = certificate_problem(error, "hdfs.ca_file", "hdfs.url")
        return self._unavailable(path, reason or self._reason_of(error), step or _LOCAL_STEP)

    def _unavailable(self, path: str, what: str, step: str = _LOCAL_STEP) -> UnavailableError:
        if _NO_ROOM.search(what):
            step = f"Free space on the disks of the DataNodes, or start those that are stopped. {step}"
        return UnavailableError(f"HDFS request failed: {what[:300]}", where=self._place(path), next_step=step)

    def _reason_of(self, error: Exception) -> str:
        """Why no response came, without the layers below."""
        asked = getattr(error, "request", None)
        server = urlsplit(str(asked.url)).netloc if asked is not None else "a server of HDFS"
        if isinstance(error, Timeout | ReadTimeoutError):
            return f"{server} timed out after {self._settings.timeout_s:g} s"
        refused = _ERRNO.search(str(error))
        return f"{server}: {refused[1]}" if refused else _QUERY.sub("", str(error))

    def _place(self, path: str) -> str:
        return f"{self._settings.url}{path}"


class _FolderNotEmptyError(TrendsError):
    """A refusal to delete a folder that is not empty, unless the caller asks for everything below it."""


class _Client(Client):  # type: ignore[misc]  # the library has no types
    """Adds the one operation that the library lacks: a listing from a name on, a page at a time."""

    _list_status_batch = _Request("GET").to_method("LISTSTATUS_BATCH")

    def page(self, folder: str, after: str) -> dict[str, Any]:
        """Entries behind `after`. HDFS reads the parameter in lower case only, despite Hadoop's documentation."""
        return cast(dict[str, Any], self._list_status_batch(folder, startafter=after).json())


class _Answer(RawIOBase):
    """The bytes of a response as they come. A server that fails meanwhile is an `UnavailableError`, not damage."""

    def __init__(self, raw: BinaryIO, unavailable: Callable[[Exception], UnavailableError]) -> None:
        super().__init__()
        self._raw = raw
        self._unavailable = unavailable

    def readable(self) -> bool:
        """Tells `BufferedReader` that it is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as bytes come at once."""
        try:
            data = self._raw.read(len(buffer))
        except _LOST as error:
            raise self._unavailable(error) from None
        buffer[: len(data)] = data
        return len(data)


def _entry(status: dict[str, Any]) -> Entry:
    return Entry(status["pathSuffix"], status["length"], status["modificationTime"], status["type"] == "DIRECTORY")
