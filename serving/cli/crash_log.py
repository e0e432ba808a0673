"""Crash log: the traceback of an internal error goes to a file, and its path to the user."""

import os
import traceback
from pathlib import Path

from config.redaction import redact


def log_crash(error: Exception) -> str:
    """Append the traceback, without secrets, to `logs/trends-error.log` of the state folder. Returns a sentence."""
    path = Path(os.environ.get("TRENDS_STACK__STATE", "state")) / "logs" / "trends-error.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("a", encoding="utf-8") as log:
            log.write(redact("".join(traceback.format_exception(error))))
    except OSError:
        return "Writing the details failed"
    return f"The details are in {path}"
