"""Secure stack: the certificates and passwords that `trends up --secure` keeps in the state folder, and how we connect.

A stack stays what it began as: `Settings.read` connects to a secure one as its user `trends` over TLS, wherever an
address of the settings is on this machine and brings no login of its own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import SecretStr

from config.errors import TrendsError
from config.redaction import remember
from config.settings.network.addresses import is_loopback
from config.settings.section import Section
from config.settings.sections.hdfs import HdfsSettings
from config.settings.sections.kafka import KafkaSettings
from config.settings.sections.mongo import MongoSettings
from config.settings.sections.stack import StackSettings

USER = "trends"
"""The user of the platform on every server."""
SCRAM = "SCRAM-SHA-512"


@dataclass(frozen=True)
class SecureFiles:
    """The folder of a secure stack's certificates and passwords. Its files are for their user alone."""

    folder: Path

    @classmethod
    def of(cls, stack: StackSettings) -> "SecureFiles":
        """The folder that a stack has, or would have."""
        return cls(stack.state.expanduser().absolute() / "conf" / "secure")

    @property
    def ca(self) -> Path:
        """The certificate of the authority: what every client trusts."""
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The key of the authority."""
        return self.folder / "ca.key"

    @property
    def server(self) -> Path:
        """Key and certificate of the servers."""
        return self.folder / "server.pem"

    @property
    def server_store(self) -> Path:
        """The same as PKCS 12, under the password `store`, for Java."""
        return self.folder / "server.p12"

    @property
    def mongo_key(self) -> Path:
        """The key by which members of MongoDB's replica set know each other."""
        return self.folder / "mongo.key"

    def password_file(self, name: str) -> Path:
        """Where the password of a user of a server is: `kafka-trends`, for example."""
        return self.folder / "passwords" / name

    def password(self, name: str) -> str:
        """A password, which no message shows from now on. Raises `TrendsError` where its file can't be read."""
        file = self.password_file(name)
        try:
            found = file.read_text(encoding="utf-8")
        except OSError as error:
            raise TrendsError(
                f"can't read {file}: {error.strerror}",
                where="the secure stack",
                next_step="Run `trends` as the user that started the stack",
            ) from None
        remember(found)
        return found


def secure_files(stack: StackSettings) -> SecureFiles | None:
    """The files of a stack that is secure: as its first `trends up` made it, or else as the settings want it."""
    files = SecureFiles.of(stack)
    return files if stack.secure or files.ca.is_file() else None


def is_secure_stack(ca: Path) -> bool:
    """Whether a certificate is that of a local secure stack's authority, beside which its passwords are."""
    return ca.name == "ca.pem" and SecureFiles(ca.parent).password_file(f"kafka-{USER}").is_file()


def local_logins(
    stack: StackSettings, kafka: KafkaSettings, mongo: MongoSettings, hdfs: HdfsSettings
) -> dict[str, Section]:
    """The sections of the settings, by name, with the logins of the local secure stack; none where there is no such."""
    files = SecureFiles.of(stack)
    if not files.ca.is_file():
        return {}
    return {"kafka": _kafka(kafka, files), "mongo": _mongo(mongo, files), "hdfs": _hdfs(hdfs, files)}


def kafka_login(files: SecureFiles, user: str) -> dict[str, str | SecretStr]:
    """The options of a client that connects as a user."""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": SCRAM,
        "sasl.username": user,
        "sasl.password": SecretStr(files.password(f"kafka-{user}")),
        "ssl.ca.location": str(files.ca),
    }


def mongo_uri(files: SecureFiles, user: str, address: str, options: str = "") -> str:
    """The connection string of a user; `options` are further ones, as a query."""
    password = files.password(f"mongo-{user}")
    tls = urlencode({"authSource": "admin", "tls": "true", "tlsCAFile": str(files.ca)}, quote_via=quote)
    return f"mongodb://{user}:{password}@{address}/?{options}{'&' if options else ''}{tls}"


def _kafka(kafka: KafkaSettings, files: SecureFiles) -> KafkaSettings:
    if not all(_is_here(f"//{address}") for address in kafka.bootstrap.split(",")):
        return kafka
    return kafka.model_copy(update={"conf": {**kafka_login(files, USER), **kafka.conf}})


def _mongo(mongo: MongoSettings, files: SecureFiles) -> MongoSettings:
    uri = mongo.uri.get_secret_value()
    parts = _parts(uri)
    if parts is None or "@" in parts.netloc or "," in parts.netloc or not _is_here(uri):
        return mongo
    return mongo.model_copy(update={"uri": SecretStr(mongo_uri(files, USER, parts.netloc, parts.query))})


def _hdfs(hdfs: HdfsSettings, files: SecureFiles) -> HdfsSettings:
    if not _is_here(hdfs.url):
        return hdfs
    over_tls: dict[str, Any] = {"url": "https://" + hdfs.url.partition("://")[2], "ca_file": hdfs.ca_file or files.ca}
    return hdfs.model_copy(update=over_tls)


def _is_here(url: str) -> bool:
    parts = _parts(url)
    return parts is not None and is_loopback(parts.hostname or "")


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:  # an error of its own elsewhere, where the setting is used
        return None
    return parts
