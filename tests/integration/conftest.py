"""Fixtures of several integration tests: the batch layer."""

from collections.abc import Iterator

import pytest

from batch_layer.spark.session import Engine
from config.settings import Settings
from tests.support.batch import Layers


@pytest.fixture(scope="module")
def engine(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One Spark session: it takes seconds to start."""
    engine = Engine(stack.spark, stack.hdfs, tmp_path_factory.mktemp("spark"))
    yield engine
    engine.close()


@pytest.fixture
def layer(settings: Settings, engine: Engine) -> Iterator[Layers]:
    """The batch layer on the servers of a test."""
    layers = Layers(settings, engine)
    yield layers
    layers.close()
