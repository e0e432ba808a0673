"""Copies of MongoDB in files, as far as no server takes part."""

import gzip
from pathlib import Path

import bson
import pytest

from config.errors import DamagedError, UsageError
from config.settings import Settings
from deploy.mongo_copy import dump, restore

AWAY = Settings.model_validate({"mongo": {"uri": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1"}})
"""Where no server answers: what asks one raises `UnavailableError`."""
WHOLE = gzip.compress(b"".join(bson.encode({"_id": number}) for number in range(100)))


@pytest.mark.parametrize(
    "damaged",
    [
        WHOLE[:-20], WHOLE[:60] + bytes(4) + WHOLE[64:], b"no gzip", gzip.compress(b"\x40\0\0\0half"),
        gzip.compress(b"\xff\xff\xff\xffrest"), gzip.compress(b"abc"),
    ],
    ids=["short", "other bytes", "no gzip", "half a document", "negative size", "no size"],
)  # fmt: skip
def test_a_restore_of_a_damaged_file_replaces_nothing(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "hours.bson.gz").write_bytes(WHOLE)
    (tmp_path / "runs.bson.gz").write_bytes(damaged)
    with pytest.raises(DamagedError, match=r"runs\.bson\.gz"):
        restore(AWAY, tmp_path)


def test_a_dump_mixes_with_no_other(tmp_path: Path) -> None:
    (tmp_path / "hours.bson.gz").write_bytes(WHOLE)
    with pytest.raises(UsageError, match="an empty folder"):
        dump(AWAY, tmp_path)
