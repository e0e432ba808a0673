"""What tests share: real servers, once a session; topics, a database and a folder for each test; recorded posts.

`TRENDS_TEST_STACK=path/to/trends.toml` uses servers that run already, in place of starting some. The servers of feeds
start when the first test asks for them.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.harness import servers, stack_settings
from config import redaction
from config.settings import Settings
from config.stack import launcher
from ingest.kafka.topics import core_topics, create_topics
from serving.views.store import Store
from tests.support import generated_data
from tests.support.hive import own_hive_database
from tests.support.postgres import own_database

ROOT = Path(__file__).parent.parent
PARTITIONS = 3
RECORDED = Path(os.environ.get("TRENDS_TEST_DATA") or ROOT.parent / "shared" / "data")


def pytest_configure(config: pytest.Config) -> None:
    """Being terminated ends as Ctrl-C does: with every fixture's clean-up."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


@pytest.fixture(autouse=True)
def secrets_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test reads as a secret is none in the next one, where the same word may be an ordinary one."""
    monkeypatch.setattr(redaction, "_known", set(redaction._known))


@pytest.fixture(scope="session")
def stack_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The settings file of servers that run: those that TRENDS_TEST_STACK names, else ones of this session alone."""
    if named := os.environ.get("TRENDS_TEST_STACK"):
        yield Path(named).absolute()
        return
    with servers.start(tmp_path_factory.mktemp("stack"), metrics=True) as file:
        yield file


@pytest.fixture(scope="session")
def stack(stack_file: Path) -> Settings:
    """Kafka, HDFS, MongoDB and Storm. A test that writes takes `settings`."""
    return stack_settings.read(stack_file)


@pytest.fixture
def settings_file(stack: Settings, stack_file: Path, tmp_path: Path) -> Path:
    """The file of `settings`, for commands that are started: `TRENDS_CONFIG=<it>`."""
    return stack_settings.isolate(stack_file, tmp_path / "trends.toml", kafka={"partitions": PARTITIONS})


@pytest.fixture
def settings(settings_file: Path) -> Iterator[Settings]:
    """Servers, with topics, a consumer group, a database and an HDFS root that no other test has, all of them made."""
    own = stack_settings.read(settings_file)
    create_topics(own.kafka, core_topics(own.kafka))
    with Store(own.mongo) as store:
        store.prepare()
        yield own
        store.client.drop_database(own.mongo.database)


@pytest.fixture(scope="session")
def postgres_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The settings file of a PostgreSQL alone, which no other server of the session waits for."""
    if named := os.environ.get("TRENDS_TEST_STACK"):
        yield start_too(Path(named).absolute(), "postgres")
        return
    with servers.start(tmp_path_factory.mktemp("postgres"), ["postgres"]) as file:
        yield file


@pytest.fixture
def postgres(postgres_file: Path, tmp_path: Path) -> Iterator[Settings]:
    """PostgreSQL alone, with a database that no other test has. For tests that take none of `settings`."""
    own = stack_settings.read(stack_settings.isolate(postgres_file, tmp_path / "postgres.toml"))
    with own_database(own):
        yield own


@pytest.fixture(scope="session")
def stack_with_postgres(stack_file: Path) -> Path:
    """The settings file of all servers, PostgreSQL among them."""
    return start_too(stack_file, "postgres")


@pytest.fixture
def settings_with_postgres(stack_with_postgres: Path, settings: Settings) -> Iterator[Settings]:
    """`settings`, whose database of PostgreSQL is there too."""
    with own_database(settings):
        yield settings


@pytest.fixture(scope="session")
def stack_with_hive(stack_file: Path) -> Path:
    """The settings file of all servers, Hive and PostgreSQL among them."""
    return start_too(stack_file, "hive")


@pytest.fixture
def settings_with_hive(stack_with_hive: Path, settings: Settings) -> Iterator[Settings]:
    """`settings`, whose databases of Hive and PostgreSQL are there too."""
    with own_database(settings), own_hive_database(settings):
        yield settings


def start_too(stack_file: Path, name: str) -> Path:
    """Have an optional server in a stack, whose settings file it returns. It ends with that stack."""
    launcher.up(stack_settings.read(stack_file), [name], lambda *_: None)
    return stack_file


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Recorded posts, which the project does not hold."""
    if not RECORDED.is_dir():
        pytest.skip(
            f"no recorded posts in {RECORDED}: set TRENDS_TEST_DATA to a folder that has crisislex_t6/ (crisislex.org)"
        )
    return RECORDED


@pytest.fixture(scope="session", params=["generated", *(["recorded"] if RECORDED.is_dir() else [])])
def service_data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What services send: generated in their shapes, and once more as recorded where that is there."""
    return RECORDED if request.param == "recorded" else generated_data.write(tmp_path_factory.mktemp("services"))
