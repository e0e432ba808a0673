"""Webhooks without a server: signatures, addresses, answers, rules in the settings."""

import base64
import hashlib
import hmac
import json
from email.utils import formatdate
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import UsageError
from config.redaction import HIDDEN, redact
from config.settings import AlertRule, AlertsSettings, Settings
from serving.alerts.attempt import host_of, send, verdict_of
from serving.alerts.guarded_network import refusal
from serving.alerts.message import headers_of, selected
from serving.answers.rising import Riser
from serving.views.documents import Row
from tests.support.cli import ask

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_614_265_330_000
URL = "https://hooks.example.org/services/T0KEN-OF-A-PATH"


def rule(**fields: object) -> AlertRule:
    return AlertRule.model_validate({"url": URL, "secret": SECRET, **fields})


def test_a_signature_is_that_of_the_published_example_of_the_standard() -> None:
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', rule(), NOW)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"
    signed = f'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"{"}"test": 2432232314{"}"}'.encode()
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    by_hand = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{by_hand}"


@pytest.mark.parametrize(
    ("status", "retry_after", "verdict", "delay_s"),
    [
        (200, "", "delivered", 0), (204, "", "delivered", 0), (302, "", "refused", 0), (400, "", "refused", 0),
        (404, "", "refused", 0), (408, "", "again", 0), (410, "", "gone", 0), (429, "7", "again", 7),
        (503, formatdate(NOW / 1000 + 90, usegmt=True), "again", 90), (500, "-3", "again", 0),
        (429, "9" * 30, "again", 86_400), (429, "soon", "again", 0), (429, "٣", "again", 0),
    ],
)  # fmt: skip
def test_what_an_answer_means(status: int, retry_after: str, verdict: str, delay_s: float) -> None:
    answer = verdict_of(status, retry_after, NOW)
    assert (answer.verdict, answer.retry_after_s) == (verdict, delay_s)


@pytest.mark.parametrize(
    ("address", "private", "tls", "allowed"),
    [
        ("93.184.216.34", False, True, True), ("93.184.216.34", True, False, False),
        ("127.0.0.1", False, True, False), ("127.0.0.1", True, False, True), ("10.1.2.3", False, True, False),
        ("10.1.2.3", True, True, True), ("192.168.0.9", True, False, True), ("169.254.169.254", True, True, False),
        ("0.0.0.0", True, True, False), ("224.0.0.1", True, True, False), ("::1", False, True, False),
        ("::1", True, False, True), ("fe80::1%eth0", True, True, False), ("::ffff:127.0.0.1", False, True, False),
        ("::ffff:169.254.169.254", True, True, False), ("64:ff9b::7f00:1", False, True, False),
        ("2002:a9fe:a9fe::1", True, True, False),
        ("2606:2800:220:1::1", False, True, True),
    ],
)  # fmt: skip
def test_which_addresses_a_rule_reaches(address: str, private: bool, tls: bool, allowed: bool) -> None:
    assert (refusal(address, private=private, is_tls=tls) == "") == allowed


def test_a_rule_selects_by_uses_pattern_and_quiet_time() -> None:
    risers = [Riser(Row(tag, tag, count), 1, None, 0, 0.0, 20.0) for tag, count in
              (("paris", 50), ("parisfc", 9), ("lyon", 50), ("rome", 50), ("parc", 10))]  # fmt: skip
    found = selected(rule(tags=["PARI*", "#lyon", "par?"]), risers, frozenset({"lyon"}))
    assert [each.row.tag for each in found] == ["paris", "parc"]
    assert [each.row.tag for each in selected(rule(), risers, frozenset())] == ["paris", "lyon", "rome", "parc"]


def read(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str, **variables: str) -> Settings:
    (folder / "trends.toml").write_text(text)
    monkeypatch.chdir(folder)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings.read()


def test_secrets_of_rules_come_from_files_and_show_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "city").write_text(f"{SECRET}\n")
    (tmp_path / "city").chmod(0o600)
    text = f'[alerts.rules.city]\nurl = "{URL}"\n[alerts.rules.other]\nurl = "{URL}2"\nsecret_file = "city"\n'
    settings = read(monkeypatch, tmp_path, text, TRENDS_ALERTS__RULES__CITY__SECRET_FILE=str(tmp_path / "city"))
    assert {each.secret.get_secret_value() for each in settings.alerts.rules.values()} == {SECRET}
    assert host_of(settings.alerts.rules["city"]) == "https://hooks.example.org"
    assert redact(f"can't post to {URL} by {SECRET}") == f"can't post to {HIDDEN} by {HIDDEN}"
    shown = json.dumps(ask("config"))
    assert "T0KEN" not in shown
    assert SECRET not in shown
    assert SECRET not in repr(settings)
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert Settings.read().alerts.rules["other"].secret.get_secret_value() == SECRET, "as seen from the file's folder"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('url = "ftp://x"', "begins with https"), ('url = "https://a:b@x/"', "without a user"),
        ('secret = "whsec_dG9vIHNob3J0"', "24 to 64 bytes"), ('secret = "plain"', "24 to 64 bytes"),
        ('kind = "bigram"\nsource = "x"', "by no source"), ("unknown = 1", "Extra inputs"),
        ('url = "https://x:99999/"', "with a host"), ('url = "https://x:port/"', "with a host"),
        ('url = "https://x:0/"', "with a host"), ('url = "https:///path"', "with a host"),
        ('url = "https://[::1/"', "with a host"), ('url = "https://a..b/"', "with a host"),
        (f'url = "https://{"a" * 64}.org/"', "with a host"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_an_error_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, why: str
) -> None:
    given = {"url": f'url = "{URL}"', "secret": f'secret = "{SECRET}"'}
    given.pop(line.split(" ", maxsplit=1)[0], None)
    with pytest.raises(UsageError, match=why) as error:
        read(monkeypatch, tmp_path, "\n".join(["[alerts.rules.city]", *given.values(), line]))
    assert SECRET not in str(error.value)
    assert "dG9vIHNob3J0" not in str(error.value)


def test_a_receiver_on_ipv6_is_named_with_its_brackets() -> None:
    assert host_of(rule(url="http://[::1]:8080/t", private=True)) == "http://[::1]:8080"


@pytest.mark.parametrize("name", ["every_s", "retry_s", "give_up_s", "quiet_s"])
@pytest.mark.parametrize("seconds", [1e12, float("inf")])
def test_a_time_beyond_the_calendar_is_an_error_of_the_settings(name: str, seconds: float) -> None:
    with pytest.raises(ValidationError, match="less than or equal"):
        rule(quiet_s=seconds) if name == "quiet_s" else AlertsSettings.model_validate({name: seconds})


@pytest.mark.parametrize("date", ["01 Jan {n} 00:00:00 GMT", "01 Jan 2024 {n}:00:00 GMT", "01 Jan 2024 00:00:00 +{n}"])
def test_a_receiver_that_names_an_absurd_date_delays_nothing(date: str) -> None:
    assert verdict_of(503, f"Mon, {date.format(n='9' * 20)}", NOW).retry_after_s == 0


def test_certificates_that_nobody_can_read_refuse_no_message(tmp_path: Path) -> None:
    settings = AlertsSettings(ca_file=tmp_path / "none.pem")
    with pytest.raises(UsageError, match=r"none\.pem"):
        send("msg_1", "{}", rule(), settings, NOW)
