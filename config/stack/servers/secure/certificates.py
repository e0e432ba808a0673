"""Certificates of the local stack: an authority of its own, and one key for all servers, for names of this machine.

Keys are of the curve P-256. `trends up` renews what ends within `RENEW_BEFORE`.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.errors import TrendsError

AUTHORITY_FOR = timedelta(days=3650)
SERVER_FOR = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
BACKDATED = timedelta(hours=1)
"""A clock that is a little behind takes a new certificate too."""
NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def ends(self) -> datetime:
        """When the certificate expires."""
        return self.certificate.not_valid_after_utc

    def key_pem(self) -> str:
        """The key, as PKCS 8 without a password."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def certificate_pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def store(self, password: str, issuer: x509.Certificate) -> bytes:
        """Key, certificate and that of its issuer as PKCS 12, as Java reads them."""
        secret = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"server", self.key, self.certificate, [issuer], secret)


def read(certificate: Path, key: Path) -> Identity | None:
    """The identity in two files, which may be one; None where there is none. Raises `TrendsError`."""
    if not certificate.is_file() or not key.is_file():
        return None
    try:
        found = load_pem_private_key(key.read_bytes(), None)
        named = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise TrendsError(f"can't be read: {error}", where=str(certificate), next_step="Restore that file") from None
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise TrendsError("holds no key of ours", where=str(key), next_step="Restore that file")
    return Identity(found, named)


def authority(now: datetime) -> Identity:
    """A new authority, which signs servers' certificates and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Authority of the local stack")
    builder = _builder(name, name, key, now - BACKDATED, now + AUTHORITY_FOR)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Identity(key, builder.sign(key, hashes.SHA256()))


def issue(by: Identity, starts: datetime, ends: datetime) -> Identity:
    """A certificate for servers on this machine, which may also be their clients."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name("localhost"), by.certificate.subject, key, starts, ends)
    names: Sequence[x509.GeneralName] = [
        *(x509.DNSName(name) for name in NAMES),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES),
    ]
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    return Identity(key, builder.sign(by.key, hashes.SHA256()))


def is_due(identity: Identity | None, now: datetime) -> bool:
    """Whether it is missing, or ends too soon."""
    return identity is None or identity.ends - now < RENEW_BEFORE


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
