"""PostgreSQL: one server on loopback, for the rows of feeds and the metastore of Hive.

It refuses to run as root. For root it runs in a user namespace, where root shows as nobody: outside of it the files and
the process stay root's, so nothing has to open up for another user.
"""

import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from config.errors import TrendsError
from config.redaction import remember
from config.settings import Settings
from config.settings.connections.postgres_connection import Connection
from config.settings.logins import LOCAL_HOST, LOCAL_USER, local_password_file, postgres_address, postgres_login
from config.settings.secrets import write_private
from config.settings.secure_stack import SecureFiles, secure_files
from config.stack.jars import postgres_build
from config.stack.jars.jar_cache import JarSet
from config.stack.paths import FILES, StackPaths
from config.stack.server import Port, Program
from config.stack.servers.secure import material

MAINTENANCE = "postgres"
"""The database that every server has."""
ANSWER_S = 2
ELSEWHERE = "set postgres.url to a server that runs elsewhere"
INITDB = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256")


class Postgres:
    """The local server, unless `postgres.url` names another one."""

    name = "postgres"

    def __init__(self, settings: Settings, paths: StackPaths) -> None:
        self._settings = settings
        self._paths = paths
        self._secure = secure_files(settings.stack)

    @property
    def jars(self) -> JarSet | None:
        """The jar with its programs, where it is ours to start."""
        return postgres_build.JARS if self.ports() else None

    @property
    def address(self) -> str:
        """Where clients find it, without credentials."""
        return postgres_address(self._settings)

    def ports(self) -> list[Port]:
        """The one it serves on."""
        if self._settings.postgres.url.get_secret_value():
            return []
        return [Port(self._settings.stack.postgres_port, "stack.postgres_port")]

    def prepare(self, jvm: Path) -> None:  # noqa: ARG002 - the contract's
        """Make a password and the data where there are none. Raises `TrendsError` where it can't run here."""
        postgres_build.check_machine()
        _check_root()
        postgres_build.unpack(self._paths)
        data, password = self._paths.data(self.name), local_password_file(self._settings.stack)
        if not data.is_dir():
            if not password.is_file():
                write_private(password, secrets.token_urlsafe(32))
            self._initialize(data, password)
        _check_version(data)
        if not password.is_file():
            raise TrendsError(
                f"its password is gone: no {password}",
                where=str(data),
                next_step="Put the file back, or move the data folder away for an empty server",
            )
        remember(password.read_text(encoding="utf-8"))
        if self._secure:
            write_private(self._access_file(), (FILES / "postgres" / "secure_hba.conf").read_text())

    def program(self, jvm: Path) -> Program:  # noqa: ARG002 - the contract's
        """The server, in the foreground, on loopback alone."""
        settings: dict[str, Any] = {
            "config_file": FILES / "postgres" / "postgresql.conf",
            "listen_addresses": LOCAL_HOST,
            "port": self._settings.stack.postgres_port,
            "unix_socket_directories": "",
        }
        if self._secure:
            settings |= self._tls(self._secure)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        program = self._run("postgres", "-D", str(self._paths.data(self.name)), *options)
        return replace(program, restart_key=material.serial(self._secure)) if self._secure else program

    def _tls(self, files: SecureFiles) -> dict[str, Any]:
        """The settings of a server that takes no connection without TLS."""
        key = {"ssl_cert_file": files.server, "ssl_key_file": files.server, "hba_file": self._access_file()}
        return {"ssl": "on", "ssl_min_protocol_version": "TLSv1.2", **key}

    def _access_file(self) -> Path:
        return self._paths.conf(self.name) / "pg_hba.conf"

    def ready(self) -> bool:
        """Whether it answers a query. Makes the database of the settings in the local server."""
        try:
            with Connection.connect(**postgres_login(self._settings), connect_timeout=ANSWER_S) as connection:
                connection.answer_s = ANSWER_S
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError as error:
            if self.ports() and "does not exist" in str(error):
                self._make_database()
            return False
        except (psycopg.Error, TrendsError):
            return False

    def _make_database(self) -> None:
        name, login = postgres_login(self._settings)["dbname"], postgres_login(self._settings, MAINTENANCE)
        with (
            suppress(psycopg.Error),
            Connection.connect(**login, connect_timeout=ANSWER_S, autocommit=True) as connection,
        ):
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _initialize(self, data: Path, password: Path) -> None:
        """Make the data beside its place, then rename it: a killed run leaves nothing that looks like data."""
        beside = data.with_name(f".{data.name}-new")
        shutil.rmtree(beside, ignore_errors=True)
        data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._run("initdb", "-D", str(beside), f"--username={LOCAL_USER}", f"--pwfile={password}", *INITDB).run(
            self.name
        )
        beside.rename(data)

    def _run(self, program: str, *arguments: str) -> Program:
        path = str(postgres_build.folder(self._paths) / "bin" / program)
        # Neither the libraries nor the language nor the PostgreSQL of the caller's shell.
        foreign = {"LD_LIBRARY_PATH": None, "LC_ALL": "C", **dict.fromkeys(("PGDATA", "PGPORT", "PGOPTIONS"))}
        return Program([*_without_root(), path, *arguments], foreign, stop_signal="INT")


def _without_root() -> list[str]:
    """The command that takes root away from a program: `unshare` replaces itself by it."""
    return ["/usr/bin/env", "unshare", "--user"] if os.geteuid() == 0 else []


def _check_root() -> None:
    """Raise `TrendsError` where root can't run it."""
    if os.geteuid() != 0:
        return
    try:
        told = subprocess.run([*_without_root(), "id", "-un"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
        why = told.stderr.strip() if told.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        why = str(error)
    if why:
        raise TrendsError(
            f"it refuses to run as root, and `unshare --user` does not help here: {why}",
            where="PostgreSQL",
            next_step=f"Run `trends` as another user, or {ELSEWHERE}",
        )


def _check_version(data: Path) -> None:
    """Raise `TrendsError` for the data of another major version."""
    ours = postgres_build.VERSION.partition(".")[0]
    file = data / "PG_VERSION"
    theirs = file.read_text().strip() if file.is_file() else "nothing"
    if theirs != ours:
        raise TrendsError(
            f"holds data of PostgreSQL {theirs}, not {ours}",
            where=str(data),
            next_step="Dump it with that version, move the folder away, `trends up postgres`, and load it again",
        )
