"""Webhooks for rising tags, from MongoDB to receivers on real sockets."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.harness.stack_settings import use
from config.settings import AlertsSettings, Settings
from config.stack.ports import free_ports
from ingest.hours import Hour, wall_clock
from serving.alerts.message import message_id
from serving.alerts.service import Alerts
from serving.cli import main
from serving.status.collect import alerts_status
from serving.status.outlet_findings import outlet_findings
from serving.views.documents import ALERTS
from serving.views.store import Store
from tests.support.cli import ask
from tests.support.dashboard import published
from tests.support.faults.crash_points import Points, dies
from tests.support.wait import until
from tests.support.webhook_receiver import Act, Got, Receiver, receiving

KEY = b"thirty-two bytes that nobody has"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
FIRST = Hour.parse("2017-01-06T07")
CALM, STORM = {"calm": 50, "paris": 5}, {"calm": 50, "paris": 90}
Make = Callable[..., Alerts]


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


@pytest.fixture
def make(store: Store) -> Make:
    """Alerts of this database, with rules by name."""

    def alerts(rules: dict[str, str], **fields: Any) -> Alerts:
        of_rule = {key: fields.pop(key) for key in ("quiet_s", "tags", "least") if key in fields}
        made = {name: {"url": url, "secret": SECRET, "private": True, **of_rule} for name, url in rules.items()}
        own = AlertsSettings.model_validate({"rules": made, "every_s": 0.1, "retry_s": 60, **fields})
        return Alerts(own, store, wall_clock)

    return alerts


def begin(store: Store, alerts: Alerts) -> None:
    """Four calm hours, and the first look of each rule."""
    for at in range(4):
        published(store, CALM, FIRST.plus(at))
    for name in alerts.settings.rules:
        assert alerts.look(name) == []


def storm(store: Store, at: int = 4) -> Hour:
    """An hour in which paris rises."""
    published(store, STORM, FIRST.plus(at))
    return FIRST.plus(at)


def due(store: Store) -> None:
    """Let the time pass that messages wait for."""
    past = [{"$set": {"next_at": "$created_at", "lease_until": "$created_at"}}]
    store.collection(ALERTS).update_many({"state": "pending"}, past)


def delivery(store: Store) -> dict[str, Any]:
    (one,) = store.collection(ALERTS).find({"hour": {"$exists": True}, "tags": {"$ne": []}})
    return dict(one)


def verified(got: Got) -> dict[str, Any]:
    """The message of a request whose signature is right, checked by hand."""
    signed = b".".join([got.headers["webhook-id"].encode(), got.headers["webhook-timestamp"].encode(), got.body])
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    message: dict[str, Any] = json.loads(got.body)
    return message


def test_a_message_arrives_signed_after_500_a_cut_connection_and_429(store: Store, make: Make) -> None:
    acts = [Act(500), Act(cut=True), Act(429, {"retry-after": "3600"}), Act(204)]
    with receiving(*acts) as receiver:
        alerts = make({"city": receiver.url})
        begin(store, alerts)
        hour = storm(store)
        alerts.look("city")
        assert not receiver.got, "the message is in MongoDB before its first attempt"
        assert delivery(store)["state"] == "pending"
        for number in range(1, 5):
            due(store)
            alerts.deliver("city")
            assert len(receiver.got) == number, delivery(store)
            if number == 2:
                assert "RemoteProtocolError" in delivery(store)["error"]
            if number == 3:
                wait = delivery(store)["next_at"] - delivery(store)["created_at"]
                assert wait.total_seconds() >= 3_600, "Retry-After counts"
                alerts.deliver("city")
                assert len(receiver.got) == 3, "it is not due"
    messages = [verified(each) for each in receiver.got]
    assert {each.headers["webhook-id"] for each in receiver.got} == {message_id("city", str(hour))}
    assert all(each == messages[0] for each in messages)
    data = messages[0]["data"]
    assert (messages[0]["type"], data["rule"], data["hour"]) == ("trends.rising", "city", str(hour))
    assert [(each["tag"], each["count"]) for each in data["tags"]] == [("paris", 90)]
    assert (delivery(store)["state"], delivery(store)["attempts"], delivery(store)["status"]) == ("delivered", 4, 204)


def test_a_receiver_that_is_down_gets_its_message_later_or_is_given_up(store: Store, make: Make) -> None:
    (port,) = free_ports(1)
    alerts = make({"city": f"http://127.0.0.1:{port}/"})
    begin(store, alerts)
    storm(store)
    alerts.look("city")
    alerts.deliver("city")
    assert delivery(store)["state"] == "pending"
    assert "ConnectError" in delivery(store)["error"]
    older = [{"$set": {"created_at": {"$subtract": ["$created_at", 86_401_000]}}}]
    store.collection(ALERTS).update_one({"_id": delivery(store)["_id"]}, older)
    due(store)
    alerts.deliver("city")
    assert delivery(store)["state"] == "given up"


@pytest.mark.parametrize("status", [302, 404])
def test_a_refusal_and_a_redirect_end_the_message(store: Store, make: Make, status: int) -> None:
    with receiving() as elsewhere, receiving(Act(status, {"location": elsewhere.url})) as receiver:
        alerts = make({"city": receiver.url})
        begin(store, alerts)
        storm(store)
        alerts.look("city")
        for _ in range(2):
            due(store)
            alerts.deliver("city")
        assert (len(receiver.got), len(elsewhere.got)) == (1, 0)
    assert (delivery(store)["state"], delivery(store)["status"]) == ("refused", status)


def test_410_ends_the_rule_until_a_test_message_arrives(
    settings: Settings, settings_file: Path, store: Store, make: Make
) -> None:
    with receiving(Act(410), Act(200)) as receiver:
        alerts = make({"city": receiver.url})
        begin(store, alerts)
        storm(store)
        alerts.look("city")
        alerts.deliver("city")
        assert delivery(store)["state"] == "disabled"
        published(store, CALM, FIRST.plus(5))
        assert alerts.look("city") == []
        status = alerts_status(settings.model_copy(update={"alerts": alerts.settings}))
        assert (status.rules, status.disabled) == (1, ["city"])
        (finding,) = outlet_findings(settings.model_copy(update={"alerts": alerts.settings}))
        assert (finding.state, finding.found) == ("wrong", "the receiver is gone: city")
        file = write_rules(settings_file, receiver)
        with use(file):
            assert ask("alerts", "list")["rules"][0]["state"] == "disabled"
            assert ask("alerts", "test", "city")["verdict"] == "delivered"
            assert ask("alerts", "list")["rules"][0]["state"] == "active"
        assert verified(receiver.got[-1])["type"] == "trends.test"


def write_rules(file: Path, receiver: Receiver) -> Path:
    """The settings of a test, with one rule."""
    lines = f'[alerts.rules.city]\nurl = "{receiver.url}"\nsecret = "{SECRET}"\nprivate = true\n'
    file.write_text(f"{file.read_text()}\n{lines}")
    return file


def test_two_processes_a_recomputation_and_a_quiet_time_make_one_message(store: Store, make: Make) -> None:
    with receiving() as receiver:
        one, other = (make({"city": receiver.url}, quiet_s=3 * 3_600) for _ in range(2))
        begin(store, one)
        storm(store)
        assert (len(one.look("city")), len(other.look("city"))) == (1, 0)
        published(store, {**STORM, "paris": 120}, FIRST.plus(4), token=2)
        one.look("city")
        assert one.deliveries.claim("city") is not None
        assert other.deliveries.claim("city") is None, "one of them has the lease"
        due(store)
        other.deliver("city")
        storm(store, 5)
        storm(store, 6)
        for hour in range(4, 7):
            published(store, {"paris": 1, "calm": 90}, FIRST.plus(hour - 4), token=3)
        assert [each.tags for each in one.look("city")] == [[], []], "paris is quiet"
        storm(store, 7)
        assert [each.tags for each in one.look("city")] == [["paris"]]
        one.deliver("city")
    assert [verified(each)["data"]["hour"] for each in receiver.got] == [str(FIRST.plus(4)), str(FIRST.plus(7))]


def test_a_slow_receiver_holds_up_its_own_rule_alone(store: Store, make: Make) -> None:
    held, stop = threading.Event(), threading.Event()
    with receiving(Act(held=held)) as slow, receiving() as fast:
        alerts = make({"slow": slow.url, "fast": fast.url}, quiet_s=0)
        begin(store, alerts)
        storm(store)
        thread = threading.Thread(target=alerts.run, args=(stop,))
        thread.start()
        try:
            until(lambda: slow.got and fast.got, within_s=30)
            published(store, {"lyon": 80, "calm": 50}, FIRST.plus(5))
            until(lambda: len(fast.got) == 2, lambda: fast.got, 30)
            assert len(slow.got) == 1, "it has not answered yet"
        finally:
            held.set()
            stop.set()
            thread.join(60)
    assert not thread.is_alive()


def test_a_process_that_dies_after_the_answer_sends_the_message_again_under_its_id(
    settings_file: Path, store: Store, make: Make, tmp_path: Path
) -> None:
    with receiving() as receiver:
        alerts = make({"city": receiver.url})
        begin(store, alerts)
        storm(store)
        points, file = Points(tmp_path / "points"), write_rules(settings_file, receiver)
        dies(points, "alerts: between the answer and its record", file, "alerts", "run")
        assert len(receiver.got) == 1
        assert (delivery(store)["state"], delivery(store)["attempts"]) == ("pending", 1)
        assert alerts.deliveries.claim("city") is None, "the lease of the dead process holds"
        due(store)
        alerts.deliver("city")
    first, second = receiver.got
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert (delivery(store)["state"], delivery(store)["attempts"]) == ("delivered", 2)


def test_an_address_that_the_rule_does_not_allow_is_refused(store: Store, make: Make) -> None:
    with receiving() as receiver:
        alerts = make({"city": receiver.url})
        begin(store, alerts)
        storm(store)
        alerts.look("city")
        rule = alerts.settings.rules["city"].model_copy(update={"private": False})
        alerts.settings = alerts.settings.model_copy(update={"rules": {"city": rule}})
        alerts.deliver("city")
        assert not receiver.got
    assert delivery(store)["state"] == "refused"
    assert "set private = true" in delivery(store)["error"]


def test_check_and_list_show_messages_and_no_secret(settings_file: Path, store: Store, make: Make) -> None:
    with receiving() as receiver, use(write_rules(settings_file, receiver)):
        begin(store, make({"city": receiver.url}))
        hour = storm(store)
        checked = ask("alerts", "check", "--hour", f"{hour}:00Z")
        assert [each["tag"] for each in checked["messages"]["city"]["data"]["tags"]] == ["paris"]
        assert checked == ask("alerts", "check") | {"messages": checked["messages"]}
        assert not receiver.got
        assert ask("alerts", "list")["deliveries"] == []
        for words in (("check",), ("list",), ("list", "--json"), ("test", "city")):
            told = CliRunner().invoke(main, ["alerts", *words])
            assert told.exit_code == 0, told.output
            assert "SECRETPATH" not in told.output
            assert SECRET not in told.output
        assert CliRunner().invoke(main, ["alerts", "test", "nobody"]).exit_code == 2
