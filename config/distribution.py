"""The distribution: its name on PyPI, its version, and the commit behind it.

The command is `trends`; the distribution has a longer name, since `trends` on PyPI is another project.
"""

import subprocess
import tomllib
from importlib.metadata import version as version_of
from pathlib import Path

NAME = "trends-lambda"
COMMIT_FILE = Path(__file__).with_name("commit.txt")
"""The commit that a wheel comes from: hatch_build.py puts it there."""
EXTRAS = {
    "apscheduler": ("batch",),
    "fastapi": ("serve",),
    "duckdb": ("notebook",),
    "fiftyone": ("local",),
    "jupyterlab": ("notebook",),
    "opentelemetry": ("trace",),
    "pandas": ("batch", "notebook"),
    "pkg_resources": ("speed",),
    "py4j": ("batch",),
    "pyarrow": ("batch", "parquet"),
    "pyspark": ("batch",),
    "resvg_py": ("pictures",),
    "starlette": ("serve",),
    "streamparse": ("speed",),
    "thriftpy2": ("speed",),
    "uvicorn": ("serve",),
}
"""The extras that bring a package, by the name under which code imports it."""
CHECKOUT = Path(__file__).parents[1]
"""The root of a checkout; of an installed wheel, the folder of all packages."""
_DESCRIBE = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")


def version() -> str:
    """The version: in a checkout that of pyproject.toml, else that of the installed distribution."""
    project = CHECKOUT / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    return version_of(NAME)


def commit() -> str:
    """The commit, `-dirty` behind it where files differ from it; empty where neither a build nor git tells."""
    if COMMIT_FILE.is_file():
        return COMMIT_FILE.read_text(encoding="utf-8").strip()
    if not (CHECKOUT / ".git").exists():
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - a command of ours
            _DESCRIBE, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def how_to_install(package: str) -> str:
    """The command that brings a package of an extra; empty for a package of none."""
    extras = EXTRAS.get(package.split(".", maxsplit=1)[0], ())
    if extras and (CHECKOUT / "pyproject.toml").is_file():
        return "`make .venv` installs it"
    return " or ".join(f"`pip install '{NAME}[{extra}]'`" for extra in extras)
