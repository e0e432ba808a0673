"""When certificates end: of the files that the settings name, and of the local secure stack."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import Settings
from config.stack.servers.secure import certificates
from serving.status.certificates import CertificateEnd, certificate_ends
from tests.support.certificates import Authority
from tests.support.metrics import figures
from tests.support.status import status_from

DAY_S = 86_400


def days(ends: list[CertificateEnd]) -> dict[str, int]:
    now = datetime.now(UTC).timestamp()
    return {end.setting: round((end.at_s - now) / DAY_S) for end in ends}


def test_every_file_that_the_settings_name_is_looked_at(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    mine, far = authority.sign("mine", days=9), authority.sign("far", days=30)
    both = tmp_path / "both.pem"
    key, begin, certificate = far.read_bytes().partition(b"-----BEGIN CERT")
    assert b"PRIVATE KEY" in key
    both.write_bytes(authority.path.read_bytes() + begin + certificate)
    settings = Settings.of(
        {
            "stack": {"state": str(tmp_path / "state")},
            "kafka": {"conf": {"ssl.ca.location": str(authority.path), "ssl.certificate.location": str(mine)}},
            "hdfs": {"ca_file": str(both)},
            "mongo": {"uri": f"mongodb://m/?tls=true&tlsCAFile={authority.path}&tlscertificatekeyfile={mine}"},
            "postgres": {"url": f"postgresql://u@h/d?sslrootcert={authority.path}&sslcert={mine}"},
        }
    )
    assert days(certificate_ends(settings)) == {
        "kafka.conf: ssl.ca.location": 1,
        "kafka.conf: ssl.certificate.location": 9,
        "hdfs.ca_file": 30,  # the last of two authorities
        "mongo.uri: tlsCAFile": 1,
        "mongo.uri: tlsCertificateKeyFile": 9,
        "postgres.url: sslrootcert": 1,
        "postgres.url: sslcert": 9,
    }


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_that_can_not_be_read_has_no_end(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    settings = Settings.of({"stack": {"state": str(tmp_path)}, "hdfs": {"ca_file": str(file)}})
    assert certificate_ends(settings) == []


def test_the_local_secure_stack_has_two(tmp_path: Path) -> None:
    settings = Settings.of({"stack": {"state": str(tmp_path)}})
    folder = tmp_path / "conf" / "secure"
    folder.mkdir(parents=True)
    now = certificates.now()
    authority = certificates.authority(now)
    (folder / "ca.pem").write_text(authority.certificate_pem())
    server = certificates.issue(authority, now, now + certificates.SERVER_FOR)
    (folder / "server.pem").write_text(server.key_pem() + server.certificate_pem())
    ends = certificate_ends(settings)
    assert days(ends) == {"secure stack: servers": 397, "secure stack: authority": 3650}
    found = figures(status_from({}), ends)
    assert found["trends_certificate_end_timestamp_seconds", "secure stack: servers"] == server.ends.timestamp()
