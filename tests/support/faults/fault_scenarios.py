"""What can happen to the platform: each strike composes faults of the library, and gives their proofs."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psutil

from config.stack import launcher
from ingest.kafka.offsets import ends as committed_ends
from tests.support.faults.network import kafka, text
from tests.support.faults.platform import Platform
from tests.support.faults.processes import freeze, kill, restart, server
from tests.support.faults.proof import Proof, proving
from tests.support.kafka import committed
from tests.support.topics import widened
from tests.support.wait import until

Strike = Callable[[Platform], Proof]
STRUCK_S = 60
"""Longest wait for a fault to find what it strikes, and for a server to serve again."""
SESSION_S = 12.0
"""Longer than a member of a consumer group may be silent (10 s), and a lease of the scheduler (5 s here)."""
PRODUCE, END_TRANSACTION = 0, 26
"""API keys of Kafka."""


def _ours(name: str) -> Strike:
    return lambda platform: kill(platform.processes[name].process(), name)


def _component(name: str) -> Strike:
    """A process that Storm has started for our topology: spout, bolt, or the JVM of a worker."""

    def strike(platform: Platform) -> Proof:
        until(lambda: _found(platform, name) is not None, lambda: f"no {name}", STRUCK_S)
        process = _found(platform, name)
        assert process is not None
        return kill(process, name)

    return strike


def _found(platform: Platform, name: str) -> psutil.Process | None:
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        try:
            if _is(name, command) and process.environ().get("TRENDS_CONFIG") == str(platform.file):
                return process
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return None


def _is(name: str, command: list[str]) -> bool:
    if name == "worker":
        return "org.apache.storm.daemon.worker.Worker" in command and "org.apache.storm.LogWriter" not in command
    return name in " ".join(command)


def _server(name: str) -> Strike:
    """kill -9 of a server; it is over when the server serves again, which nobody helps it to."""

    def strike(platform: Platform) -> Proof:
        proof = kill(server(platform.stack.settings, name), name)
        serves(platform, name)
        return proof

    return strike


def serves(platform: Platform, name: str) -> None:
    """Wait until a server serves again, with nobody's help."""
    one = next(each for each in launcher.servers(platform.stack.settings) if each.name == name)
    until(one.ready, lambda: f"{name} does not serve", STRUCK_S)


def _restart(name: str) -> Strike:
    return lambda platform: restart(platform.stack.settings, platform.stack.file, name)


def _frozen_server(name: str, seconds: float) -> Strike:
    def strike(platform: Platform) -> Proof:
        with freeze(server(platform.stack.settings, name), name, seconds) as proof:
            pass
        serves(platform, name)
        return proof

    return strike


def _zombie(name: str) -> Strike:
    """One of ours sleeps for longer than its session, and wakes up to find another in its place."""

    def strike(platform: Platform) -> Proof:
        with freeze(platform.processes[name].process(), name, SESSION_S) as proof:
            pass
        return proof

    return strike


def _for(seconds: float, fault: Callable[[Platform], AbstractContextManager[Proof]]) -> Strike:
    """A fault of the network, for a while."""

    def strike(platform: Platform) -> Proof:
        with fault(platform) as proof:
            threading.Event().wait(seconds)
        return proof

    return strike


def _until(seen: str, fault: Callable[[Platform], AbstractContextManager[Proof]]) -> Strike:
    """A fault of the network, until it has found what it strikes."""

    def strike(platform: Platform) -> Proof:
        with fault(platform) as proof:
            until(lambda: bool(proof.seen.get(seen)), lambda: f"{proof} found nothing", STRUCK_S)
        return proof

    return strike


def _cut_off(name: str) -> Strike:
    return _for(2, lambda platform: platform.links[name].cut())


def _black_hole(name: str) -> Strike:
    return _for(7, lambda platform: platform.links[name].blackhole())


def _primary(platform: Platform) -> Proof:
    """The primary of three is killed; the dead member comes back."""
    assert platform.replicas is not None
    proof = platform.replicas.kill_primary()
    platform.replicas.revive()
    return proof


def _twice_the_partitions(platform: Platform) -> Proof:
    """An operator alters `posts` and `hashtags` while posts flow. It is over when both have messages in new ones."""
    kafka = platform.settings.kafka.model_copy(update={"bootstrap": platform.places.kafka})
    with proving("more partitions", "posts and hashtags", "had", "has", "posts_there", "uses_there", "moved") as proof:
        had = len(committed_ends(kafka, kafka.posts))
        for topic in (kafka.posts, kafka.hashtags):
            assert widened(kafka, topic, 2 * had) == (had, 2 * had)

        def look() -> bool:
            posts = [each for each in committed(kafka.bootstrap, kafka.posts) if each.partition() >= had]
            uses = committed(kafka.bootstrap, kafka.hashtags)
            old, new = ({each.key() for each in uses if (each.partition() >= had) is there} for there in (False, True))
            proof.seen.update(posts_there=len(posts), uses_there=len(new), moved=len(old & new))
            return bool(posts and old & new)

        until(look, lambda: str(proof), STRUCK_S)
        proof.saw(had=had, has=len(committed_ends(kafka, kafka.posts)))
    return proof


PROCESSES: dict[str, Strike] = {
    "kill an archiver": _ours("archive-1"),
    "kill the producer": _ours("ingest"),
    "kill the spout": _component("UseSpout"),
    "kill the bolt": _component("CountBolt"),
    "kill a worker": _component("worker"),
    "kill the scheduler": _ours("schedule"),
    "an archiver becomes a zombie": _zombie("archive-2"),
    "the scheduler becomes a zombie": _zombie("schedule"),
}
SERVERS: dict[str, Strike] = {
    **{f"kill {name}": _server(name) for name in ("kafka", "mongo", "namenode", "datanode")},
    **{f"kill {name}": _server(name) for name in ("zookeeper", "nimbus", "supervisor")},
    **{f"restart {name}": _restart(name) for name in ("mongo", "datanode", "kafka")},
}
FREEZES: dict[str, Strike] = {
    f"freeze {name}": _frozen_server(name, 8) for name in ("kafka", "mongo", "namenode", "datanode")
}
NETWORK: dict[str, Strike] = {
    "lose the reply to a rename": _until("replies_lost", lambda w: w.links["namenode"].lost_reply(text(b"op=RENAME"))),
    "cut a PUT": _until("cut", lambda w: w.links["datanode"].cut_in_request(text(b"PUT /webhdfs"), 700)),
    "lose the reply to a count": _until(
        "replies_lost", lambda w: w.links["mongo"].lost_reply(text(b"commitTransaction"))
    ),
    "lose the reply to a commit": _until("replies_lost", lambda w: w.links["kafka"].lost_reply(kafka(END_TRANSACTION))),
    "cut a produce": _until("cut", lambda w: w.links["kafka"].cut_in_request(kafka(PRODUCE), 200)),
    "slow HDFS": _for(5, lambda w: w.links["datanode"].slow(20_000)),
    "slow MongoDB": _for(5, lambda w: w.links["mongo"].slow(50_000)),
    **{f"cut off {name}": _cut_off(name) for name in ("kafka", "mongo", "namenode", "datanode")},
    **{f"a black hole before {name}": _black_hole(name) for name in ("kafka", "mongo", "namenode", "datanode")},
}
ALL: dict[str, Strike] = PROCESSES | SERVERS | FREEZES | NETWORK
ONE_OF_EACH = [
    "lose the reply to a rename",
    "kill the spout",
    "cut a PUT",
    "kill mongo",
    "an archiver becomes a zombie",
    "lose the reply to a commit",
    "kill kafka",
    "kill the scheduler",
    "lose the reply to a count",
    "kill the bolt",
    "freeze namenode",
    "kill datanode",
    "kill an archiver",
    "a black hole before mongo",
]
"""The scenario of `make test`."""
GROWTH: dict[str, Strike] = {"twice the partitions": _twice_the_partitions}
REPLICAS: dict[str, Strike] = {"kill the primary": _primary}


def mixed(seed: int, among: list[str]) -> Iterator[str]:
    """Names of strikes, without end. The same seed gives the same ones; each comes before any comes again."""
    chance = random.Random(seed)
    while True:
        yield from chance.sample(among, len(among))
