"""Loopback: the Java agent that has Storm's servers listen on 127.0.0.1 alone. No setting of Storm 2.8 does.

Its source is config/storm/Loopback.java. A machine with Java but without its compiler is enough: Janino compiles the
agent, and pyspark ships it with the ASM that the agent uses. Without it nimbus, the supervisor and every worker listen
on every interface, and everybody with access to nimbus can run code here.
"""

import hashlib
import os
import tempfile
import threading
import zipfile
from pathlib import Path

from config.errors import TrendsError
from config.stack.jars.ivy import spark_jars
from config.stack.paths import FILES, StackPaths
from config.stack.server import Program

SOURCE = FILES / "storm" / "Loopback.java"
MANIFEST = "Manifest-Version: 1.0\nPremain-Class: Loopback\n"
ASM = "org/apache/xbean/asm9/"
_one = threading.Lock()
"""Several servers prepare at once; one of them compiles."""


def agent(paths: StackPaths) -> Path:
    """Where the agent is, after `prepare`: another source, or another ASM, is another file."""
    text = SOURCE.read_bytes() + _jar("xbean-asm9-shaded").name.encode()
    return paths.cache / "jars" / f"storm-loopback-{hashlib.sha256(text).hexdigest()[:12]}.jar"


def prepare(paths: StackPaths, jvm: Path) -> None:
    """Compile it where it is not there yet. Raises `TrendsError` with the compiler's output."""
    final = agent(paths)
    with _one:
        if final.is_file():
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".loopback-", dir=final.parent) as scratch:
            classes, jar = Path(scratch) / "classes", Path(scratch) / "agent.jar"
            classes.mkdir()
            _compiler(jvm, classes).run("Storm's loopback agent")
            _pack(classes, jar)
            jar.replace(final)


def options(paths: StackPaths, *others: str) -> str:
    """`JDK_JAVA_OPTIONS` for a Java, and every Java that it starts: the caller's own options, `others`, the agent.

    The launcher splits it at blanks, and knows quotes of both kinds but no escapes.
    """
    ours = ["'\"'".join(f'"{part}"' for part in each.split('"')) for each in (*others, f"-javaagent:{agent(paths)}")]
    return " ".join([os.environ.get("JDK_JAVA_OPTIONS", ""), *ours]).strip()


def _compiler(jvm: Path, target: Path) -> Program:
    compiler = ":".join(str(_jar(name)) for name in ("janino", "commons-compiler", "xbean-asm9-shaded"))
    main = "org.codehaus.commons.compiler.samples.CompilerDemo"
    arguments = ["-d", str(target), "-classpath", str(_jar("xbean-asm9-shaded")), str(SOURCE)]
    return Program([str(jvm), "-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", compiler, main, *arguments])


def _pack(classes: Path, jar: Path) -> None:
    """The agent and the part of ASM that it uses, in one jar: a worker has no other way to it."""
    compiled = sorted(classes.glob("*.class"))
    if not compiled:
        raise TrendsError("the compiler wrote nothing", where="Storm's loopback agent")
    with zipfile.ZipFile(jar, "w") as packed, zipfile.ZipFile(_jar("xbean-asm9-shaded")) as asm:
        packed.writestr("META-INF/MANIFEST.MF", MANIFEST)
        for file in compiled:
            packed.write(file, file.name)
        for name in asm.namelist():
            if name.startswith(ASM) and "/" not in name.removeprefix(ASM) and name.endswith(".class"):
                packed.writestr(name, asm.read(name))


def _jar(name: str) -> Path:
    """A jar of pyspark. Raises `TrendsError` where it ships none of that name."""
    for jar in sorted(spark_jars().glob(f"{name}-[0-9]*.jar")):
        return jar
    raise TrendsError(f"pyspark ships no {name}", where="Storm's loopback agent", next_step="`make .venv`")
