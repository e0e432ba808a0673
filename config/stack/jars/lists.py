"""Jar lists: `make jars` resolves each server's artifacts again and writes `config/<server>/jars.txt`.

Run it after a change of a version, and read the difference before you commit it: `trends up` accepts the files that the
lists name and no others.
"""

import sys
import tempfile
from pathlib import Path

from config.stack.jars import java, kafka_source, postgres_build
from config.stack.jars.downloads import Jar
from config.stack.jars.ivy import Ivy
from config.stack.jars.jar_cache import JarSet, sha256_of
from config.stack.paths import FILES
from config.stack.servers import hdfs, hive, jmx_agent, kafka, storm

SETS = (kafka.JARS, hdfs.JARS, storm.JARS, postgres_build.JARS, hive.JARS, kafka_source.JARS, jmx_agent.JARS)


def write_list(jars: JarSet, ivy: Ivy, target: Path, config: Path = FILES) -> int:
    """Resolve the artifacts of a set into `target`, list the files in its list below `config/`; return their number.

    Raises `UnavailableError` if the registry does not answer; the list stays as it was then.
    """
    listed = []
    for folder, artifacts in jars.folders:
        ivy.resolve(artifacts, target / folder)
        files = [path for path in (target / folder).rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda each: each.name):
            origin = path.parent.relative_to(target / folder).as_posix()
            listed.append(Jar(sha256_of(path), path.stat().st_size, f"{folder}/{path.name}", origin))
    (config / jars.list_file).write_text("".join(jar.line() for jar in listed))
    return len(listed)


def main() -> None:
    """Write the list of every set, and show how many jars it has."""
    with tempfile.TemporaryDirectory(prefix="trends-jars-") as scratch:
        ivy = Ivy(java.find(), Path(scratch))
        for jars in SETS:
            written = write_list(jars, ivy, Path(scratch) / jars.server / jars.list_name)
            sys.stderr.write(f"{jars.server}: {written} jars\n")


if __name__ == "__main__":
    main()
