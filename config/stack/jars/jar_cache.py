"""The servers' jars: downloaded once, verified against a list, kept in the user's cache for every checkout.

`config/<server>/jars.txt`, or another file there, lists every jar (`downloads`). A set is put together in a folder of
its own, and a rename follows when all of it is right, so every set in the cache is complete: a killed download leaves
nothing behind that looks like one.
"""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.errors import TrendsError
from config.quantity import quantity
from config.stack.jars.downloads import MEGABYTE, Jar, alone, download, folder_of, read_list
from config.stack.jars.ivy import Artifact
from config.stack.paths import FILES, StackPaths

LIB, STORED = "lib", "stored"


@dataclass(frozen=True)
class JarSet:
    """All jars of one server. `folders`: the artifacts that Ivy resolves into each folder of the set."""

    server: str
    version: str
    folders: tuple[tuple[str, tuple[Artifact, ...]], ...]
    stored: bool = False
    """Keep the jars in `stored` without compression too: for a server that reads them whole at each start."""
    list_name: str = "jars.txt"
    """File name of the list: another one for a second set of the same server."""

    @property
    def list_file(self) -> Path:
        """The list, below `config/`."""
        return Path(self.server) / self.list_name

    def listed(self) -> list[Jar]:
        """The jars that belong to the set."""
        return read_list(FILES / self.list_file)

    def megabytes(self) -> int:
        """Megabytes to download: a jar that is in two folders counts once."""
        return sum({Path(jar.path).name: jar.size for jar in self.listed()}.values()) // MEGABYTE

    def wrong(self, folder: Path, *, thorough: bool) -> Iterator[str]:
        """Missing and extra jars, and those unlike the list, in the folders of the set. `thorough` reads every byte."""
        wanted = {jar.path: jar for jar in self.listed()}
        have = {path.relative_to(folder).as_posix() for name, _ in self.folders for path in (folder / name).glob("*")}
        yield from (f"{path} is not in the list" for path in sorted(have - wanted.keys()))
        for path, jar in sorted(wanted.items()):
            if path not in have:
                yield f"{path} is missing"
            elif (folder / path).stat().st_size != jar.size:
                yield f"{path} has {quantity((folder / path).stat().st_size, 'byte')}, not {jar.size}"
            elif thorough and sha256_of(folder / path) != jar.sha256:
                yield f"{path} has another SHA-256"
            elif self.stored and not thorough and not (folder / STORED / Path(path).name).is_file():
                yield f"{path} is not stored without compression"

    def classpath(self, paths: StackPaths) -> list[str]:
        """The jars of `lib`, in an order that never changes."""
        folder = paths.jars(self.server, self.version) / (STORED if self.stored else LIB)
        return [str(folder / Path(jar.path).name) for jar in self.listed() if jar.path.startswith(f"{LIB}/")]


def fetch(jars: JarSet, paths: StackPaths, tell: Callable[[str], None]) -> Path:
    """The folder of the set, downloaded first where it is not in the cache.

    It calls `tell` with its progress. Two at once are harmless: the second waits for the first. Raises
    `UnavailableError` where the repository does not answer, `TrendsError` where it gives other files than the list
    names.
    """
    final = paths.jars(jars.server, jars.version)
    if _is_there(jars, final):
        return final
    downloads = folder_of(paths.cache)
    tell("fetching jars")
    with alone(downloads):
        if _is_there(jars, final):
            return final
        shutil.rmtree(final, ignore_errors=True)
        listed, megabytes = jars.listed(), jars.megabytes()
        download(listed, downloads, paths.jars_mirror, lambda done: tell(f"fetching jars, {done} of {megabytes} MB"))
        with tempfile.TemporaryDirectory(prefix=f".{final.name}-", dir=final.parent) as scratch:
            made = Path(scratch) / "set"
            _assemble(jars, listed, downloads, made, tell)
            made.rename(final)
        for jar in listed:
            (downloads / jar.sha256).unlink(missing_ok=True)
    return final


def _is_there(jars: JarSet, folder: Path) -> bool:
    return folder.is_dir() and not any(jars.wrong(folder, thorough=False))


def _assemble(jars: JarSet, listed: list[Jar], downloads: Path, made: Path, tell: Callable[[str], None]) -> None:
    """Copy downloads to where the set has them, and check that it is what the list says. Raises `TrendsError`."""
    for jar in listed:
        (made / jar.path).parent.mkdir(parents=True, exist_ok=True)
        _link(downloads / jar.sha256, made / jar.path)
    tell("verifying jars")
    if problems := list(jars.wrong(made, thorough=True)):
        for jar in listed:
            (downloads / jar.sha256).unlink(missing_ok=True)
        raise TrendsError("; ".join(problems[:5]), where=f"jars of {jars.server} {jars.version}", next_step="Try again")
    if jars.stored:
        tell("storing jars")
        for source in sorted(made.glob("*/*.jar")):
            _store(source, made / STORED / source.name)


def _link(source: Path, target: Path) -> None:
    """The same file, without a copy of its bytes where the disk can do that."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _store(jar: Path, copy: Path) -> None:
    """The same entries, none compressed."""
    copy.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            target.writestr(zipfile.ZipInfo(entry.filename, entry.date_time), source.read(entry))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
