"""Faults of a replica set: three mongods of one test, whose primary is killed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from config.settings import StackSettings
from config.stack.paths import FILES, StackPaths
from config.stack.ports import free_ports
from config.stack.server import Program
from config.stack.servers.mongo import loader, mongod
from tests.support.faults.processes import kill
from tests.support.faults.proof import Proof, proving
from tests.support.wait import until

NAME = "rs3"


@dataclass
class Replicas:
    """Members by port."""

    folder: Path
    members: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """What `mongo.uri` is set to."""
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self.members)}/?replicaSet={NAME}"

    def primary(self) -> tuple[int, int] | None:
        """Port and term of the primary that a member knows."""
        for port, process in self.members.items():
            if process.poll() is not None:
                continue
            try:
                with MongoClient[dict[str, object]](
                    "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1000, socketTimeoutMS=2000
                ) as client:
                    hello = client.admin.command("hello")
                    if hello.get("isWritablePrimary"):
                        return port, int(client.admin.command("replSetGetStatus")["term"])
            except PyMongoError:
                continue
        return None

    def kill_primary(self) -> Proof:
        """kill -9 of the primary. Proved by its death, and by another primary of a later term."""
        until(lambda: self.primary() is not None, lambda: "no primary", 60)
        found = self.primary()
        assert found is not None
        port, term = found
        with proving("primary killed", f"MongoDB {port}", "killed", "another", "later_term") as proof:
            proof.saw(killed=str(kill(psutil.Process(self.members[port].pid), f"mongod {port}")))
            until(lambda: (self.primary() or found) != found, lambda: "no other primary", 60)
            now = self.primary()
            assert now is not None
            proof.saw(another=now[0] != port, later_term=now[1] > term)
        return proof

    def revive(self) -> None:
        """Start what was killed."""
        for port in [port for port, process in self.members.items() if process.poll() is not None]:
            self.members[port] = self._started(port)

    def _started(self, port: int) -> "subprocess.Popen[bytes]":
        data = self.folder / str(port)
        data.mkdir(parents=True, exist_ok=True)
        options = ["--config", str(FILES / "mongo" / "mongod.conf"), "--replSet", NAME, "--dbpath", str(data)]
        options += ["--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--logpath", f"{data}.log"]
        options += ["--logappend", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"]
        program = Program([str(mongod()), *options], loader(StackPaths.of(StackSettings())))
        return subprocess.Popen(
            program.command, env=program.full_environment(), stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )


@contextmanager
def three_replicas(folder: Path) -> Iterator[Replicas]:
    """A replica set of three that has a primary; gone at the end."""
    made = Replicas(folder)
    try:
        for port in free_ports(3):
            made.members[port] = made._started(port)
        first = next(iter(made.members))
        told = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(made.members)]
        with MongoClient[dict[str, object]]("127.0.0.1", first, directConnection=True) as client:
            settings = {"electionTimeoutMillis": 2000}
            client.admin.command("replSetInitiate", {"_id": NAME, "members": told, "settings": settings})
        until(lambda: made.primary() is not None, lambda: "no primary", 60)
        yield made
    finally:
        for process in made.members.values():
            process.kill()
            process.wait(20)
