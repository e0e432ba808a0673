"""Deliveries: the outbox of webhooks in MongoDB. A message is there before its first attempt, and until it has an end.

    alerts  {_id: message id, rule, hour, state, tags, body, created_at, attempts, next_at, lease_until, owner, status,
             error, ended_at}                              one a (rule, hour): `nothing` where the hour has no message
    alerts  {_id: "rule|NAME", since, disabled}            the last hour that the rule leaves out; its address, if gone

An attempt belongs to the process that has the lease. A process that dies leaves the message to the next, which sends it
again under its id. All times are the server's, so processes of several machines agree.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from pymongo import ReturnDocument

from config.settings import AlertRule, AlertsSettings
from ingest.hours import HOUR_MS, Hour
from serving.views.client import Document, mongo_errors
from serving.views.documents import ALERTS
from serving.views.store import Store

State = Literal["nothing", "pending", "delivered", "refused", "given up", "disabled"]
NOTHING: State = "nothing"
_MARGIN_S = 30.0
"""How much longer a lease is than an attempt."""
_REMEMBERED_MS = 30 * 86_400_000


@dataclass(frozen=True)
class Claim:
    """A message that this process may send, once."""

    id: str
    body: str
    attempts: int
    """This one included."""
    owner: str


class Counts(NamedTuple):
    """The state of all rules together."""

    pending: int
    given_up: int
    """Messages of the last day that no attempt delivered: given up, or refused for good."""
    disabled: list[str]
    """Rules whose address is gone."""


class Deliveries:
    """The outbox of one database."""

    def __init__(self, store: Store, settings: AlertsSettings) -> None:
        self._alerts = store.collection(ALERTS)
        self._settings = settings

    def start(self, name: str, newest: Hour) -> Hour:
        """The last hour that a rule leaves out: at its first look the newest finished one."""
        with mongo_errors():
            rule = self._alerts.find_one_and_update(
                {"_id": f"rule|{name}"},
                {"$setOnInsert": {"since": str(newest)}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return Hour.parse(rule["since"]) if rule else newest

    def unseen(self, name: str, hours: Sequence[Hour]) -> list[Hour]:
        """Those of some hours that a rule has not looked at, ascending."""
        with mongo_errors():
            wanted = {"rule": name, "hour": {"$in": [str(hour) for hour in hours]}}
            found = {each["hour"] for each in self._alerts.find(wanted, {"hour": True})}
        return sorted(hour for hour in hours if str(hour) not in found)

    def quiet_tags(self, name: str, rule: AlertRule, hour: Hour) -> frozenset[str]:
        """The tags that messages of the hours before were about, within the quiet time of the rule."""
        since = hour.plus(-math.ceil(rule.quiet_s * 1000 / HOUR_MS))
        with mongo_errors():
            wanted = {"rule": name, "hour": {"$gt": str(since), "$lt": str(hour)}}
            return frozenset(tag for each in self._alerts.find(wanted, {"tags": True}) for tag in each["tags"])

    def add(self, message: str, name: str, hour: Hour, tags: Sequence[str], body: str) -> bool:
        """Note that a rule has looked at an hour, with its message if it has one. False: it had before."""
        state: State = "pending" if tags else NOTHING
        fields = {
            **{"rule": name, "hour": str(hour), "state": state, "tags": list(tags), "body": body},
            **{"attempts": 0, "owner": "", "status": None, "error": ""},
        }
        literal: Document = {key: {"$literal": value} for key, value in fields.items()}
        times: Document = {"created_at": "$$NOW", "next_at": "$$NOW", "lease_until": "$$NOW"}
        is_new = {"$eq": [{"$type": "$state"}, "missing"]}
        changed = {key: {"$cond": [is_new, value, f"${key}"]} for key, value in (literal | times).items()}
        with mongo_errors():
            return self._alerts.update_one({"_id": message}, [{"$set": changed}], upsert=True).upserted_id is not None

    def claim(self, name: str) -> Claim | None:
        """The next message of a rule that is due, for one attempt of this process."""
        self._give_up(name)
        owner = uuid4().hex
        until = {"$add": ["$$NOW", int((self._settings.timeout_s + _MARGIN_S) * 1000)]}
        taken = {"lease_until": until, "owner": owner, "attempts": {"$add": ["$attempts", 1]}}
        with mongo_errors():
            found = self._alerts.find_one_and_update(
                {"rule": name, "state": "pending", "$expr": _is_due()},
                [{"$set": taken}],
                sort=[("hour", 1)],
                return_document=ReturnDocument.AFTER,
            )
        return None if found is None else Claim(found["_id"], found["body"], found["attempts"], owner)

    def end(self, claim: Claim, state: State, status: int | None, error: str) -> None:
        """Note the last attempt of a message, unless another process has it now."""
        self._note(claim, {"state": state, "ended_at": "$$NOW"}, status, error)

    def retry(self, claim: Claim, delay_s: float, status: int | None, error: str) -> None:
        """Note an attempt that another is to follow, so many seconds from now."""
        next_at = {"$add": ["$$NOW", int(delay_s * 1000)]}
        self._note(claim, {"next_at": next_at, "lease_until": "$$NOW"}, status, error)

    def disable(self, name: str, rule: AlertRule) -> None:
        """End everything of a rule whose address is gone, for as long as it has that address."""
        with mongo_errors():
            self._alerts.update_one({"_id": f"rule|{name}"}, {"$set": {"disabled": _digest(rule)}}, upsert=True)
            ended: Document = {"state": "disabled", "ended_at": "$$NOW"}
            self._alerts.update_many({"rule": name, "state": "pending"}, [{"$set": ended}])

    def enable(self, name: str) -> None:
        """Let a rule send again."""
        with mongo_errors():
            self._alerts.update_one({"_id": f"rule|{name}"}, {"$unset": {"disabled": True}})

    def is_disabled(self, name: str, rule: AlertRule) -> bool:
        """Whether the address of a rule has said that it is gone."""
        with mongo_errors():
            found = self._alerts.find_one({"_id": f"rule|{name}"}, {"disabled": True}) or {}
        return found.get("disabled") == _digest(rule)

    def last(self, count: int) -> list[dict[str, Any]]:
        """The last messages, the newest first, without those of hours that had none."""
        with mongo_errors():
            wanted = {"state": {"$exists": True, "$ne": NOTHING}}
            return list(self._alerts.find(wanted, {"body": False}).sort([("created_at", -1), ("_id", 1)]).limit(count))

    def counts(self) -> Counts:
        """The state of all rules together."""
        ended = {"$gt": ["$ended_at", {"$subtract": ["$$NOW", 86_400_000]}]}
        with mongo_errors():
            pending = self._alerts.count_documents({"state": "pending"})
            given_up = self._alerts.count_documents({"state": {"$in": ["given up", "refused"]}, "$expr": ended})
        disabled = [name for name, rule in self._settings.rules.items() if self.is_disabled(name, rule)]
        return Counts(pending, given_up, disabled)

    def forget(self, name: str, rule: AlertRule, before: Hour) -> None:
        """Delete messages that ended long ago and that no quiet time reaches. The rule leaves out hours before."""
        since = before.plus(-math.ceil(rule.quiet_s * 1000 / HOUR_MS))
        old = {"$lt": ["$created_at", {"$subtract": ["$$NOW", _REMEMBERED_MS]}]}
        with mongo_errors():
            behind = {"_id": f"rule|{name}", "since": {"$lt": str(before)}}
            self._alerts.update_one(behind, {"$set": {"since": str(before)}})
            wanted = {"rule": name, "hour": {"$lt": str(since)}, "state": {"$ne": "pending"}, "$expr": old}
            self._alerts.delete_many(wanted)

    def _give_up(self, name: str) -> None:
        age = {"$gt": [{"$subtract": ["$$NOW", "$created_at"]}, int(self._settings.give_up_s * 1000)]}
        ended: Document = {"state": "given up", "ended_at": "$$NOW"}
        with mongo_errors():
            wanted = {"rule": name, "state": "pending", "$expr": {"$and": [age, {"$lte": ["$lease_until", "$$NOW"]}]}}
            self._alerts.update_many(wanted, [{"$set": ended}])

    def _note(self, claim: Claim, changed: Document, status: int | None, error: str) -> None:
        known = {"status": status, "error": {"$literal": error[:300]}}
        with mongo_errors():
            own = {"_id": claim.id, "owner": claim.owner, "state": "pending"}
            self._alerts.update_one(own, [{"$set": changed | known}])


def _is_due() -> Document:
    return {"$and": [{"$lte": ["$next_at", "$$NOW"]}, {"$lte": ["$lease_until", "$$NOW"]}]}


def _digest(rule: AlertRule) -> str:
    return hashlib.sha256(rule.url.get_secret_value().encode()).hexdigest()
