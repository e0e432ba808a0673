"""Options of `kafka.conf` for Java's client, which Spark's Kafka source is: the same login and certificates.

Files go in as their text, so an executor on another machine needs none. Options that are no matter of security belong
to librdkafka alone.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from config.errors import UsageError
from config.settings.sections.kafka import KafkaSettings

_OTHER_FORMAT = re.compile("BEGIN (RSA|EC|DSA|OPENSSH) ")
"""A key that is no PKCS #8."""
_MODULES = "org.apache.kafka.common.security"
_SAME = frozenset({"security.protocol", "ssl.cipher.suites", "ssl.key.password", "ssl.keystore.password"})
"""Options that both clients spell alike."""
_OAUTH = {
    "sasl.oauthbearer.client.id": "clientId",
    "sasl.oauthbearer.client.secret": "clientSecret",
    "sasl.oauthbearer.scope": "scope",
}
"""Of the client credentials, and their names in a JAAS entry."""
_KNOWN = _SAME | _OAUTH.keys() | {
    "sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password", "sasl.oauthbearer.method",
    "sasl.oauthbearer.token.endpoint.url", "ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location",
    "ssl.certificate.pem", "ssl.key.location", "ssl.key.pem", "ssl.keystore.location",
    "ssl.endpoint.identification.algorithm",
}  # fmt: skip


def java_options(kafka: KafkaSettings) -> dict[str, str]:
    """The options under the names of Java's client; secret.

    Raises `UsageError` for an option of security that it lacks, and for a key in a format that it can't read.
    """
    conf = kafka.connection
    found = {name: value for name, value in conf.items() if name not in kafka.conf}  # the brokers
    for name in sorted(kafka.conf):
        if name.startswith(("sasl.", "ssl.", "enable.ssl.")) and name not in _KNOWN:
            raise _lacks(name)
    found |= {name: value for name, value in conf.items() if name in _SAME}
    if "security.protocol" in found:
        found["security.protocol"] = found["security.protocol"].upper()
    return found | _login(conf) | _certificates(conf)


def _login(conf: Mapping[str, str]) -> dict[str, str]:
    if not conf.get("security.protocol", "").lower().startswith("sasl"):
        return {}
    mechanism = conf.get("sasl.mechanism") or conf.get("sasl.mechanisms", "")
    user = {"username": conf.get("sasl.username", ""), "password": conf.get("sasl.password", "")}
    match mechanism:
        case "PLAIN":
            entry = _entry("plain.PlainLoginModule", user)
        case "SCRAM-SHA-256" | "SCRAM-SHA-512":
            entry = _entry("scram.ScramLoginModule", user)
        case "OAUTHBEARER" if conf.get("sasl.oauthbearer.method", "").lower() == "oidc":
            given = {theirs: conf[ours] for ours, theirs in _OAUTH.items() if ours in conf}
            return {
                "sasl.mechanism": mechanism,
                "sasl.jaas.config": _entry("oauthbearer.OAuthBearerLoginModule", given),
                "sasl.login.callback.handler.class": f"{_MODULES}.oauthbearer.OAuthBearerLoginCallbackHandler",
                "sasl.oauthbearer.token.endpoint.url": conf.get("sasl.oauthbearer.token.endpoint.url", ""),
            }
        case _:
            raise _lacks(f"sasl.mechanism {mechanism}".strip())
    return {"sasl.mechanism": mechanism, "sasl.jaas.config": entry}


def _entry(module: str, options: Mapping[str, str]) -> str:
    """An entry of JAAS, with each value quoted."""
    quoted = (f'{name}="{_escaped(value)}"' for name, value in options.items())
    return f"{_MODULES}.{module} required {' '.join(quoted)};"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _certificates(conf: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if authority := _text(conf, "ssl.ca"):
        found |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": authority}
    if "ssl.keystore.location" in conf:
        store = Path(conf["ssl.keystore.location"]).absolute()
        if not os.access(store, os.R_OK):
            raise UsageError(
                f"can't read {store}", where="kafka.conf ssl.keystore.location", next_step="Name a PKCS #12 file"
            )
        found |= {"ssl.keystore.type": "PKCS12", "ssl.keystore.location": str(store)}
    elif chain := _text(conf, "ssl.certificate"):
        key = _text(conf, "ssl.key")
        if _OTHER_FORMAT.search(key):
            raise UsageError(
                "Spark reads keys as PKCS #8 alone",
                where="kafka.conf ssl.key.location",
                next_step="`openssl pkcs8 -topk8 -in KEY -out NEW` converts it",
            )
        found |= {"ssl.keystore.type": "PEM", "ssl.keystore.certificate.chain": chain, "ssl.keystore.key": key}
    algorithm = conf.get("ssl.endpoint.identification.algorithm")
    if algorithm is not None:
        found["ssl.endpoint.identification.algorithm"] = "" if algorithm == "none" else algorithm
    return found


def _text(conf: Mapping[str, str], option: str) -> str:
    """The PEM of an option, from the setting or from its file."""
    file = conf.get(f"{option}.location")
    if not file:
        return conf.get(f"{option}.pem", "")
    try:
        return Path(file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not PEM"
        raise UsageError(
            f"can't read {file}: {why}", where=f"kafka.conf {option}.location", next_step="Name a PEM file"
        ) from None


def _lacks(name: str) -> UsageError:
    return UsageError(
        f"Spark's Kafka source has no {name}", where="kafka.conf", next_step='Read the topic with engine = "python"'
    )
