"""How many histories a law goes through: a few hundred by default, as many as `LAWS_SCHEDULES` says in `make laws`."""

import os


def schedules(few: int) -> int:
    return int(os.environ.get("LAWS_SCHEDULES", few))
