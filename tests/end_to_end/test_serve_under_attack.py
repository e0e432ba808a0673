"""`trends serve` while somebody asks for too much, too slowly, or too often at once: others are answered all along."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from config.settings import Settings
from ingest.hours import Hour, wall_clock
from serving.views.documents import HOURS
from serving.views.store import Store
from tests.support.serve_process import address, serve_process

DAYS, ROWS = 30, 1_000
MOST_MEMORY = 450_000_000
"""What may be resident: the libraries of the status are about 200 MB."""
FILES = 200


@pytest.fixture
def month(settings: Settings) -> Hour:
    """A month of hours before this one with all the tags that a document keeps. The last of them."""
    last = Hour.of(wall_clock()).plus(-1)
    top = [{"tag": f"tag{n}", "shown": f"Tag{n}", "count": ROWS - n} for n in range(ROWS)]
    facts = {"origin": "batch", "top": top, "tied_beyond": 0, "uses": 500_500, "tags": ROWS, "posts": 9, "rule": "1"}
    run = {"run": "run-1", "token": 1, "complete": True, "covered": [0], "dirty": False, "computed_at": last.start}
    with Store(settings.mongo) as store:
        for day in range(DAYS):
            names = [str(last.plus(-24 * day - step)) for step in range(24)]
            store.collection(HOURS).insert_many([facts | run | {"_id": f"batch|{n}", "hour": n} for n in names])
    return last


def test_questions_about_a_long_time_come_in_turn_in_little_memory_and_others_are_answered(
    settings: Settings, settings_file: Path, month: Hour
) -> None:
    with (
        serve_process(settings_file) as process,
        httpx.Client(base_url=address(process), timeout=120) as client,
        ThreadPoolExecutor(9) as threads,
    ):
        refused = client.get("/api/top?last=1090d&n=1000")
        assert (refused.status_code, "more than 2,208 hours" in refused.text) == (400, True)
        asked = [threads.submit(client.get, f"/api/top?last={DAYS}d&n=1000") for _ in range(9)]
        light = [client.get(path).status_code for path in (f"/api/top?hour={month}", f"/hour/{month}", "/day", "/tag")]
        under_way = sum(not each.done() for each in asked)
        answers = [each.result() for each in asked]
        peak = int(re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[0]) * 1024
    assert light == [200] * 4
    assert under_way, "nothing heavy was left when the light questions were answered"
    busy = [each for each in answers if each.status_code == 503]
    assert busy
    assert {each.headers["retry-after"] for each in busy} == {"3"}
    full = [each.json() for each in answers if each.status_code == 200]
    assert full
    assert all((len(each["top"]), each["top"][0]["count"]) == (ROWS, each["uses"] // 500_500 * ROWS) for each in full)
    assert peak < MOST_MEMORY, f"{peak:,}"


def idle(url: str, stack: ExitStack, sent: bytes) -> socket.socket:
    place = urlsplit(url)
    opened = stack.enter_context(socket.create_connection((place.hostname, place.port or 80), 60))
    opened.sendall(sent)
    return opened


def test_headers_that_never_end_and_more_connections_than_files_keep_nobody_out_and_fill_no_log(
    settings: Settings, settings_file: Path
) -> None:
    few_files = ["sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh"]
    with serve_process(settings_file, before=few_files) as process, ExitStack() as stack:
        url = address(process)
        many = [idle(url, stack, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") for _ in range(2 * FILES)]
        answers = [each.recv(4096).split(b"\r\n")[0] for each in many]  # each ends by a time limit, or at once
        assert httpx.get(f"{url}/api/openapi.json", timeout=60).status_code == 200
        assert psutil.Process(process.pid).num_fds() < FILES
        process.terminate()
        _, log = process.communicate(timeout=60)
    assert set(answers) == {b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 503 Service Unavailable"}
    assert "Traceback" not in log
    assert log.count("\n") < 5, log[:2000]


def test_nonsense_fills_no_log(settings: Settings, settings_file: Path) -> None:
    with serve_process(settings_file) as process, ExitStack() as stack:
        url = address(process)
        for _ in range(50):
            assert idle(url, stack, b"\x16\x03\x01\x00 nonsense\r\n\r\n").recv(4096)
        process.terminate()
        _, log = process.communicate(timeout=60)
    assert log.count("\n") <= 1
