"""`trends serve` as somebody starts and stops it."""

import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from config.settings import Settings
from tests.support.cli import environment
from tests.support.serve_process import address, serve_process

TOKEN = "correct-horse-battery-staple"


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_asked_though_streams_are_open(
    settings: Settings, settings_file: Path, ends: signal.Signals
) -> None:
    with serve_process(settings_file) as process, httpx.Client(base_url=address(process), timeout=60) as client:
        streams = [client.send(client.build_request("GET", path), stream=True) for path in ("/live", "/api/live")]
        for stream in streams:
            assert next(stream.iter_text()).startswith("event: ")
        process.send_signal(ends)
        said, complained = process.communicate(timeout=60)
    assert (process.returncode, said, complained) == (0, "", "")


def test_a_token_is_neither_printed_nor_in_the_list_of_settings(settings: Settings, settings_file: Path) -> None:
    with serve_process(settings_file, "--host", "0.0.0.0", TRENDS_SERVE__TOKEN=TOKEN) as process:
        url = address(process).replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/api/status", headers={"Authorization": "Bearer wrong"}).status_code == 401
        shown = httpx.get(f"{url}/api/top", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        assert shown.status_code == 404
        assert TOKEN not in shown.text
        process.send_signal(signal.SIGTERM)
        assert TOKEN not in "".join(process.communicate(timeout=60))
    told = subprocess.run(
        ["trends", "config"],
        env=environment(TRENDS_CONFIG=str(settings_file), TRENDS_SERVE__TOKEN=TOKEN),
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'token = "***"' in told.stdout
    assert TOKEN not in told.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "no token protects the dashboard"),
        (["--host", "no.such.host.invalid"], "no token protects the dashboard"),
        (["--port", "70000"], "70000 is not in the range"),
    ],
)
def test_what_can_not_be_served_says_why(settings_file: Path, arguments: list[str], told: str) -> None:
    with serve_process(settings_file, *arguments) as process:
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told in complained
    assert "Traceback" not in complained
