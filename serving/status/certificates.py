"""Certificates: when those end whose files the settings name, and those of the local secure stack.

A file of a client or server begins with its own certificate, which counts. A file of authorities may hold some that
have ended, beside those that follow them: it ends when none of its certificates is valid any more.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from cryptography import x509

from config.errors import TrendsError
from config.settings import Settings
from config.settings.logins import postgres_login
from config.settings.secure_stack import secure_files


class CertificateEnd(NamedTuple):
    """The end of what is in a file."""

    setting: str
    """The setting that names the file, or what the secure stack has it for."""
    at_s: float
    """Seconds of Unix time."""


def certificate_ends(settings: Settings) -> list[CertificateEnd]:
    """The ends of all certificates in files that can be read; others are for `trends doctor`."""
    found: dict[str, CertificateEnd] = {}
    for setting, path, is_authority in _files(settings):
        try:
            certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError):
            continue
        ends = [certificate.not_valid_after_utc.timestamp() for certificate in certificates]
        found.setdefault(setting, CertificateEnd(setting, max(ends) if is_authority else ends[0]))
    return list(found.values())


def _files(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    """Setting, path, and whether the file is one of authorities. A setting that can't be read names no file."""
    if files := secure_files(settings.stack):
        yield "secure stack: servers", str(files.server), False
        yield "secure stack: authority", str(files.ca), True
    conf = settings.kafka.connection
    yield "kafka.conf: ssl.ca.location", conf.get("ssl.ca.location", ""), True
    yield "kafka.conf: ssl.certificate.location", conf.get("ssl.certificate.location", ""), False
    if settings.hdfs.ca_file:
        yield "hdfs.ca_file", str(settings.hdfs.ca_file), True
    mongo = _query(settings.mongo.uri.get_secret_value())
    yield "mongo.uri: tlsCAFile", mongo.get("tlscafile", ""), True
    yield "mongo.uri: tlsCertificateKeyFile", mongo.get("tlscertificatekeyfile", ""), False
    if settings.postgres.url.get_secret_value():
        try:
            login = postgres_login(settings)
        except TrendsError:
            return
        yield "postgres.url: sslrootcert", login.get("sslrootcert", ""), True
        yield "postgres.url: sslcert", login.get("sslcert", ""), False


def _query(uri: str) -> dict[str, str]:
    """The options of a connection string, in small letters, as the driver takes them."""
    try:
        return {name.lower(): values[-1] for name, values in parse_qs(urlsplit(uri).query).items()}
    except ValueError:
        return {}
