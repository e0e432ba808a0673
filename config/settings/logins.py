"""Logins: who connects to PostgreSQL and to HiveServer2, and with which password.

The password of the local server is in a file of mode 0600 that `trends up postgres` writes. Each password that a login
reads is secret from then on: no message shows it.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from config.errors import TrendsError, UnavailableError, UsageError
from config.redaction import remember
from config.settings import Settings, StackSettings
from config.settings.secret_files import read_secret
from config.settings.secure_stack import secure_files

LOCAL_HOST = "127.0.0.1"
LOCAL_USER = "trends"
"""The role of the local server. It owns the databases."""
SCHEMES = ("postgresql://", "postgres://")


def postgres_login(settings: Settings, database: str = "") -> dict[str, Any]:
    """The parameters of a connection, under libpq's keywords; `database` replaces that of the settings.

    Raises `UsageError` for a URL that libpq can't read, `UnavailableError` where the local server never ran.
    """
    found = _url(settings) if settings.postgres.url.get_secret_value() else _local(settings.stack)
    found["dbname"] = database or found.get("dbname") or settings.postgres.database
    if "password" not in found and settings.postgres.password_file:
        found["password"] = read_secret(settings.postgres.password_file, "postgres.password_file")
    remember(found.get("password", ""))
    return found


def postgres_address(settings: Settings) -> str:
    """`host:port` of PostgreSQL, without credentials. Raises `UsageError`."""
    if not settings.postgres.url.get_secret_value():
        return f"{LOCAL_HOST}:{settings.stack.postgres_port}"
    found = _url(settings)
    return f"{found.get('host', 'localhost')}:{found.get('port', '5432')}"


def hive_login(settings: Settings) -> dict[str, Any]:
    """The parameters of a connection to HiveServer2, under impyla's keywords.

    Raises `UsageError` for an address or a file that can't be read.
    """
    hive = settings.hive
    host, port = _host_and_port(hive.uri) if hive.uri else (LOCAL_HOST, settings.stack.hive_port)
    found = {"host": host, "port": port, "user": hive.user, "auth_mechanism": hive.auth.upper()}
    if hive.password_file:
        password = read_secret(hive.password_file, "hive.password_file")
        remember(password)
        found["password"] = password
    return found


def _host_and_port(uri: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{uri}")
        if parts.hostname and parts.port:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise UsageError(f"not a host and a port: {uri!r}", where="hive.uri", next_step="Example: hive.example:10000")


def local_password_file(stack: StackSettings) -> Path:
    """Where the password of the local server is, or will be."""
    return stack.state.expanduser().absolute() / "conf" / "postgres" / "password"


def _local(stack: StackSettings) -> dict[str, Any]:
    file = local_password_file(stack)
    if not file.is_file():
        raise UnavailableError("never started", where="PostgreSQL of the local stack", next_step="`trends up postgres`")
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise TrendsError(
            f"can't read its password in {file}: {error.strerror}",
            where="PostgreSQL of the local stack",
            next_step="Run `trends` as the user that started the stack",
        ) from None
    login = {"host": LOCAL_HOST, "port": str(stack.postgres_port), "user": LOCAL_USER, "password": password}
    files = secure_files(stack)
    return login | ({"sslmode": "verify-full", "sslrootcert": str(files.ca)} if files else {})


def _url(settings: Settings) -> dict[str, Any]:
    """The parts of `postgres.url`."""
    url = settings.postgres.url.get_secret_value()
    try:
        if not url.startswith(SCHEMES):
            raise ProgrammingError
        return {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:  # its text may hold the password
        raise UsageError(
            "not a PostgreSQL URL",
            where="postgres.url",
            next_step="Example: postgresql://trends@db.example:5432/trends",
        ) from None
