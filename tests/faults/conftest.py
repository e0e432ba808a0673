"""What scenarios share: recorded posts."""

from pathlib import Path

import pytest


@pytest.fixture
def files(test_data: Path) -> list[Path]:
    """The six files of CrisisLexT6."""
    return sorted((test_data / "crisislex_t6").glob("*.csv"))


@pytest.fixture
def boston(files: list[Path]) -> Path:
    """10,012 posts of five days."""
    (found,) = (file for file in files if "Boston" in file.name)
    return found
