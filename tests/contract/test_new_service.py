"""Adding a live service is one module and one entry of the registry: everything else follows from the entry."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.settings import Settings, section_types
from ingest.post import Post
from ingest.sources import registry
from ingest.sources.base import Source
from serving.cli import main
from serving.cli.ingest.live_sources import live_source
from serving.cli.reference import reference
from tests.support.source_contract import PROMISES, contents
from tests.support.sources import NOW, reading

POSTS = 30


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.LIVE, "relay", "tests.support.relay_service:ENTRY")


class Lines(socketserver.StreamRequestHandler):
    """Sends every post, and stays connected."""

    def handle(self) -> None:
        for n in range(POSTS):
            self.wfile.write(json.dumps({"id": f"r{n}", "text": f"#t{n}"}).encode() + b"\n")
        self.rfile.read()


@pytest.fixture
def relay() -> Iterator[Source[Post]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lines) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        values = {"langs": (), "tags": (), "limit": POSTS, "port": server.server_address[1]}
        yield live_source("relay", Settings(), lambda: NOW, values)(threading.Event())
        server.shutdown()
        thread.join()


def run(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_is_a_command_with_its_options_and_those_of_every_service() -> None:
    assert "relay" in run("ingest", "--help")
    told = run("ingest", "relay", "--help")
    assert all(option in told for option in ("--port", "--lang", "--tag", "--limit", "--restart", "--json"))
    assert "trends ingest relay --port 7000" in told


def test_it_has_a_section_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "trends.toml").write_text('[relay]\nhost = "a.example"\n')
    monkeypatch.setenv("TRENDS_CONFIG", str(tmp_path / "trends.toml"))
    assert section_types()["relay"].__name__ == "RelaySettings"
    assert json.loads(run("config", "--json"))["relay.host"] == {"value": "a.example", "source": "file"}
    monkeypatch.setenv("TRENDS_RELAY__HOST", "b.example")
    assert json.loads(run("config", "--json"))["relay.host"] == {"value": "b.example", "source": "environment"}
    monkeypatch.setenv("TRENDS_RELAY__HOTS", "c.example")
    result = CliRunner().invoke(main, ["config"])
    assert result.exit_code == 2
    assert "relay.hots" in result.stderr


def test_the_reference_describes_it() -> None:
    page = reference()
    assert "#### `trends ingest relay`" in page
    assert '| `host` | `"127.0.0.1"` | Host of the relay. |' in page


def test_its_records_are_a_format_that_files_and_rejects_are_read_by() -> None:
    assert registry.published_on("relay") == "relay"
    spec = registry.make_reader("relay", {}, reading("relay")).spec
    assert registry.reader_of(spec, reading).spec == spec


@pytest.mark.parametrize("promise", PROMISES)
def test_it_keeps_the_promises_of_every_source(promise: Callable[[Source[Post]], None], relay: Source[Post]) -> None:
    promise(relay)


def test_it_reads_its_posts(relay: Source[Post]) -> None:
    posts, rejects, _ = contents(list(relay.batches({}, 10)))
    assert [post.id for post in posts] == [f"r{n}" for n in range(POSTS)]
    assert not rejects
