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
            commit = self._describe(root)
            if not commit:
                return
            with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="utf-8") as file:
                file.write(commit)
            self._file = Path(file.name)
            added[file.name] = COMMIT

    def _describe(self, root: Path) -> str:
        """The commit; empty, with a warning, where git is missing or refuses the folder."""
        try:
            done = subprocess.run(DESCRIBE, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        except OSError as error:
            why = f"git: {error.strerror}"
        else:
            if done.returncode == 0:
                return done.stdout
            why = " ".join(done.stderr.split())
        self.app.display_warning(f"`trends --version` of this package names no commit: {why}")
        return ""

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's
        """Remove our copy of the commit."""
        if file := getattr(self, "_file", None):
            file.unlink(missing_ok=True)
