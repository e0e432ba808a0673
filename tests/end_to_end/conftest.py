"""Fixtures of several tests in a browser."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from config.settings import Settings
from tests.support.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, once for all tests of a module."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def own(stack: Settings) -> Settings:
    """Topics, a database and a folder that no other module has."""
    mark = uuid.uuid4().hex[:10]
    kafka = {name: f"{name}-{mark}" for name in ("posts", "hashtags", "rejects", "cursors")}
    return stack.model_copy(
        update={
            "kafka": stack.kafka.model_copy(update=kafka),
            "mongo": stack.mongo.model_copy(update={"database": f"trends_{mark}"}),
            "hdfs": stack.hdfs.model_copy(update={"root": f"/{mark}/posts"}),
        }
    )
