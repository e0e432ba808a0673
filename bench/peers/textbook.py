"""Spout and bolt as a textbook has them: a tuple a message, and an increment a tuple. At least once while they live."""

import json
import sys
import uuid
from typing import Any

from confluent_kafka import Consumer
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern
from streamparse import Bolt, Spout

from config.settings import Settings

WRITE_CONCERN = "bench.write.concern"
"""Option of the topology: `majority` or 1."""


class MessageSpout(Spout):
    """Emits a message, and again where it failed. It loses messages in flight when it dies: offsets go on."""

    outputs = ["hour", "tag", "shown"]  # noqa: RUF012 - streamparse demands a list

    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - Storm gives them
        """Connect."""
        sys.stdout = sys.stderr
        settings = Settings.read().kafka
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "group.id": f"textbook-{uuid.uuid4().hex}",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        self._consumer.subscribe([settings.hashtags])
        self._pending: dict[str, list[str]] = {}

    def next_tuple(self) -> None:
        """One message."""
        message = self._consumer.poll(0.01)
        if message is not None and message.error() is None:
            use = json.loads(message.value())
            name = f"{message.partition()}:{message.offset()}"
            self._pending[name] = [use["hour"], use["tag"], use["shown"]]
            self.emit(self._pending[name], tup_id=name)

    def ack(self, tup_id: str) -> None:
        """Forget a counted message."""
        self._pending.pop(tup_id, None)

    def fail(self, tup_id: str) -> None:
        """Once more."""
        if tup_id in self._pending:
            self.emit(self._pending[tup_id], tup_id=tup_id)


class AddBolt(Bolt):
    """Adds one."""

    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - Storm gives them
        """Connect."""
        settings = Settings.read().mongo
        options = storm_conf.get(WRITE_CONCERN, "majority")
        concern = WriteConcern("majority" if options == "majority" else int(options))
        client: MongoClient[dict[str, Any]] = MongoClient(settings.uri.get_secret_value())
        self._uses = client[settings.database].get_collection("uses", write_concern=concern)

    def process(self, tup: Any) -> None:
        """One upsert."""
        hour, tag, shown = tup.values
        row = {"hour": hour, "tag": tag, "shown": shown}
        self._uses.update_one({"_id": f"{hour}|{tag}"}, {"$inc": {"count": 1}, "$setOnInsert": row}, upsert=True)
