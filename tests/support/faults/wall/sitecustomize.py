"""A Python process whose wall clock is off by as many seconds as a file says, whenever it looks. See `clock.Clock`."""

import os
import time
from pathlib import Path

_file = Path(os.environ["WALL_CLOCK_OFFSET"])
_real_ns = time.time_ns


def _time_ns() -> int:
    return _real_ns() + int(_file.read_text()) * 1_000_000_000


time.time_ns = _time_ns
time.time = lambda: _time_ns() / 1e9
