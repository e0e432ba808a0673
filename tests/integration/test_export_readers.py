"""Readers of an export: one too many, and one who presses Ctrl-C."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from config.settings import Settings
from ingest.hours import Hour
from serving.dashboard.http import middleware, pace
from serving.query.time_expressions import zone
from serving.render.row_files import write_rows
from serving.render.rows import Rows, hour_rows
from serving.views.documents import HASHTAGS
from serving.views.store import Store
from tests.support.dashboard import published, running
from tests.support.rendering import BASE, view

HOUR = Hour.parse("2013-04-15T20")
HOURS = 9
ALL = f"/api/export?since={HOUR}&until={HOUR.plus(HOURS)}"


@pytest.fixture
def many_bytes(settings: Settings) -> Settings:
    """Hours of some 4 MB each: more than the buffers of a connection take."""
    with Store(settings.mongo) as store:
        for at in range(HOURS):
            published(store, {"x" * 8_000 + str(number): 1 for number in range(250)}, HOUR.plus(at))
    return settings


def slow_reader(url: str) -> socket.socket:
    """A client that takes the first bytes of an export and then no more."""
    place = urlsplit(url)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(60)
    reader.connect((place.hostname, place.port))
    reader.sendall(f"GET {ALL} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert reader.recv(15) == b"HTTP/1.1 200 OK"
    return reader


def test_a_third_export_is_refused_while_two_readers_take_nothing(many_bytes: Settings) -> None:
    with running(many_bytes) as url, ExitStack() as open_sockets:
        for _ in range(2):
            open_sockets.enter_context(slow_reader(url))
        refused = httpx.get(url + ALL, timeout=60)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")
        assert "exports" in refused.json()["error"]["what"]
        assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200


def test_an_export_breaks_off_for_a_slow_reader_and_gives_its_place_to_the_next(
    many_bytes: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "GRACE_S", 0.2)
    monkeypatch.setattr(pace, "LEAST_RATE", 1 << 40)
    monkeypatch.setitem(middleware.AT_ONCE, "exports", 1)
    with running(many_bytes) as url:
        with httpx.stream("GET", url + ALL, timeout=60) as slow:
            pieces = slow.iter_raw()
            assert next(pieces)
            time.sleep(1)  # the first 16 MB are more than the buffers take
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                list(pieces)
        assert httpx.get(f"{url}/api/export?since={HOUR}&until={HOUR.plus(1)}&n=1", timeout=60).status_code == 200


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts, although the background of a shell, where tests may run, ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_an_export_leaves_no_file_and_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "week.csv"
    file.write_text("before")
    seen: list[list[str]] = []
    views = [view(BASE.plus(at), ("a", 9)) for at in range(50)]

    def interrupted() -> Iterator[object]:
        for at, each in enumerate(views):
            if at == 30:
                seen.append([path.name for path in tmp_path.iterdir()])
                os.kill(os.getpid(), signal.SIGINT)
            yield each

    rows: Rows = hour_rows(interrupted(), HASHTAGS)  # type: ignore[arg-type] # views, one by one
    with pytest.raises(KeyboardInterrupt):
        write_rows(rows, zone("UTC"), file)
    assert len(seen[0]) == 2, "it was writing"
    assert ([path.name for path in tmp_path.iterdir()], file.read_text()) == (["week.csv"], "before")
