"""The login and the certificates of `kafka.conf` as Java's client takes them, for Spark."""

from pathlib import Path

import pytest

from batch_layer.sinks.spark_files.java_client import java_options
from config.errors import UsageError
from config.settings import KafkaSettings
from tests.support.certificates import Authority

MODULES = "org.apache.kafka.common.security"


def kafka(**conf: str) -> KafkaSettings:
    options = {name.replace("_", "."): value for name, value in conf.items()}
    return KafkaSettings.model_validate({"bootstrap": "b:1", "conf": options})


@pytest.mark.parametrize(
    ("mechanism", "module"),
    [
        ("PLAIN", "plain.PlainLoginModule"),
        ("SCRAM-SHA-256", "scram.ScramLoginModule"),
        ("SCRAM-SHA-512", "scram.ScramLoginModule"),
    ],
)
def test_a_password_goes_into_an_entry_of_jaas(mechanism: str, module: str) -> None:
    conf = kafka(security_protocol="sasl_ssl", sasl_mechanism=mechanism, sasl_username="me", sasl_password='a"b\\c')
    assert java_options(conf) == {
        "bootstrap.servers": "b:1",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.jaas.config": f'{MODULES}.{module} required username="me" password="a\\"b\\\\c";',
    }


def test_client_credentials_go_into_an_entry_of_jaas() -> None:
    conf = kafka(
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauthbearer_method="oidc",
        sasl_oauthbearer_client_id="me",
        sasl_oauthbearer_client_secret="very-secret",
        sasl_oauthbearer_scope="kafka",
        sasl_oauthbearer_token_endpoint_url="https://idp.example/token",
    )
    found = java_options(conf)
    entry = 'OAuthBearerLoginModule required clientId="me" clientSecret="very-secret" scope="kafka";'
    assert found["sasl.jaas.config"] == f"{MODULES}.oauthbearer.{entry}"
    assert found["sasl.oauthbearer.token.endpoint.url"] == "https://idp.example/token"


def test_certificates_go_in_as_text(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    client = authority.sign("client")
    found = java_options(
        kafka(
            security_protocol="SSL",
            ssl_ca_location=str(authority.path),
            ssl_certificate_location=str(client),
            ssl_key_location=str(client),
            ssl_endpoint_identification_algorithm="none",
        )
    )
    assert found["ssl.truststore.certificates"] == authority.path.read_text()
    assert found["ssl.keystore.key"] == client.read_text()
    assert (found["ssl.truststore.type"], found["ssl.keystore.type"]) == ("PEM", "PEM")
    assert found["ssl.endpoint.identification.algorithm"] == ""


def test_java_gets_the_whole_path_of_a_key_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store.p12").touch()
    monkeypatch.chdir(tmp_path)
    found = java_options(kafka(security_protocol="SSL", ssl_keystore_location="store.p12"))
    assert found["ssl.keystore.location"] == str(tmp_path / "store.p12")


def test_an_option_of_librdkafka_alone_stays_there() -> None:
    assert java_options(kafka(socket_timeout_ms="5000", linger_ms="5")) == {"bootstrap.servers": "b:1"}


@pytest.mark.parametrize(
    "conf",
    [
        {"enable_ssl_certificate_verification": "false"},
        {"ssl_providers": "legacy"},
        {"security_protocol": "SASL_SSL", "sasl_mechanism": "GSSAPI"},
        {"ssl_ca_location": "/none"},
        {"ssl_keystore_location": "/none"},
    ],
)
def test_what_spark_lacks_is_refused(conf: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"kafka\.conf"):
        java_options(kafka(**conf))


def test_a_key_in_a_format_that_java_can_not_read_is_told_with_the_command_that_converts_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN EC " + "PRIVATE KEY-----\n")
    with pytest.raises(UsageError, match="openssl pkcs8"):
        java_options(kafka(security_protocol="SSL", ssl_certificate_pem="x", ssl_key_location=str(tmp_path / "key")))
