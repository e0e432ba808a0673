"""The whole platform under fire: servers of one test module, our processes, links between, and what was sent."""

import logging
import os
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from confluent_kafka import Producer
from pydantic import SecretStr

from bench.harness import stack_settings
from bench.harness.topology import run_topology
from config.settings import Settings
from config.settings.secure_stack import SecureFiles, kafka_login, secure_files
from config.stack import launcher
from config.stack.ports import free_ports
from config.stack.servers.secure.kafka_rights import OWNER, give
from ingest.kafka.topics import core_topics, create_topics
from serving.views.store import Store
from tests.support.cli import run
from tests.support.faults import invariants, poller
from tests.support.faults.invariants import Places
from tests.support.faults.kept_process import KeptProcess, last_lines
from tests.support.faults.load import Load, half_of
from tests.support.faults.network import Link, Tls, port_in_kafka, port_in_text
from tests.support.faults.proof import Proof
from tests.support.faults.replicas import Replicas
from tests.support.oracle import Sent, count

logger = logging.getLogger(__name__)

PARTITIONS = 3
POISON = 9
KEEP_DATA, STORM = ("kafka", "namenode", "datanode", "mongo"), ("zookeeper", "nimbus", "supervisor")
QUICK: dict[str, dict[str, Any]] = {
    "archive": {"flush_after_s": 1, "idle_after_s": 1_000_000},
    "batch": {"lease_s": 5, "every_s": 5},
    "hdfs": {"timeout_s": 5},
    "mongo": {"timeout_s": 5},
}


@dataclass
class Stack:
    """Servers that nobody else uses."""

    file: Path
    settings: Settings


@contextmanager
def own_servers(folder: Path, variables: Mapping[str, str] | None = None, *, secure: bool = False) -> Iterator[Stack]:
    """A stack of its own, up, what keeps data with some more variables; down at the end."""
    tables = stack_settings.private_stack(folder)
    tables["stack"]["secure"] = secure
    file = stack_settings.write(folder / "stack.toml", tables)
    made = Stack(file, stack_settings.read(file))
    try:
        with stack_settings.use(file):
            with mock.patch.dict(os.environ, variables or {}):
                launcher.up(made.settings, KEEP_DATA, lambda *_: None)
            launcher.up(made.settings, STORM, lambda *_: None)
        yield Stack(file, stack_settings.read(file))  # with the logins that a secure stack has now
    finally:
        launcher.down(made.settings, lambda *_: None)


@dataclass
class Platform:
    """What strikes aim at."""

    stack: Stack
    load: Load
    file: Path
    settings: Settings
    links: dict[str, Link]
    places: Places
    sent: list[Sent]
    replicas: Replicas | None = None
    processes: dict[str, KeptProcess] = field(default_factory=dict)
    proofs: list[Proof] = field(default_factory=list)

    def strike(self, name: str, strike: "Callable[[Platform], Proof]") -> None:
        """Strike, and note that it was proved."""
        began = time.monotonic()
        self.proofs.append(proof := strike(self))
        logger.info("%s: %s, over after %.1f s", name, proof, time.monotonic() - began)


@contextmanager
def on_fire(
    stack: Stack, load: Load, folder: Path, replicas: Replicas | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Platform]:
    """Everything runs on the servers of `stack`, behind links, while posts come in. `variables` are for our own."""
    with ExitStack() as left:
        platform = _made(stack, load, folder, replicas, left)
        if (files := secure_files(platform.settings.stack)) is not None:
            assert give(platform.settings, files), "no rights for the topics of this scenario"
        create_topics(platform.settings.kafka, core_topics(platform.settings.kafka))
        poisoned(platform.places)
        with Store(platform.settings.mongo) as store:
            store.prepare()
        left.enter_context(run_topology(platform.settings, platform.file))
        run("ingest", "file", str(load.before), variables={"TRENDS_CONFIG": str(platform.file)})
        commands = {
            "archive-1": ["trends", "archive"],
            "archive-2": ["trends", "archive"],
            "schedule": ["trends", "schedule"],
            "poll": poller.command(poller.hours_of(count(platform.sent, once=True), 4)),
            "ingest": [*load.command, "--rate", f"{load.rate}/s"],
        }
        for name, command in commands.items():
            platform.processes[name] = KeptProcess(
                name, command, platform.file, folder, once=name == "ingest", variables=variables
            )
        try:
            yield platform
        except BaseException as error:
            error.add_note(last_lines(list(platform.processes.values())))
            raise
        finally:
            for kept in platform.processes.values():
                kept.kill()


def poisoned(places: Places) -> None:
    """A few messages in each partition that are no posts: the archiver has to reject them, each once."""
    producer = Producer({"bootstrap.servers": places.kafka, **places.login})
    for number in range(POISON):
        producer.produce(places.posts, invariants.NO_POST, partition=number % PARTITIONS)
    assert producer.flush(30) == 0


def opened(files: SecureFiles) -> Tls:
    """What a link to a server of a secure stack needs to see what passes: the server's own certificate and key."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.server)
    return Tls(server, ssl.create_default_context(cafile=files.ca))


def plain(options: Mapping[str, str | SecretStr]) -> dict[str, str]:
    """Options of a client of Kafka, as its own client takes them."""
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in options.items()
    }


def _made(stack: Stack, load: Load, folder: Path, replicas: Replicas | None, left: ExitStack) -> Platform:
    """Links to every server that we speak to, and settings that lead through them."""
    own = stack.settings
    real = {
        "kafka": int(own.kafka.bootstrap.rpartition(":")[2]),
        "namenode": urlsplit(own.hdfs.url).port or 0,
        "datanode": own.stack.datanode_ports[1],
        "mongo": int(stack_settings.tables(stack.file)["mongo"]["uri"].partition("/?")[0].rpartition(":")[2]),
    }
    ports = dict(zip(real, free_ports(len(real)), strict=True))
    files = secure_files(own.stack)
    tls = opened(files) if files else None
    links = {name: left.enter_context(Link(real[name], name, ports[name], tls)) for name in real}
    links["kafka"].rewrite(port_in_kafka(real["kafka"], ports["kafka"]))
    links["namenode"].rewrite(port_in_text(real["datanode"], ports["datanode"]))
    links["mongo"].rewrite(port_in_text(real["mongo"], ports["mongo"]))
    mark = uuid.uuid4().hex[:10]
    database = own.mongo.database if files else f"trends_{mark}"  # the user of a secure stack may write to one alone
    topics = {name: f"{name}-{mark}" for name in ("posts", "hashtags", "rejects", "cursors", "archive_group")}
    mongo = replicas.uri if replicas else f"mongodb://127.0.0.1:{ports['mongo']}/?replicaSet=rs0"
    wanted: dict[str, dict[str, Any]] = {
        "kafka": topics | {"partitions": PARTITIONS, "bootstrap": f"127.0.0.1:{ports['kafka']}"},
        "hdfs": {"root": f"/{mark}/posts", "url": f"http://127.0.0.1:{ports['namenode']}"},
        "mongo": {"database": database, "uri": mongo},
        "storm": {"topology": f"hashtag_counts_{mark}"},
    }
    given = stack_settings.tables(stack.file)
    sent = load.posts
    wanted["archive"] = {"lateness_s": half_of(sent)}  # so about half of the hours are complete, and the others open
    tables = {name: given.get(name, {}) | QUICK.get(name, {}) | wanted.get(name, {}) for name in given | QUICK | wanted}
    file = stack_settings.write(folder / "trends.toml", tables)
    places = Places(
        kafka=own.kafka.bootstrap,
        posts=topics["posts"],
        rejects=topics["rejects"],
        webhdfs=own.hdfs.url,
        root=f"/{mark}/posts",
        mongo=replicas.uri if replicas else own.mongo.uri.get_secret_value(),
        database=database,
        login=plain(kafka_login(files, OWNER)) if files else {},
        ca=str(files.ca) if files else "",
    )
    return Platform(stack, load, file, stack_settings.read(file), links, places, sent, replicas)
