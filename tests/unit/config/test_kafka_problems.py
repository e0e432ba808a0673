"""Each problem with a secure Kafka is one sentence: which, and what next."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from config.errors import UnavailableError, UsageError
from config.settings import KafkaSettings, kafka_problems
from config.settings.kafka_problems import find_problem, problem_behind
from ingest.kafka.client import admin, unavailable
from tests.support.certificates import Authority, tls_listener

LOGIN = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "me", "sasl.password": "any"}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_problems, "_known", {})


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    yield Authority(tmp_path, "ca")


def kafka(port: int, **conf: str) -> KafkaSettings:
    options = LOGIN | {name.replace("_", "."): value for name, value in conf.items()}
    return KafkaSettings.model_validate({"bootstrap": f"127.0.0.1:{port}", "conf": options})


@pytest.mark.parametrize(
    ("days", "san", "told"),
    [
        (-1, ("127.0.0.1",), "has expired"),
        (60, ("127.0.0.1",), "is not valid yet"),
        (1, ("127.0.0.2",), "is for another name"),
    ],
)
def test_a_certificate_that_is_not_accepted_is_told_with_its_reason(
    authority: Authority, days: int, san: tuple[str, ...], told: str
) -> None:
    with tls_listener(authority.sign("broker", days=days, san=san)) as port:
        problem = find_problem(kafka(port, ssl_ca_location=str(authority.path)))
    assert problem is not None
    assert problem.what == f"the certificate of 127.0.0.1:{port} {told}"


def test_a_broker_that_is_down_is_asked_once_for_all_who_want_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        down = kafka(free.getsockname()[1])
    tried: list[KafkaSettings] = []
    real = kafka_problems._try

    def counting(settings: KafkaSettings, timeout_s: float) -> list[KafkaError] | None:
        tried.append(settings)
        return real(settings, timeout_s)

    monkeypatch.setattr(kafka_problems, "_try", counting)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(find_problem, [down] * 4)) == [None] * 4
    assert find_problem(down) is None
    assert len(tried) == 1
    monkeypatch.setattr(kafka_problems, "KNOWN_FOR_S", 0.0)
    assert find_problem(down) is None
    assert len(tried) == 2, "it asks again after a while"


def test_an_unknown_ca_is_told_with_the_option_that_names_it(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    with tls_listener(authority.sign("broker")) as port:
        problem = find_problem(kafka(port, ssl_ca_location=str(other.path)))
    assert problem is not None
    assert "no CA that this client knows" in problem.what
    assert "ssl.ca.location" in problem.next_step


def test_a_ca_may_be_a_folder_or_what_the_machine_has(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with tls_listener(authority.sign("broker")) as port:
        for place in (str(tmp_path / "empty"), "probe"):
            problem = find_problem(kafka(port, ssl_ca_location=place))
            assert problem is not None
            assert "no CA that this client knows" in problem.what


def test_a_client_that_verifies_no_certificate_has_no_problem_with_one(authority: Authority) -> None:
    with tls_listener(authority.sign("broker")) as port:
        problem = find_problem(kafka(port, enable_ssl_certificate_verification="false"))
    assert problem is None


def test_a_broker_that_asks_for_a_certificate_speaks_tls(authority: Authority) -> None:
    conf = {"ssl.ca.location": str(authority.path)}
    with tls_listener(authority.sign("broker"), authority.path) as port:
        assert kafka_problems._certificate_problem(conf, "127.0.0.1", port) is None


def test_a_broker_that_wants_tls_is_told_to_a_client_without(authority: Authority) -> None:
    with tls_listener(authority.sign("broker")) as port:
        problem = find_problem(KafkaSettings(bootstrap=f"127.0.0.1:{port}"))
    assert problem is not None
    assert problem.what == "the broker wants TLS"


def test_a_broker_that_is_down_is_no_problem_of_this_kind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert find_problem(kafka(port)) is None
    error = unavailable(kafka(port), "posts", KafkaException(KafkaError(KafkaError._TRANSPORT, "down")))
    assert "Kafka request failed: down" in str(error)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "user me has no ACL for topic posts"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, "user me has no ACL for its consumer group"),
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "user me has no ACL for the transactional id sample"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "user me has no ACL for the cluster"),
    ],
)
def test_a_missing_acl_is_told_with_the_command_that_adds_it(code: int, told: str) -> None:
    problem = problem_behind(kafka(1), KafkaError(code), "posts/3", "sample")
    assert problem is not None
    assert problem.what == told
    assert problem.next_step.startswith("`kafka-acls --add --allow-principal User:me --operation ")


def test_on_the_local_secure_stack_a_missing_acl_is_told_with_trends_up(tmp_path: Path) -> None:
    (tmp_path / "passwords").mkdir()
    (tmp_path / "passwords" / "kafka-trends").touch()
    ours = kafka(1).model_copy(update={"conf": {**kafka(1).conf, "ssl.ca.location": str(tmp_path / "ca.pem")}})
    problem = problem_behind(ours, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), "posts/3")
    assert problem is not None
    assert problem.what == "user me has no ACL for topic posts"
    assert "`trends up FEED`" in problem.next_step
    assert "kafka-acls" not in problem.next_step


def test_an_error_of_the_client_is_that_sentence() -> None:
    error = unavailable(kafka(1), "posts/3", KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    assert isinstance(error, UnavailableError)
    assert str(error).startswith(
        "topic posts/3 of Kafka at 127.0.0.1:1: user me has no ACL for topic posts. `kafka-acls"
    )


def test_a_file_that_is_missing_or_no_key_is_told_by_its_option(authority: Authority, tmp_path: Path) -> None:
    identity, other = authority.sign("client"), authority.sign("other")
    (tmp_path / "empty").touch()
    for conf, told in (
        ({"ssl_ca_location": str(tmp_path / "none")}, "ssl.ca.location: no such file"),
        ({"ssl_ca_location": str(tmp_path / "empty")}, "ssl.ca.location: no certificate in"),
        ({"ssl_key_location": str(tmp_path / "empty")}, "ssl.key.location: no key in .* or ssl.key.password is wrong"),
        (
            {"ssl_certificate_location": str(identity), "ssl_key_location": str(other)},
            "the key in .* is not that of ssl.certificate.location",
        ),
    ):
        with pytest.raises(UsageError, match=told):
            admin(kafka(1, **conf))
