"""Where the local stack keeps its things: one folder for the servers' state, one in the user's cache for their jars.

One `trends up` at a time works in a state folder.
"""

import errno
import fcntl
import hmac
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from string import Template
from tempfile import NamedTemporaryFile

from config.errors import TrendsError, UsageError
from config.settings import StackSettings
from config.settings.secrets import write_private
from config.stack.jars.downloads import user_cache

UNWRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR})
FILES = Path(__file__).parents[1]
"""The servers' own configuration files, shared with docker-compose: `config/kafka/`, `config/hdfs/`, …"""
PROJECT = FILES.parent
"""The project's root, where `sparse` finds config.json and the topologies."""


REFUSED_ANYWHERE = {":": "Java separates the folders of its class path by it"}
REFUSED = REFUSED_ANYWHERE | {"'": "HDFS hands the path to a shell between such quotes"}
REFUSED_IN_CACHE = REFUSED_ANYWHERE | {"=": "Java takes what follows it for an option of the agent before it"}
"""Characters that a path can't have, and why. Each configuration file quotes all others by its own syntax."""


@dataclass(frozen=True)
class StackPaths:
    """The folders of one stack. Every path is absolute."""

    state: Path
    cache: Path
    jars_mirror: str = ""
    """Where the jars come from; empty for Maven Central."""

    @classmethod
    def of(cls, settings: StackSettings) -> "StackPaths":
        """The folders that the settings name."""
        cache = settings.cache or user_cache()
        return cls(settings.state.expanduser().absolute(), cache.expanduser().absolute(), settings.jars_mirror)

    def check(self) -> None:
        """Raise `UsageError` where a server can't work in one of these folders at all."""
        for folder, setting, refused in (
            (self.state, "stack.state", REFUSED),
            (self.cache, "stack.cache", REFUSED_IN_CACHE),
            (PROJECT, "the folder of this project", REFUSED_ANYWHERE),
        ):
            found = next((each for each in str(folder) if each in refused or not each.isprintable()), None)
            if found:
                why = refused.get(found, "supervisord reads its configuration line by line")
                raise UsageError(
                    f"{str(folder)!r} has a {found!r}: {why}", where=setting, next_step="Choose a path without it"
                )

    def data(self, server: str) -> Path:
        """The data that a server must not lose. `down` keeps it."""
        return self.state / "data" / server

    def conf(self, server: str) -> Path:
        """A server's configuration as it runs, written anew at each start."""
        return self.state / "conf" / server

    @property
    def scratch(self) -> Path:
        """Temporary files of everything that runs here, Java's too."""
        return self.state / "tmp"

    def log(self, server: str) -> Path:
        """The log of a server."""
        return self.state / "logs" / f"{server}.log"

    def jars(self, server: str, version: str) -> Path:
        """A server's jars, shared by every checkout of this user."""
        return self.cache / "jars" / f"{server}-{version}"

    def make(self) -> None:
        """Make the folders, for their user alone. In a folder that existed before, it closes only our own subfolders.

        Raises `OSError` where that is not possible.
        """
        new = not self.state.exists() or (self.state / "supervisor").is_dir() or not any(self.state.iterdir())
        inside = [self.state / name for name in ("conf", "data", "logs", "supervisor")] + [self.scratch]
        for folder in (self.state, *inside):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder != self.state or new:
                folder.chmod(0o700)

    def clear_scratch(self) -> None:
        """Remove temporary files that killed processes have left. Nothing of this stack may run."""
        for path in self.scratch.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def fingerprint(self, text: str) -> str:
        """Twelve digits that stand for a text and do not reveal it: it may hold a password."""
        key = self.state / "supervisor" / "key"
        if not key.is_file():
            write_private(key, token_hex())
        return hmac.new(key.read_bytes(), text.encode(), "sha256").hexdigest()[:12]


def render_template(file: str, **values: object) -> str:
    """The text of `config/<file>` with its `$name`s filled in. A name without a value is an error."""
    return Template((FILES / file).read_text()).substitute({name: str(value) for name, value in values.items()})


def property_value(value: object) -> str:
    """Text as a value of a Java properties file, which is Latin-1 and where a backslash escapes."""
    units = str(value).replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join(chr(code) if code < 0x7F else f"\\u{code:04x}" for code in codes)


def write_whole(path: Path, text: str) -> None:
    """Write a file whole: a reader sees the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False, encoding="utf-8") as file:
        file.write(text)
    Path(file.name).replace(path)


@contextmanager
def exclusive(paths: StackPaths) -> Iterator[None]:
    """One `up` at a time for a state folder, which it makes first; files made meanwhile are for their user alone."""
    before = os.umask(0o077)
    try:
        paths.check()
        paths.make()
        with _locked(paths):
            yield
    except OSError as error:
        raise _unwritable(paths, error) from error
    finally:
        os.umask(before)


def _unwritable(paths: StackPaths, error: OSError) -> OSError | TrendsError:
    """The error of a full or unwritable disk in the user's terms; any other error as it is."""
    if error.errno not in UNWRITABLE:
        return error
    cache = str(error.filename or "").startswith(str(paths.cache))
    setting, folder = ("stack.cache", paths.cache) if cache else ("stack.state", paths.state)
    return TrendsError(
        f"can't be written: {error.strerror}",
        where=str(folder),
        next_step=f"Make room or give yourself the right to write there, or set {setting} to another folder",
    )


@contextmanager
def _locked(paths: StackPaths) -> Iterator[None]:
    with (paths.state / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                "another `trends up` is running", where=str(paths.state), next_step="Wait for it"
            ) from None
        yield
