"""Ivy, which pyspark ships: resolves Maven artifacts with Java alone. `make jars` writes the lists by it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import quoteattr

from config.distribution import how_to_install
from config.errors import TrendsError, UnavailableError

RESOLVE_TIMEOUT_S = 900

_TREE = "[orgPath]/[module]/[revision]"
_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"{root}/></resolvers>
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
class Ivy:
    """Resolves into folders, one call after the other; each call finds the downloads of earlier ones in `scratch`."""

    jvm: Path
    scratch: Path
    mirror: str = ""
    """Address of a Maven repository; empty for Maven Central."""

    def resolve(self, artifacts: Sequence[Artifact], target: Path) -> None:
        """Put the jars of these artifacts into `target`, each in its folder of a Maven repository.

        Raises `UnavailableError` with the last lines Ivy said.
        """
        root = f" root={quoteattr(self.mirror)}" if self.mirror else ""
        (self.scratch / "settings.xml").write_text(_SETTINGS.format(root=root))
        (self.scratch / "ivy.xml").write_text(_MODULE.format("".join(artifact.xml() for artifact in artifacts)))
        log = self.scratch / "ivy.log"
        with log.open("wb") as said:
            process = subprocess.run(  # noqa: S603 - Ivy
                self._command(target),
                stdout=said,
                stderr=said,
                cwd=self.scratch,
                timeout=RESOLVE_TIMEOUT_S,
                check=False,
            )
        if process.returncode:
            lines = log.read_text(errors="replace").strip().splitlines()
            raise UnavailableError(
                " | ".join(lines[-5:]) or f"Ivy ended with {process.returncode}",
                where=", ".join(artifact.name for artifact in artifacts),
                next_step=f"{self.mirror or 'Maven Central'} must be reachable: check network and stack.jars_mirror",
            )

    def _command(self, target: Path) -> list[str]:
        files = [
            f"-cache {self.scratch}/cache",
            f"-settings {self.scratch}/settings.xml",
            f"-ivy {self.scratch}/ivy.xml",
        ]
        options = [part for file in files for part in file.split(" ", 1)]
        options += ["-confs", "default", "-types", "jar", "bundle", "-warn"]
        options += ["-retrieve", f"{target}/{_TREE}/[artifact]-[revision](-[classifier]).[ext]"]
        jar = next(iter(sorted(spark_jars().glob("ivy-*.jar"))))
        return [str(self.jvm), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", str(jar), *options]


def spark_jars() -> Path:
    """The folder of the jars that pyspark brings."""
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise TrendsError("pyspark is not installed", where="Python", next_step=how_to_install("pyspark"))
    return Path(found.origin).parent / "jars"
