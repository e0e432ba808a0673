"""OpenSSL 1.1: the two libraries that mongod links to and that current systems no longer ship.

The PostgreSQL build of postgres_build.py bundles them. They go into a folder of the cache that only mongod's
`LD_LIBRARY_PATH` names. OpenSSL 1.1 is past its end of life: mongod uses it on loopback, without TLS.
"""

from pathlib import Path

from config.stack.jars import postgres_build
from config.stack.paths import StackPaths

LIBRARIES = ("libcrypto.so.1.1", "libssl.so.1.1")


def folder(paths: StackPaths) -> Path:
    """Where the libraries are, or will be."""
    return postgres_build.folder(paths).with_name("openssl")


def unpack(paths: StackPaths) -> Path:
    """The folder of the libraries, filled first from the jar in the cache. Raises `TrendsError` where that fails."""

    def extract(target: Path) -> None:
        """Write the two libraries, by name alone, under no path of the archive."""
        with postgres_build.archive(paths) as inner:
            for name in LIBRARIES:
                file = inner.extractfile(f"lib/{name}")
                if file is None:
                    raise KeyError(f"no {name} in {postgres_build.ARCHIVE}")
                (target / name).write_bytes(file.read())
                (target / name).chmod(0o755)

    return postgres_build.fill(folder(paths), _complete, extract, "OpenSSL 1.1")


def _complete(libraries: Path) -> bool:
    return all((libraries / name).is_file() for name in LIBRARIES)
