"""Files of the repository, and the modules among them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("config", "ingest", "speed_layer", "batch_layer", "serving", "topologies", "bench")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def modules() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in OURS]
