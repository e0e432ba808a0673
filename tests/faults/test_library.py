"""The faults themselves: each one happens, and one that does not happen is an error."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.faults.clock import Clock
from tests.support.faults.disk import small_disk
from tests.support.faults.network import Link, kafka, port_in_kafka, port_in_text, text
from tests.support.faults.processes import freeze, kill
from tests.support.faults.proof import NotProvedError, proving
from tests.support.wait import until

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield psutil.Process(process.pid)
        process.kill()


def test_a_fault_that_nobody_saw_is_an_error() -> None:
    with pytest.raises(NotProvedError, match="not seen: cut"), proving("cut", "nothing", "cut") as proof:
        proof.saw(cut=0)


def test_what_the_scenario_raises_is_told_and_not_the_missing_proof() -> None:
    with pytest.raises(ZeroDivisionError), proving("cut", "nothing", "cut"):
        _ = 1 // 0


def test_a_killed_process_was_alive_and_is_gone(sleeper: psutil.Process) -> None:
    assert kill(sleeper, "sleeper").seen["gone"]
    with pytest.raises(NotProvedError, match="was_alive"):  # a second kill kills nobody
        kill(sleeper, "sleeper")


def test_a_frozen_process_stands_still_as_long_as_asked(sleeper: psutil.Process) -> None:
    began = time.monotonic()
    with freeze(sleeper, "sleeper", at_least_s=0.5):
        assert sleeper.status() == psutil.STATUS_STOPPED
    assert time.monotonic() - began >= 0.5
    with pytest.raises(NotProvedError, match="still_stopped"), freeze(sleeper, "sleeper"):
        sleeper.resume()
        while sleeper.status() == psutil.STATUS_STOPPED:
            time.sleep(0.01)


@contextmanager
def shouting() -> Iterator[tuple[int, list[bytes]]]:
    """A server that says everything back in capitals, and remembers it."""
    heard: list[bytes] = []

    def serve(end: socket.socket) -> None:
        with closing(end):
            try:
                while data := end.recv(65_536):
                    heard.append(data)
                    end.sendall(data.upper())
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                end, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(end,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def echo() -> Iterator[tuple[Link, list[bytes]]]:
    with shouting() as (port, heard), Link(port, "echo") as link:
        yield link, heard


def asked(link: Link, said: bytes, timeout_s: float = 5) -> bytes:
    with socket.create_connection(("127.0.0.1", link.port), timeout_s) as end:
        end.sendall(said)
        return end.recv(65_536)


def test_a_link_without_a_fault_passes_everything(echo: tuple[Link, list[bytes]]) -> None:
    assert asked(echo[0], b"hello") == b"HELLO"


def test_a_cut_link_resets_what_is_open_and_lets_nobody_in(echo: tuple[Link, list[bytes]]) -> None:
    link, _ = echo
    with socket.create_connection(("127.0.0.1", link.port), 5) as end:
        end.sendall(b"a")
        assert end.recv(10) == b"A"
        with link.cut() as proof:
            with pytest.raises(ConnectionResetError):
                end.recv(10)
            with pytest.raises(ConnectionError):
                asked(link, b"b")
    assert proof.seen["resets"] == 2
    assert asked(link, b"c") == b"C"


def test_a_request_is_cut_off_where_it_was_told(echo: tuple[Link, list[bytes]]) -> None:
    link, heard = echo
    with link.cut_in_request(text(b"op=PUT"), after=8) as proof:
        assert asked(link, b"op=GET body") == b"OP=GET BODY"
        with pytest.raises(ConnectionError):
            asked(link, b"op=PUT body")
        until(lambda: heard[-1] == b"op=PUT b", lambda: heard, 10)
    assert (proof.seen["cut"], proof.seen["withheld"]) == (1, 3)


def test_a_lost_reply_comes_after_the_effect(echo: tuple[Link, list[bytes]]) -> None:
    link, heard = echo
    with link.lost_reply(kafka(26)) as proof:
        request = b"\0\0\0\x09\0\x1a\0\0rest"
        with pytest.raises(ConnectionError):
            asked(link, request)
        assert asked(link, request) == request.upper(), "only the first is lost"
    assert heard == [request, request]
    assert proof.seen["replies_lost"] == 1


def test_a_slow_link_takes_its_time(echo: tuple[Link, list[bytes]]) -> None:
    began = time.monotonic()
    with echo[0].slow(10_000) as proof:
        assert len(asked(echo[0], b"x" * 2_000)) == 2_000
    assert time.monotonic() - began > 0.3
    assert proof.seen["bytes"] == 4_000


def test_what_fell_into_a_black_hole_arrives_late(echo: tuple[Link, list[bytes]]) -> None:
    link, heard = echo
    with link.blackhole():
        with pytest.raises(TimeoutError):
            asked(link, b"late", timeout_s=0.3)
        assert heard == []
    until(lambda: heard == [b"late"], lambda: heard, 10)


def test_a_fault_without_traffic_is_an_error(echo: tuple[Link, list[bytes]]) -> None:
    for fault in (echo[0].lost_reply(text(b"x")), echo[0].slow(1), echo[0].blackhole(), echo[0].cut()):
        with pytest.raises(NotProvedError), fault:
            pass


def test_addresses_are_told_as_the_links() -> None:
    with shouting() as (port, _), Link(port, "echo") as link:
        link.rewrite(port_in_text(12345, 54321)).rewrite(port_in_kafka(20001, 20002))
        assert asked(link, b"127.0.0.1:12345/") == b"127.0.0.1:54321/"
        assert asked(link, b"127.0.0.1\0\0\x4e\x21") == b"127.0.0.1\0\0\x4e\x22"
    with pytest.raises(ValueError, match="differ in length"):
        port_in_text(999, 10_000)


def test_a_full_disk_refuses_to_be_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2) as disk:
        refused: list[int] = []
        with disk.full("a file", lambda: refused):
            try:
                (disk.folder / "other").write_bytes(bytes(100_000))
            except OSError as error:
                refused.append(error.errno or 0)
        assert refused == [errno.ENOSPC]
        (disk.folder / "other").write_bytes(bytes(100_000))
    assert not (tmp_path / "disk" / "other").exists()


@pytest.mark.parametrize("how", ["environment", "for_python"])
def test_a_clock_jumps_under_a_process_and_its_monotonic_clock_does_not(tmp_path: Path, how: str) -> None:
    clock = Clock(tmp_path)
    code = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **getattr(clock, how)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def read() -> tuple[float, float]:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            wall, monotonic = process.stdout.readline().split()
            return float(wall), float(monotonic)

        before = read()[1]
        with clock.jumped(-7_200, {"python": lambda: read()[0]}) as proof:
            assert read()[0] < time.time() - 7_000
            assert 0 <= read()[1] - before < 60
        process.stdin.close()
    assert "python -7200 s" in str(proof.seen["read_back"])
