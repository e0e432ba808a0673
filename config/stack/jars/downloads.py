"""Downloads of jars: the files of a list from Maven Central or a mirror, several at once, each verified.

A list (`config/<server>/jars.txt`) has a line for each file: SHA-256, size, `folder/name`, and its folder in a Maven
repository. A file lies in the folder of downloads under its digest, and is there whole or not at all; one process at a
time works in that folder.

This module needs nothing but Python: `make` runs it while it installs the packages, so that `trends up` finds the jars.
"""

import fcntl
import hashlib
import os
import signal
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.error import HTTPError

from config.errors import TrendsError, UnavailableError
from config.quantity import quantity

CENTRAL = "https://repo.maven.apache.org/maven2/"
AT_ONCE = 6
"""Connections: one alone waits for an answer most of the time, since most jars are small."""
TRIES = 3
ANSWER_S = 30.0
PIECE = 1 << 18
PART = ".part-"
MEGABYTE = 1 << 20
LISTS = Path(__file__).parents[2]
"""`config/`, where the lists are."""


@dataclass(frozen=True)
class Jar:
    """A line of a list."""

    sha256: str
    size: int
    path: str
    """Folder and name in the set."""
    origin: str
    """Folder in a Maven repository."""

    @property
    def address(self) -> str:
        """Where a Maven repository has it, from its own address on."""
        return f"{self.origin}/{Path(self.path).name}"

    def line(self) -> str:
        """The line."""
        return f"{self.sha256} {self.size} {self.path} {self.origin}\n"


def read_list(file: Path) -> list[Jar]:
    """The jars of a list."""
    lines = (line.split() for line in file.read_text().splitlines())
    return [Jar(sha, int(size), path, origin) for sha, size, path, origin in lines]


def user_cache() -> Path:
    """The folder of this user for what can be downloaded again."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "trends"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trends"


def folder_of(cache: Path) -> Path:
    """The folder of downloads in a cache."""
    return cache / "jars" / ".downloads"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Inside, no other process downloads into the folder: it waits for one that does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def download(jars: Iterable[Jar], folder: Path, mirror: str, tell: Callable[[int], None]) -> None:
    """Bring files into the folder that it does not have; `tell` gets the megabytes so far. For one that is `alone`.

    Raises `UnavailableError` where the repository does not answer, `TrendsError` where it gives another file.
    """
    wanted = {jar.sha256: jar for jar in jars if not (folder / jar.sha256).is_file()}
    for left in folder.glob(f"{PART}*"):  # of a process that was killed
        left.unlink(missing_ok=True)
    over, got = threading.Event(), [0]

    def count(size: int) -> None:
        got[0] += size
        tell(got[0] // MEGABYTE)

    largest_first = sorted(wanted.values(), key=lambda jar: -jar.size)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = [pool.submit(_download, jar, folder, mirror or CENTRAL, count, over) for jar in largest_first]
        try:
            for task in as_completed(tasks):
                task.result()
        finally:
            over.set()
            pool.shutdown(cancel_futures=True)


def _download(jar: Jar, folder: Path, mirror: str, count: Callable[[int], None], over: threading.Event) -> None:
    address = f"{mirror.rstrip('/')}/{jar.address}"
    for left in reversed(range(TRIES)):
        if over.is_set():
            return
        try:
            _attempt(jar, address, folder, count, over)
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()
            if not left:
                raise UnavailableError(
                    f"{address}: {getattr(error, 'reason', None) or error}",
                    where=f"download of {Path(jar.path).name}",
                    next_step="Check the network and stack.jars_mirror",
                ) from None
        else:
            return


def _attempt(jar: Jar, address: str, folder: Path, count: Callable[[int], None], over: threading.Event) -> None:
    digest, size = hashlib.sha256(), 0
    with NamedTemporaryFile(dir=folder, prefix=PART, delete=False) as part:
        try:
            with urllib.request.urlopen(address, timeout=ANSWER_S) as answer:  # noqa: S310 - settings allow http(s) alone
                while size <= jar.size and (piece := answer.read(PIECE)) and not over.is_set():
                    part.write(piece)
                    digest.update(piece)
                    size += len(piece)
                    count(len(piece))
                lacks = 0 if over.is_set() or size > jar.size else answer.length
            if lacks:  # `read` of so many bytes doesn't tell
                raise ConnectionError(f"the connection ended {quantity(lacks, 'byte')} before the file")
            if not over.is_set() and digest.hexdigest() != jar.sha256:
                raise TrendsError(
                    f"{quantity(size, 'byte')} with another SHA-256 than config/ lists",
                    where=address,
                    next_step="The repository gave another file: check stack.jars_mirror, then try again",
                )
            part.close()
            if not over.is_set():
                Path(part.name).chmod(0o644)  # other users may share the cache
                Path(part.name).rename(folder / jar.sha256)
        finally:
            Path(part.name).unlink(missing_ok=True)


def missing(names: Sequence[str], cache: Path) -> list[Jar]:
    """The jars of servers that no set in the cache has."""
    listed = {name: read_list(LISTS / name / "jars.txt") for name in names}
    sets = {name: list((cache / "jars").glob(f"{name}-*")) for name in names}
    return [
        jar
        for name, jars in listed.items()
        for jar in jars
        if not any((has / jar.path).is_file() for has in sets[name])
    ]


def _setting(name: str) -> str:
    """A setting of the stack, from the environment or trends.toml; empty where nothing readable sets it."""
    try:
        table = tomllib.loads(Path(os.environ.get("TRENDS_CONFIG") or "trends.toml").read_text(encoding="utf-8"))
        found = table.get("stack", {}).get(name, "")
    except (OSError, ValueError, AttributeError):
        found = ""
    return str(os.environ.get(f"TRENDS_STACK__{name.upper()}") or found)


def main() -> None:
    """Bring the jars of the servers that the command line names. Ctrl-C ends it; what it has, it keeps."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it else
    cache = Path(_setting("cache") or user_cache()).expanduser().absolute()
    try:
        with alone(folder_of(cache)):
            download(missing(sys.argv[1:], cache), folder_of(cache), _setting("jars_mirror"), lambda _: None)
    except (TrendsError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
