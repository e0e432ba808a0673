"""The whole platform under fire: servers of one test module, our processes, links between, and what was sent."""

import csv
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import urlsplit

from confluent_kafka import Producer
from pymongo.errors import PyMongoError
from requests.exceptions import RequestException

from config.settings import Settings
from config.stack import launcher
from config.stack.ports import free_ports
from ingest.hours import Hour
from ingest.topics import create_topics
from serving.store import Store
from tests import servers
from tests.end_to_end.asking import ask, run
from tests.end_to_end.oracle import Sent, count, posts_of_csv
from tests.end_to_end.waiting import until
from tests.faults import invariants, poller
from tests.faults.invariants import Places, Tally
from tests.faults.kept import Kept, said
from tests.faults.network import Link, told_as_text, told_to_kafka
from tests.faults.poller import Polled
from tests.faults.proof import Proof
from tests.faults.replicas import Replicas
from tests.storm import submitted

logger = logging.getLogger(__name__)

HEALED_S, POSTS_PER_S = 120, 200
"""How long a test waits for everything to be caught up, and how fast the backlog goes at least, on a busy machine. What
it took is in its figures."""
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
def own_servers(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A stack of its own, up, what keeps data with some more variables; down at the end."""
    file = servers.written(folder / "stack.toml", servers.own_stack(folder))
    made = Stack(file, servers.read(file))
    try:
        with servers.reading(file):
            with mock.patch.dict(os.environ, variables or {}):
                launcher.up(made.settings, KEEP_DATA, lambda *_: None)
            launcher.up(made.settings, STORM, lambda *_: None)
        yield made
    finally:
        launcher.down(made.settings, lambda *_: None)


class Figures(NamedTuple):
    """What a scenario came to: a row of the table in docs/reliability.md."""

    faults: int
    healed_s: float
    batch_hours: int
    speed_hours: int
    tally: Tally
    polled: Polled

    def __str__(self) -> str:
        tally, polled = self.tally, self.polled
        return (
            f"{self.faults} faults, {tally.posts} posts, {tally.archived} archived, {tally.rejected} rejected, "
            f"{tally.gaps} in gaps, lost {tally.lost}, doubled {tally.doubled}; {self.batch_hours} hours of batch and "
            f"{self.speed_hours} of speed equal the oracle; {polled.answers} answers read, {polled.without} refused; "
            f"caught up {self.healed_s:.0f} s after the last fault"
        )


@dataclass(frozen=True)
class Load:
    """Recorded posts in the order in which they were written: half of them there before, half of them under fire.

    So hours of the first half become complete, and are computed, while those of the second are counted.
    """

    before: Path
    under_fire: Path
    rate: int
    """How many of the second half come in each second while faults strike."""

    @classmethod
    def of(cls, files: Sequence[Path], folder: Path, rate: int) -> "Load":
        """The posts of some CrisisLex files."""
        rows: list[list[str]] = []
        for file in files:
            with file.open(newline="", encoding="utf-8") as lines:
                header, *found = csv.reader(lines)
                rows += found
        rows.sort(key=lambda row: int(row[0].strip("'")))
        made = cls(folder / "before.csv", folder / "under-fire.csv", rate)
        for path, half in ((made.before, rows[: len(rows) // 2]), (made.under_fire, rows[len(rows) // 2 :])):
            with path.open("w", newline="", encoding="utf-8") as lines:
                csv.writer(lines).writerows([header, *half])
        return made

    @property
    def posts(self) -> list[Sent]:
        """All of them."""
        return [post for path in (self.before, self.under_fire) for post in posts_of_csv(path)]

    @property
    def command(self) -> list[str]:
        """What brings the second half, going on where it was stopped."""
        return ["trends", "ingest", "file", str(self.under_fire)]


@dataclass
class World:
    """What strikes aim at."""

    stack: Stack
    load: Load
    file: Path
    settings: Settings
    links: dict[str, Link]
    places: Places
    sent: list[Sent]
    replicas: Replicas | None = None
    kept: dict[str, Kept] = field(default_factory=dict)
    proofs: list[Proof] = field(default_factory=list)

    def strike(self, name: str, strike: "Callable[[World], Proof]") -> None:
        """Strike, and note that it was proved."""
        began = time.monotonic()
        self.proofs.append(proof := strike(self))
        logger.info("%s: %s, over after %.1f s", name, proof, time.monotonic() - began)


@contextmanager
def on_fire(
    stack: Stack, load: Load, folder: Path, replicas: Replicas | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[World]:
    """Everything runs on the servers of `stack`, behind links, while posts come in. `variables` are for our own."""
    with ExitStack() as left:
        world = _made(stack, load, folder, replicas, left)
        create_topics(world.settings.kafka)
        poisoned(world.places)
        with Store(world.settings.mongo) as store:
            store.prepare()
        left.enter_context(submitted(world.settings, world.file))
        run("ingest", "file", str(load.before), variables={"TRENDS_CONFIG": str(world.file)})
        commands = {
            "archive-1": ["trends", "archive"],
            "archive-2": ["trends", "archive"],
            "schedule": ["trends", "schedule"],
            "poll": poller.command(poller.hours_of(count(world.sent, once=True), 4)),
            "ingest": [*load.command, "--rate", f"{load.rate}/s"],
        }
        for name, command in commands.items():
            world.kept[name] = Kept(name, command, world.file, folder, once=name == "ingest", variables=variables)
        try:
            yield world
        except BaseException as error:
            error.add_note(said(list(world.kept.values())))
            raise
        finally:
            for kept in world.kept.values():
                kept.kill()


def poisoned(places: Places) -> None:
    """A few messages in each partition that are no posts: the archiver has to reject them, each once."""
    producer = Producer({"bootstrap.servers": places.kafka})
    for number in range(POISON):
        producer.produce(places.posts, invariants.NO_POST, partition=number % PARTITIONS)
    assert producer.flush(30) == 0


def _made(stack: Stack, load: Load, folder: Path, replicas: Replicas | None, left: ExitStack) -> World:
    """Links to every server that we speak to, and settings that lead through them."""
    own = stack.settings
    real = {
        "kafka": int(own.kafka.bootstrap.rpartition(":")[2]),
        "namenode": urlsplit(own.hdfs.url).port or 0,
        "datanode": own.stack.datanode_ports[1],
        "mongo": int(servers.tables(stack.file)["mongo"]["uri"].partition("/?")[0].rpartition(":")[2]),
    }
    ports = dict(zip(real, free_ports(len(real)), strict=True))
    links = {name: left.enter_context(Link(real[name], name, ports[name])) for name in real}
    links["kafka"].rewrite(told_to_kafka(real["kafka"], ports["kafka"]))
    links["namenode"].rewrite(told_as_text(real["datanode"], ports["datanode"]))
    links["mongo"].rewrite(told_as_text(real["mongo"], ports["mongo"]))
    mark = uuid.uuid4().hex[:10]
    topics = {name: f"{name}-{mark}" for name in ("posts", "hashtags", "rejects", "cursors", "archive_group")}
    mongo = replicas.uri if replicas else f"mongodb://127.0.0.1:{ports['mongo']}/?replicaSet=rs0"
    wanted: dict[str, dict[str, Any]] = {
        "kafka": topics | {"partitions": PARTITIONS, "bootstrap": f"127.0.0.1:{ports['kafka']}"},
        "hdfs": {"root": f"/{mark}/posts", "url": f"http://127.0.0.1:{ports['namenode']}"},
        "mongo": {"database": f"trends_{mark}", "uri": mongo},
        "storm": {"topology": f"hashtag_counts_{mark}"},
    }
    given = servers.tables(stack.file)
    sent = load.posts
    wanted["archive"] = {"lateness_s": _half(sent)}  # so about half of the hours are complete, and the others open
    tables = {name: given.get(name, {}) | QUICK.get(name, {}) | wanted.get(name, {}) for name in given | QUICK | wanted}
    file = servers.written(folder / "trends.toml", tables)
    places = Places(
        kafka=own.kafka.bootstrap,
        posts=topics["posts"],
        rejects=topics["rejects"],
        webhdfs=own.hdfs.url,
        root=f"/{mark}/posts",
        mongo=replicas.uri if replicas else own.mongo.uri.get_secret_value(),
        database=f"trends_{mark}",
    )
    return World(stack, load, file, servers.read(file), links, places, sent, replicas)


def _half(sent: Sequence[Sent]) -> float:
    """Half of the time between the first and the last hour, seconds."""
    hours = [Hour.parse(post.hour).start for post in sent]
    return (max(hours) - min(hours)).total_seconds() / 2


def healed(world: World) -> float:
    """Faults are over. Send the rest of the posts, and wait until all are in both layers with nobody's help: seconds.

    The producer is killed once more for that, and goes on behind its last transaction, as fast as it can.
    """
    began = time.monotonic()
    world.kept["ingest"].kill()
    rest = Kept("ingest", world.load.command, world.file, world.file.parent, once=True)
    world.kept["ingest"] = rest
    until(lambda: world.kept["ingest"].done, lambda: world.kept["ingest"].log.read_text()[-500:], 240)
    began = max(began, world.kept["ingest"].ended_at)
    kafka = invariants.accepted(world.places)
    complete = invariants.complete_hours(kafka, world.settings.archive.lateness_s)
    seen: list[object] = []

    def is_there() -> bool:
        try:
            ends = {partition: last["next"] for partition, last in invariants.last_manifests(world.places).items()}
            assert ends == {partition: max(values) + 1 for partition, values in kafka.items()}, f"archived up to {ends}"
            invariants.assert_views(world.places, world.sent, complete)
        except (AssertionError, PyMongoError, RequestException) as why:
            if seen != [told := str(why).partition("\n")[0][:300]]:
                seen[:] = [told]
                logger.info("not yet, after %.0f s: %s", time.monotonic() - began, told)
            return False
        return True

    until(is_there, lambda: seen, HEALED_S + len(world.sent) / POSTS_PER_S)
    return time.monotonic() - began


def judged(world: World, healed_s: float) -> Figures:
    """Stop what runs, then check every invariant."""
    world.kept["poll"].kill()
    for name in ("schedule", "archive-1", "archive-2"):
        world.kept[name].stop()
    with servers.reading(world.file):
        told = ask("status", exits=1)  # 1: neither services nor topology of the stack itself run
        run("archive", "--until-drained")
    assert (told["speed"]["behind"], told["archive"]["behind"]) == (0, 0), told
    kafka = invariants.accepted(world.places)
    invariants.assert_sent_once(kafka, world.sent)
    tally = invariants.assert_archived_once(world.places, kafka)
    assert tally.rejected == POISON, tally
    complete = invariants.complete_hours(kafka, world.settings.archive.lateness_s)
    batch, speed = invariants.assert_views(world.places, world.sent, complete)
    assert min(batch, speed) > 10, f"{batch} hours of batch, {speed} of speed: one of the layers was hardly asked"
    invariants.assert_no_orphan(world.places)
    polled = poller.judged(world.kept["poll"].out, count(world.sent, once=True), count(world.sent, once=False))
    assert polled.answers > 10, polled
    for kept in world.kept.values():
        kept.assert_bounded()
    return Figures(len(world.proofs), healed_s, batch, speed, tally, polled)


def struck(world: World, names: Iterable[str], strikes: "Mapping[str, Callable[[World], Proof]]") -> None:
    """Strike with these, one after the other; then everything heals, and all invariants hold."""
    for name in names:
        world.strike(name, strikes[name])
    logger.info("%s", judged(world, healed(world)))
