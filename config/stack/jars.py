"""The servers' jars: resolved once by the Ivy that pyspark ships, verified against a list, kept in the user's cache.

`config/<server>/jars.txt` lists every jar: SHA-256, size, `folder/name`. A set is resolved in a folder of its own and
renamed when all of it is right, so what is in the cache is complete: a download that was killed leaves nothing behind
that could be taken for it.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import quoteattr

from config.errors import TrendsError, UnavailableError
from config.stack.place import FILES, Place

RESOLVE_TIMEOUT_S = 900.0
LOOK_EVERY_S = 0.5

_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""
_MODULE = """<ivy-module version="2.0">
  <info organisation="trends" module="stack"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>{}</dependencies>
</ivy-module>
"""


@dataclass(frozen=True)
class Artifact:
    """A jar by its Maven coordinates, with everything that it needs unless `alone`."""

    group: str
    name: str
    version: str
    alone: bool = False

    def xml(self) -> str:
        """Ivy's way to ask for it."""
        conf = "default->master(*)" if self.alone else "default->runtime(*),master(*)"
        fields = {"org": self.group, "name": self.name, "rev": self.version, "conf": conf}
        written = " ".join(f"{key}={quoteattr(value)}" for key, value in fields.items())
        return f'<dependency {written} transitive="{"false" if self.alone else "true"}"/>'


@dataclass(frozen=True)
class Jar:
    """A line of the list."""

    sha256: str
    size: int
    path: str


@dataclass(frozen=True)
class JarSet:
    """All jars of one server. `folders`: what is resolved into each folder of the set."""

    server: str
    version: str
    folders: tuple[tuple[str, tuple[Artifact, ...]], ...]

    def listed(self) -> list[Jar]:
        """What belongs to the set."""
        lines = (FILES / self.server / "jars.txt").read_text().splitlines()
        return [Jar(sha, int(size), path) for sha, size, path in (line.split(maxsplit=2) for line in lines)]

    def wrong(self, folder: Path, *, thorough: bool) -> Iterator[str]:
        """What is missing, too much or not as listed. `thorough` reads every byte."""
        wanted = {jar.path: jar for jar in self.listed()}
        have = {path.relative_to(folder).as_posix() for path in folder.glob("*/*")}
        yield from (f"{path} is not in the list" for path in sorted(have - wanted.keys()))
        for path, jar in sorted(wanted.items()):
            if path not in have:
                yield f"{path} is missing"
            elif (folder / path).stat().st_size != jar.size:
                yield f"{path} has {(folder / path).stat().st_size} bytes, not {jar.size}"
            elif thorough and _sha256(folder / path) != jar.sha256:
                yield f"{path} has another SHA-256"

    def classpath(self, place: Place, folder: str = "lib") -> list[str]:
        """The jars of one folder, in an order that never changes."""
        root = place.jars(self.server, self.version)
        return [str(root / jar.path) for jar in self.listed() if jar.path.startswith(f"{folder}/")]


def fetch(jars: JarSet, place: Place, java: Path, tell: Callable[[str], None]) -> Path:
    """The folder of the set, resolved first where it is not in the cache.

    `tell` is called with how far it is. Two at once are harmless: the first to rename wins. Raises `UnavailableError`
    where the registry does not answer, `TrendsError` where it gives something else than what is listed.
    """
    final = place.jars(jars.server, jars.version)
    if final.is_dir():
        if not any(jars.wrong(final, thorough=False)):
            return final
        shutil.rmtree(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{final.name}-", dir=final.parent) as scratch:
        made = Path(scratch) / "set"
        for folder, artifacts in jars.folders:
            _resolve(jars, artifacts, Path(scratch), made / folder, java, tell)
        tell("verifying jars")
        if problems := list(jars.wrong(made, thorough=True)):
            raise TrendsError(
                "; ".join(problems[:5]),
                where=f"jars of {jars.server} {jars.version}",
                next_step="The registry gave other files than config/ lists: check its mirror, then try again",
            )
        _put(made, final)
    return final


def _resolve(
    jars: JarSet, artifacts: tuple[Artifact, ...], scratch: Path, target: Path, java: Path, tell: Callable[[str], None]
) -> None:
    """Run Ivy once, telling the progress in megabytes of jars on disk."""
    (scratch / "settings.xml").write_text(_SETTINGS)
    (scratch / "ivy.xml").write_text(_MODULE.format("".join(artifact.xml() for artifact in artifacts)))
    options = ["-cache", scratch / "cache", "-settings", scratch / "settings.xml", "-ivy", scratch / "ivy.xml"]
    options += ["-confs", "default", "-types", "jar", "bundle", "-warn"]
    options += ["-retrieve", f"{target}/[artifact]-[revision](-[classifier]).[ext]"]
    command = [java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", ivy(), *options]
    total = sum({Path(jar.path).name: jar.size for jar in jars.listed()}.values())
    with (
        (scratch / "ivy.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=scratch) as ivy_run,
    ):
        waited = 0.0
        while _running(ivy_run):
            tell(f"fetching jars, {_megabytes(scratch / 'cache')} of {total >> 20} MB")
            waited += LOOK_EVERY_S
            if waited > RESOLVE_TIMEOUT_S:
                ivy_run.kill()
    if ivy_run.returncode:
        said = (scratch / "ivy.log").read_text(errors="replace").strip().splitlines()
        raise UnavailableError(
            " | ".join(said[-5:]) or f"Ivy ended with {ivy_run.returncode}",
            where=f"jars of {jars.server} {jars.version}",
            next_step="Check the network (Maven Central must be reachable), then try again",
        )


def _running(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _put(made: Path, final: Path) -> None:
    """Rename into the cache. Where another process was first, its set is as good as ours."""
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():
            raise


def ivy() -> Path:
    """The Ivy jar of the installed pyspark."""
    return next(iter(sorted(spark_jars().glob("ivy-*.jar"))))


def spark_jars() -> Path:
    """The folder of the jars that pyspark brings."""
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise TrendsError("pyspark is not installed", where="Python", next_step="make .venv")
    return Path(found.origin).parent / "jars"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _megabytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.jar*") if path.is_file()) >> 20
