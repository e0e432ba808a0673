"""Certificates of the local stack: whom they are for, and when they are due."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.stack.servers.secure import certificates
from config.stack.servers.secure.certificates import Identity, authority, is_due, issue

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def ours() -> Identity:
    return authority(NOW)


def shake_hands(folder: Path, trusted: Identity, server: Identity, host: str) -> str:
    """The version of TLS that a client and a server of Python agree on. Raises as the client does."""
    (folder / "ca.pem").write_text(trusted.certificate_pem())
    (folder / "server.pem").write_text(server.key_pem() + server.certificate_pem())
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(folder / "server.pem")
    client, other = socket.socketpair()

    def serve() -> None:
        try:
            theirs.wrap_socket(other, server_side=True).close()
        except OSError:
            other.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        context = ssl.create_default_context(cafile=folder / "ca.pem")
        with client, context.wrap_socket(client, server_hostname=host) as secured:
            return secured.version() or ""
    finally:
        thread.join()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_authority_talks_to_a_server_of_this_machine(
    tmp_path: Path, ours: Identity, host: str
) -> None:
    assert shake_hands(tmp_path, ours, issue(ours, NOW - DAY, NOW + DAY), host) == "TLSv1.3"


def test_another_host_and_another_authority_and_a_certificate_of_the_past_are_refused(
    tmp_path: Path, ours: Identity
) -> None:
    valid = issue(ours, NOW - DAY, NOW + DAY)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(tmp_path, ours, valid, "db.example")
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate"):
        shake_hands(tmp_path, authority(NOW), valid, "localhost")
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(tmp_path, ours, issue(ours, NOW - 2 * DAY, NOW - DAY), "localhost")


def test_a_certificate_is_due_a_month_before_it_ends(ours: Identity) -> None:
    server = issue(ours, NOW, NOW + 60 * DAY)
    assert [is_due(server, NOW + days * DAY) for days in (0, 29, 31, 61)] == [False, False, True, True]
    assert is_due(None, NOW)


def test_what_is_read_is_what_was_written(tmp_path: Path, ours: Identity) -> None:
    file = tmp_path / "both.pem"
    assert certificates.read(file, file) is None
    file.write_text(ours.key_pem() + ours.certificate_pem())
    found = certificates.read(file, file)
    assert found is not None
    assert found.certificate == ours.certificate
