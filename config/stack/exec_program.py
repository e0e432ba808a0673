"""Exec: replaces this process by the program that a JSON file describes: `exec_program.py FILE FINGERPRINT`.

The file holds `command`, the whole `environment`, and `folder`. Environments go through a file because supervisord's
own syntax for them can't hold every value. The fingerprint makes a changed description a changed command. Standard
library alone, and run without site-packages: it is on the way of every start.
"""

import json
import os
import sys
from pathlib import Path


def main(file: str) -> None:
    """Replace this process. Returns only by an error."""
    wanted = json.loads(Path(file).read_text())
    os.umask(0o077)  # a supervisord of an earlier version has another
    if wanted["folder"]:
        os.chdir(wanted["folder"])
    command = wanted["command"]
    os.execve(command[0], command, wanted["environment"])  # noqa: S606 - the purpose of this file


if __name__ == "__main__":
    main(sys.argv[1])
