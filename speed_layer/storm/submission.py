"""Submission: hands the topology to Storm, for `sparse submit`, `trends topology` and `trends up` alike.

streamparse works in a folder with `topologies/` and `tasks.py`: the root of a checkout, or `project/` beside this
module, where a wheel has them.
"""

import atexit
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from config.errors import UnavailableError
from config.settings import Settings, file_path
from config.settings.secrets import write_private
from config.stack.paths import FILES, PROJECT, StackPaths
from config.stack.server import address_of
from config.stack.services import active_settings

log = logging.getLogger(__name__)

TOPOLOGY = "hashtag_counts"
"""The file in topologies/."""
BUILT = Path(__file__).with_name("project")
"""Where a wheel has `topologies/` and `tasks.py`."""
SUBMIT_S = 120.0
_ENVIRONMENT = "topology.environment"


def empty_jar(topology: str) -> Path:
    """The smallest jar that Storm takes: workers run in its folder `resources`. The end of this process removes it."""
    folder = Path(tempfile.mkdtemp(prefix="trends-"))
    jar = folder / f"{topology}.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("resources/topology.txt", f"{topology}\n")
    atexit.register(folder.rmdir)
    atexit.register(jar.unlink, missing_ok=True)  # runs before rmdir: last registered, first run
    return jar


def pass_settings_on(options: dict[str, Any]) -> None:
    """Make the workers read our settings file, unless the options name one.

    The file, never its values: Storm shows options to everybody, and a value may hold a password.
    """
    if file_path().is_file():
        options[_ENVIRONMENT] = {"TRENDS_CONFIG": str(file_path())} | dict(options.get(_ENVIRONMENT) or {})


def submit(settings: Settings, *options: str) -> None:
    """Run `sparse submit` for the Storm of `storm.nimbus`, with more of its options. Raises `UnavailableError`."""
    name = [] if settings.storm.topology == TOPOLOGY else ["-N", settings.storm.topology]
    _sparse(settings, "submit", "-n", TOPOLOGY, *name, *options)
    if address_of(settings.storm.nimbus, "storm.nimbus").here:
        write_private(_record(settings), StackPaths.of(settings.stack).fingerprint(active_settings(settings)))


def outdated(settings: Settings) -> bool:
    """Whether `submit` ran with other settings. False if nobody ran it from this state folder."""
    record = _record(settings)
    return record.is_file() and record.read_text() != StackPaths.of(settings.stack).fingerprint(
        active_settings(settings)
    )


def _record(settings: Settings) -> Path:
    return StackPaths.of(settings.stack).conf("topology") / f"{settings.storm.topology}.settings"


def kill(settings: Settings, name: str = "", wait_s: int = 1) -> None:
    """Run `sparse kill` for a topology, ours where it has no name. Storm forgets it after `wait_s`."""
    _sparse(settings, "kill", "-n", name or settings.storm.topology, "--wait", str(wait_s))


def streamparse_config(settings: Settings) -> Path:
    """The configuration of streamparse for the local Storm, or else for a cluster."""
    here = address_of(settings.storm.nimbus, "storm.nimbus").here
    return FILES / "storm" / ("streamparse.json" if here else "streamparse.cluster.json")


def _sparse(settings: Settings, command: str, *arguments: str) -> None:
    sparse = [sys.executable, "-m", "speed_layer.storm.sparse", command]
    environment = os.environ | {"STREAMPARSE_NIMBUS": settings.storm.nimbus}
    if file_path().is_file():
        environment["TRENDS_CONFIG"] = str(file_path())
    try:
        subprocess.run(  # noqa: S603 - our own program and settings
            [*sparse, "--config", str(streamparse_config(settings)), *arguments],
            cwd=BUILT if BUILT.is_dir() else PROJECT,
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            capture_output=True,
            text=True,
            timeout=SUBMIT_S,
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in (error.stdout + error.stderr).splitlines() if line.strip()]
        raise _unavailable(settings, lines[-1] if lines else f"exit code {error.returncode}") from None
    except subprocess.TimeoutExpired:
        raise _unavailable(settings, f"no answer within {SUBMIT_S:.0f} s") from None


def _unavailable(settings: Settings, what: str) -> UnavailableError:
    return UnavailableError(
        what, where=f"Storm at {settings.storm.nimbus}", next_step="See `trends status` and `trends logs nimbus`"
    )
