"""The platform on servers that ask for passwords, over TLS: equal answers, and one sentence for what a login lacks."""

import csv
import os
import ssl
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import psutil
import psycopg
import pytest

from bench.harness import servers, stack_settings
from bench.harness.topology import run_topology
from config.settings import Settings
from config.settings.logins import postgres_login
from config.settings.secure_stack import SecureFiles
from config.stack.paths import StackPaths
from config.stack.servers.secure import certificates
from config.stack.supervision import Supervision
from ingest.hours import HOUR_MS
from ingest.kafka.topics import core_topics, create_topics
from ingest.sources.sample.text import TextMaker
from serving.views.store import Store
from speed_layer.lag import caught_up
from tests.support.cli import ROOT, ask, assert_answers, environment, run
from tests.support.faults.network import Link, Tls
from tests.support.oracle import Sent, count, posts_of_csv
from tests.support.posts import PAST, SNOWFLAKE_MS
from tests.support.wait import counted, until

pytestmark = pytest.mark.timeout(600)

HOURS = 24
FEED = """about = "Numbers of a CSV"
[source]
type = "file"
path = "{folder}/numbers.csv"
format = "csv"
[topic]
name = "numbers"
[sinks.copy]
type = "topic"
topic = "numbers-copy"
[sinks.csv]
type = "csv"
file = "{folder}/copy.csv"
[sinks.csv.columns]
n = {{ from = "n", type = "int" }}
"""
PASSWORDS = ("kafka-broker", "kafka-controller", "kafka-trends", "mongo-admin", "mongo-trends", "store")


@pytest.fixture(scope="module")
def secure_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The settings file of a secure stack with all its servers."""
    names = ("kafka", "namenode", "datanode", "mongo", "zookeeper", "nimbus", "supervisor", "postgres")
    with servers.start(tmp_path_factory.mktemp("secure"), names, secure=True) as file:
        yield file


@pytest.fixture
def secure(secure_file: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Its settings, with topics and collections; commands read them too."""
    monkeypatch.setenv("TRENDS_CONFIG", str(secure_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    settings = stack_settings.read(secure_file)
    create_topics(settings.kafka, core_topics(settings.kafka))
    with Store(settings.mongo) as store:
        store.prepare()
    return settings


@pytest.fixture(scope="module")
def posts_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first day of the Boston posts; without recorded data, posts of the sample in the same format."""
    recorded = Path(os.environ.get("TRENDS_TEST_DATA") or ROOT.parent / "shared" / "data") / "crisislex_t6"
    file = tmp_path_factory.mktemp("posts") / "posts.csv"
    found = next(iter(recorded.glob("*Boston*.csv")), None)
    rows = _first_hours(found) if found else _samples(3000)
    with file.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([["tweet id", " tweet", " label"], *rows])
    return file


def _first_hours(file: Path) -> list[list[str]]:
    hours = sorted({post.hour for post in posts_of_csv(file)})[:HOURS]
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    return [row for row, post in zip(rows, posts_of_csv(file), strict=True) if post.hour in hours]


def _samples(posts: int) -> Iterator[list[str]]:
    random, texts = Random(1), TextMaker()
    for number in range(posts):
        at = PAST + number * HOURS * HOUR_MS // posts
        yield [f"'{(at - SNOWFLAKE_MS << 22) + number}'", texts.make(random, None)[0], "On-topic"]


def test_every_hour_equals_the_oracle_in_both_layers_on_a_secure_stack(
    secure: Settings, secure_file: Path, posts_file: Path
) -> None:
    sent: list[Sent] = list(posts_of_csv(posts_file))
    with run_topology(secure, secure_file):
        loaded = ask("ingest", "file", str(posts_file))
        assert (loaded["posts"], loaded["rejects"]) == (len(sent), 0)
        until(lambda: caught_up(secure), lambda: counted(secure))
    live = {hour: counts for hour, counts in count(sent, once=False).items() if counts}
    assert_answers(live, origin="speed", state="live", posts=None)
    run("archive", "--until-drained")
    run("batch", "run")
    assert_answers(count(sent, once=True), origin="batch", state="final")
    with psycopg.connect(**postgres_login(secure)) as rows:
        assert rows.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)


def test_no_password_is_in_a_process_list_or_a_log(secure: Settings) -> None:
    files, paths = SecureFiles.of(secure.stack), StackPaths.of(secure.stack)
    secret = [files.password(name) for name in PASSWORDS]
    ours = Supervision(paths).strays()
    assert len(ours) > 7
    for process in ours:
        with psutil.Process(process.pid).oneshot():
            told = " ".join([*process.cmdline(), *process.environ().values()])
        assert not [word for word in secret if word in told], process.name()
    for log in (paths.state / "logs").iterdir():
        text = log.read_text(errors="replace")
        assert not [word for word in secret if word in text], log


def test_a_feed_gets_the_rights_to_its_topics_from_whatever_runs_it(secure: Settings, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("n\n1\n2\n")
    (tmp_path / "numbers.toml").write_text(FEED.format(folder=tmp_path))
    run("feed", "run", str(tmp_path / "numbers.toml"), "--until-drained")
    rows = (tmp_path / "copy.csv").read_text().split()
    assert [row.partition(",")[0] for row in rows] == ["n", "1", "2"]
    assert "Recounted from the rows" in run("feed", "demo", "words")


def refused(*typed: str, **variables: str) -> str:
    """What a command says that fails: one sentence, with the exit code 1."""
    command, settings = ["trends", *typed], environment(**variables)
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_a_wrong_password_is_told_as_one(secure: Settings, posts_file: Path) -> None:
    wrong = "this-is-wrong"
    said = refused("ingest", "file", str(posts_file), TRENDS_KAFKA__CONF__SASL_PASSWORD=wrong)
    assert "wrong password, or no such user: trends" in said
    assert wrong not in said
    uri = secure.mongo.uri.get_secret_value().replace(SecureFiles.of(secure.stack).password("mongo-trends"), wrong)
    said = refused("top", "--hour", "2013-04-15T20", TRENDS_MONGO__URI=uri)
    assert "MongoDB" in said
    assert "authentication failed, user trends" in said
    assert wrong not in said


def test_an_expired_certificate_is_told_as_one(secure: Settings, posts_file: Path, tmp_path: Path) -> None:
    files = SecureFiles.of(secure.stack)
    authority = certificates.read(files.ca, files.ca_key)
    assert authority is not None
    ended = certificates.now() - timedelta(days=1)
    past = certificates.issue(authority, ended - timedelta(days=1), ended)
    (tmp_path / "past.pem").write_text(past.key_pem() + past.certificate_pem())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "past.pem")
    tls = Tls(server, ssl.create_default_context(cafile=files.ca))
    with Link(int(secure.kafka.bootstrap.rpartition(":")[2]), "kafka", tls=tls) as link:
        said = refused("ingest", "file", str(posts_file), TRENDS_KAFKA__BOOTSTRAP=f"127.0.0.1:{link.port}")
        assert f"the certificate of 127.0.0.1:{link.port} has expired" in said


def test_a_missing_acl_is_told_as_one(secure: Settings, posts_file: Path) -> None:
    said = refused("ingest", "file", str(posts_file), TRENDS_KAFKA__POSTS="others")
    assert "user trends has no ACL for topic others" in said
