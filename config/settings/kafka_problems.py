"""Problems with a secure Kafka, each told as one: a login, a certificate, an ACL, an option that no client takes.

librdkafka reports any of them as a broker that is down, and each certificate that it does not accept in the same words.
So `find_problem` asks once more: a client of its own for the login, and a handshake of Python's `ssl` for the
certificate, whose error names the reason.
"""

import logging
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from config.errors import UsageError
from config.settings.sections.kafka import KafkaSettings
from config.settings.secure_stack import is_secure_stack

TRY_S = 8.0
"""Longest wait of `find_problem` for the broker."""
KNOWN_FOR_S = 30.0
"""How long `find_problem` goes by what it has found: callers that retry must not ask again each time."""
_TLS = frozenset({"ssl", "sasl_ssl"})
_SASL = frozenset({"sasl_plaintext", "sasl_ssl"})
_NO_ANSWER = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001 - the driver's public names of its own codes
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError._SSL,  # noqa: SLF001
    }
)
_DECISIVE = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})  # noqa: SLF001
_FALSE = frozenset({"false", "f", "0"})
"""How librdkafka spells it."""
_EXPIRED, _NOT_YET = 10, 9
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})
_OTHER_NAME = frozenset({62, 64})
"""Codes of OpenSSL's verification (`X509_V_ERR_…`)."""

logger = logging.getLogger("kafka.problems")
logger.addFilter(lambda _: False)  # the errors come back; a client without a logger writes to standard error


class Problem(NamedTuple):
    """A reason that trying again does not remove, and the next step."""

    what: str
    next_step: str


_known: dict[str, tuple[float, Problem | None]] = {}
_asking = threading.Lock()
"""One caller asks, and those beside it go by what it finds."""


def connects(kafka: KafkaSettings, timeout_s: float = 2.0) -> bool:
    """Whether a broker answers a client with these settings."""
    try:
        return _try(kafka, timeout_s) is None
    except UsageError:
        return False


def find_problem(kafka: KafkaSettings) -> Problem | None:
    """Why no client gets through to brokers that are up; none if one does, or nobody listens there.

    Takes up to `TRY_S` and some handshakes. Remembers the answer for `KNOWN_FOR_S`, also where it is none.
    """
    key = str(sorted(kafka.connection.items()))
    with _asking:
        at, known = _known.get(key, (float("-inf"), None))
        if time.monotonic() - at < KNOWN_FOR_S:
            return known
        errors = _try(kafka, TRY_S)
        if errors is None:  # it answers now
            return None
        problem = _explain(kafka, errors)
        _known[key] = time.monotonic(), problem
        return problem


def problem_behind(
    kafka: KafkaSettings, error: KafkaException | KafkaError | str, topic: str = "", transactional_id: str = ""
) -> Problem | None:
    """The problem behind an error: a missing ACL, or what `find_problem` finds where `kafka.conf` is in use."""
    cause = error.args[0] if isinstance(error, KafkaException) and error.args else error
    if isinstance(cause, KafkaError):
        if acl := _missing_acl(kafka, cause, topic, transactional_id):
            return acl
        if cause.code() not in _NO_ANSWER:
            return None
    return find_problem(kafka) if kafka.conf else None


def _missing_acl(kafka: KafkaSettings, error: KafkaError, topic: str, transactional_id: str) -> Problem | None:
    topic = topic.partition("/")[0]
    topics = " ".join(f"--topic {each}" for each in topic.split(", "))
    told = {
        KafkaError.TOPIC_AUTHORIZATION_FAILED: (f"topic {topic}", f"--operation All {topics}"),
        KafkaError.GROUP_AUTHORIZATION_FAILED: ("its consumer group", "--operation Read --group '*'"),
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
            f"the transactional id {transactional_id}",
            f"--operation All --transactional-id {transactional_id}",
        ),
        KafkaError.CLUSTER_AUTHORIZATION_FAILED: ("the cluster", "--operation IdempotentWrite --cluster"),
    }.get(error.code())
    if told is None:
        return None
    if is_secure_stack(Path(kafka.connection.get("ssl.ca.location", ""))):
        return Problem(
            f"user {kafka.connection.get('sasl.username')} has no ACL for {told[0]}",
            "`trends up` gives those for the names in the settings, `trends up FEED` those of a feed",
        )
    user = kafka.connection.get("sasl.username")
    who, principal = (f"user {user}", f"User:{user}") if user else ("this client", "User:…")
    return Problem(
        f"{who} has no ACL for {told[0]}", f"`kafka-acls --add --allow-principal {principal} {told[1]}` gives it one"
    )


def refused_configuration(kafka: KafkaSettings, error: KafkaException | TypeError | ValueError) -> UsageError:
    """The error for a configuration of which librdkafka makes no client."""
    cause = error.args[0] if error.args else error
    text = cause.str() if isinstance(cause, KafkaError) else str(error)
    text = text.rpartition("client: ")[2]
    option = text.split(" failed:")[0]
    file = kafka.connection.get(option, "")
    if option.endswith(".location") and file and not Path(file).is_file():
        text = f"{option}: no such file: {file}"
    elif "key values mismatch" in text:
        text = f"{option}: the key in {file} is not that of ssl.certificate.location"
    elif option in ("ssl.key.location", "ssl.keystore.location"):
        text = f"{option}: no key in {file}, or {option.replace('location', 'password')} is wrong"
    elif option.endswith(".location") and file:
        text = f"{option}: no certificate in {file}"
    return UsageError(text, where="kafka.conf", next_step="Correct that option: librdkafka's reference lists them")


def _try(kafka: KafkaSettings, timeout_s: float) -> list[KafkaError] | None:
    """The errors of a client that asks for the brokers; none if they answer."""
    errors: list[KafkaError] = []
    try:
        admin = AdminClient({**kafka.connection, "error_cb": errors.append, "log_level": 0}, logger=logger)
    except (KafkaException, TypeError, ValueError) as error:
        raise refused_configuration(kafka, error) from None
    end, attempts = time.monotonic() + timeout_s, 0
    while (left := end - time.monotonic()) > 0 and not _is_decisive(errors, attempts):
        attempts += 1
        try:
            if admin.list_topics(timeout=min(left, 1.0)).brokers:
                return None
        except KafkaException as error:
            errors.append(error.args[0])
        admin.poll(0.1)  # it hands the errors of the connection over
    return errors


def _is_decisive(errors: list[KafkaError], attempts: int) -> bool:
    """Whether another attempt would only tell the same. A second one takes the next address of a name, or broker."""
    codes = {error.code() for error in errors}
    if codes & _DECISIVE or any("alert" in error.str() for error in errors):
        return True
    return attempts > 1 and KafkaError._ALL_BROKERS_DOWN in codes  # noqa: SLF001


def _explain(kafka: KafkaSettings, errors: list[KafkaError]) -> Problem | None:
    conf = kafka.connection
    texts = {error.code(): error.str().partition("/bootstrap: ")[2] or error.str() for error in errors}
    protocol = conf.get("security.protocol", "plaintext").lower()
    login = texts.get(KafkaError._AUTHENTICATION)  # noqa: SLF001
    if login is not None:
        return _login_problem(conf, login)
    every = " ".join(texts.values())
    brokers = [_host_and_port(each) for each in kafka.bootstrap.split(",")]
    if "alert" in every:
        return _client_certificate_problem(conf, every)
    if protocol in _TLS:
        found = next((found for at in brokers if (found := _certificate_problem(conf, *at))), None)
        if found is not None:
            return found
    elif any(_speaks_tls(*at) for at in brokers):
        step = 'Set "security.protocol" in kafka.conf to "SASL_SSL", or to "SSL" where no login is needed'
        return Problem("the broker wants TLS", step)
    is_closed = KafkaError._ALL_BROKERS_DOWN in texts  # noqa: SLF001 - a frozen one keeps the connection
    if is_closed and protocol not in _SASL and any(_listens(*at) for at in brokers):
        other = "SASL_SSL" if protocol in _TLS else "SASL_PLAINTEXT"
        step = f'Set "security.protocol" = "{other}" and a login in kafka.conf'
        return Problem("the broker closes the connection: it may want a login", step)
    return None


def _login_problem(conf: dict[str, str], text: str) -> Problem:
    text = text.split(" (after ", maxsplit=1)[0].removeprefix("SASL authentication error: ")
    mechanism = conf.get("sasl.mechanism", conf.get("sasl.mechanisms", "GSSAPI"))
    if mechanism == "OAUTHBEARER":
        return Problem(f"no OAuth login: {text}", "Correct the options sasl.oauthbearer.* of kafka.conf")
    if "nsupported" in text:
        return Problem(f"the broker does not take {mechanism}: {text}", 'Correct "sasl.mechanism" in kafka.conf')
    user = conf.get("sasl.username", "")
    return Problem(
        f"wrong password, or no such user: {user} ({mechanism})",
        'Correct "sasl.username" and "sasl.password" in kafka.conf',
    )


def _client_certificate_problem(conf: dict[str, str], text: str) -> Problem:
    if not {"ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"} & conf.keys():
        step = 'Set "ssl.certificate.location" and "ssl.key.location" in kafka.conf'
        return Problem("the broker wants a certificate of this client", step)
    alert = text.partition("alert ")[2].split(":")[0]
    return Problem(
        f"the broker refuses this client's certificate: {alert}",
        "Renew it, or let the broker trust the CA that signed it",
    )


def _certificate_problem(conf: dict[str, str], host: str, port: int) -> Problem | None:
    """The reason for which this client does not accept the certificate of a broker; none if it does."""
    if conf.get("enable.ssl.certificate.verification", "true").lower() in _FALSE:
        return None
    context = _context(conf)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 is stricter than librdkafka
    context.check_hostname = conf.get("ssl.endpoint.identification.algorithm", "https") != "none"
    at = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), TRY_S) as plain, context.wrap_socket(plain, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return _verification_problem(at, error)
    except ssl.SSLError as error:
        if "ALERT" in str(error.reason):  # it speaks TLS, and wants what this handshake lacks
            return None
        return Problem(f"{at} does not speak TLS", 'Correct "security.protocol" in kafka.conf, or the port')
    except OSError:
        return None


def _context(conf: dict[str, str]) -> ssl.SSLContext:
    """The certificates that librdkafka trusts: of a file, of a folder, of a text, or of this machine (`probe`)."""
    location = conf.get("ssl.ca.location", "")
    folder = location if location and Path(location).is_dir() else None
    file = location if location not in ("", "probe") and not folder else None
    return ssl.create_default_context(cafile=file, capath=folder, cadata=conf.get("ssl.ca.pem"))


def _verification_problem(at: str, error: ssl.SSLCertVerificationError) -> Problem:
    if error.verify_code in (_EXPIRED, _NOT_YET):
        state = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        return Problem(f"the certificate of {at} {state}", "Renew it on the broker, or look at the clocks")
    if error.verify_code in _UNKNOWN_CA:
        step = 'Name the file of its CA as "ssl.ca.location" in kafka.conf'
        return Problem(f"no CA that this client knows has signed the certificate of {at}", step)
    if error.verify_code in _OTHER_NAME:
        return Problem(
            f"the certificate of {at} is for another name", "Use a name of the certificate in kafka.bootstrap"
        )
    return Problem(f"the certificate of {at} is not valid: {error.verify_message}", "Renew it on the broker")


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), TRY_S) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), TRY_S):
            return True
    except OSError:
        return False


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text.strip().rpartition('://')[2]}")
    return parts.hostname or "", parts.port or 9092
