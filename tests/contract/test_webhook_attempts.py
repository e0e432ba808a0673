"""One attempt of a webhook on real sockets: certificates, and receivers that never finish."""

import threading
from pathlib import Path

from config.settings import AlertRule, AlertsSettings
from serving.alerts.attempt import send
from tests.support.certificates import Authority
from tests.support.webhook_receiver import Act, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_614_265_330_000


def rule(url: str) -> AlertRule:
    return AlertRule.model_validate({"url": url, "secret": SECRET, "private": True})


def test_a_certificate_has_to_be_of_a_known_authority(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    with receiving(identity=authority.sign("receiver")) as receiver:
        for settings in (AlertsSettings(), AlertsSettings(ca_file=other.path)):
            answer = send("msg_1", "{}", rule(receiver.url), settings, NOW)
            assert (answer.verdict, receiver.got) == ("again", [])
            assert "CERTIFICATE_VERIFY_FAILED" in answer.error
        answer = send("msg_1", "{}", rule(receiver.url), AlertsSettings(ca_file=authority.path), NOW)
    assert (answer.verdict, len(receiver.got)) == ("delivered", 1)


def test_an_attempt_ends_though_the_receiver_does_not_answer() -> None:
    held = threading.Event()
    with receiving(Act(held=held)) as receiver:
        answer = send("msg_1", "{}", rule(receiver.url), AlertsSettings(timeout_s=2), NOW)
        held.set()
    assert answer.verdict == "again"
    assert "Timeout" in answer.error


def test_an_attempt_ends_though_the_answer_comes_byte_by_byte() -> None:
    with receiving(Act(drips=True)) as receiver:
        answer = send("msg_1", "{}", rule(receiver.url), AlertsSettings(timeout_s=2), NOW)
    assert answer.verdict == "again"
    assert "Timeout" in answer.error
