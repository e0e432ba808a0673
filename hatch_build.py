"""Build hook of hatchling: adds the commit as `config/commit.txt`, and to a wheel what streamparse reads."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMMIT = "config/commit.txt"
DESCRIBE = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
STREAMPARSE = {
    "tasks.py": "speed_layer/storm/project/tasks.py",
    "topologies": "speed_layer/storm/project/topologies",
}


class PlatformHook(BuildHookInterface):
    """Adds files before a build. An editable install has the checkout, and needs none of them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; a source distribution brings its commit, which stays."""
        if version == "editable":
            return
        root, added = Path(self.root), build_data["force_include"]
        if self.target_name == "wheel":
            added.update({str(root / path): place for path, place in STREAMPARSE.items()})
        if (root / ".git").exists() and not (root / COMMIT).exists():
            done = subprocess.run(DESCRIBE, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603 - ours
            with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="utf-8") as file:
                file.write(done.stdout)
            self._file = Path(file.name)
            added[file.name] = COMMIT

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's
        """Remove our copy of the commit."""
        if file := getattr(self, "_file", None):
            file.unlink(missing_ok=True)
