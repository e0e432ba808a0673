"""A live service for tests, as small as one can be: lines of JSON over TCP, all of them on each connection."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Self

from config.settings.section import Section
from ingest.post import Post
from ingest.sources.formats.contract import Item, LineReader
from ingest.sources.live.entry import LiveEntry, Option
from ingest.sources.live.request import ServiceRequest
from ingest.sources.live.service import OnBytes, Service, name_of


class RelaySettings(Section):
    """Posts of a relay, live."""

    host: str = "127.0.0.1"
    """Host of the relay."""


class RelayReader(LineReader):
    format = "relay"

    def read(self, record: bytes) -> list[Item]:
        fields = json.loads(record)
        return [self._reading.post(fields["id"], self._reading.now(), fields["text"], record.decode())]


class Relay(Service[Post]):
    silence_s = 60.0

    @classmethod
    def from_request(cls, request: ServiceRequest[RelaySettings]) -> Self:
        service = cls(name_of("relay", request.post_filter), RelayReader(request.reading), request.reading)
        service.where = f"{request.settings.host}:{request.options['port']}"
        return service

    @asynccontextmanager
    async def connect(self, _on_bytes: OnBytes) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        reader, writer = await asyncio.open_connection(*self.where.split(":"))
        yield (line async for line in reader)
        writer.close()

    def advance(self, _record: bytes | None) -> None:
        self.until = self.now()

    def remember_since(self) -> int:
        return 0


ENTRY = LiveEntry(
    service=f"{__name__}:Relay", settings=RelaySettings, published_on="relay", format="relay",
    reader=f"{__name__}:RelayReader", options=(Option("--port", "Port of the relay.", type="count", most=65_535),),
    help="Posts of a relay, live.\n\n\b\nExample:\n  trends ingest relay --port 7000",
)  # fmt: skip
