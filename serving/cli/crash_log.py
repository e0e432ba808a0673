"""Defects: an error that should not happen. Its details go to a file; whoever meets it is told which."""

import os
import traceback
from pathlib import Path

from config.redaction import redact


def log_crash(error: Exception) -> str:
    """Append the traceback, without secrets, to `logs/trends-error.log` of the state folder. Says where."""
    told = Path(os.environ.get("TRENDS_STACK__STATE", "state")) / "logs" / "trends-error.log"
    try:
        told.parent.mkdir(parents=True, exist_ok=True)
        told.touch(mode=0o600)
        with told.open("a", encoding="utf-8") as log:
            log.write(redact("".join(traceback.format_exception(error))))
    except OSError:
        return "The details could not be written"
    return f"The details are in {told}"
