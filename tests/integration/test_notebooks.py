"""The shipped notebooks on generated data, and JupyterLab as `trends notebook` opens it."""

import subprocess
import threading
from collections import defaultdict
from pathlib import Path

import httpx
import psutil
import pytest
from click.testing import CliRunner

from batch_layer.feeds.demo_feed import demo_feed
from batch_layer.feeds.running import RunOptions, run_feed
from batch_layer.publish import HourResult, Stamp, publish
from batch_layer.rank import PostFields, rank_hour
from config.distribution import how_to_install
from config.settings import Settings
from ingest.feeds.declaration.catalog import SHIPPED
from ingest.feeds.declaration.load import FeedFile
from ingest.hours import Hour, wall_clock
from ingest.rule.hashtags import AS_IS
from ingest.sources.sample.source import SampleSource
from serving.cli import main
from serving.views.store import Store
from tests.support.cli import environment
from tests.support.notebooks import NOTEBOOKS, execute, pictures, read, texts
from tests.support.sources import reading

END = Hour.parse("2017-01-09T00").start_ms


def published_sample(store: Store) -> None:
    """What the commands of the notebook's first cell leave in the views, without Kafka, HDFS and Spark."""
    hours: dict[Hour, list[PostFields]] = defaultdict(list)
    for batch in SampleSource(reading("sample"), end=END, posts=30_000, hours=72).batches({}, 10_000):
        for post in batch.items:
            hours[post.hour].append(PostFields(post.source, post.id, post.text, post.tags))
    computed = [HourResult(hour, rank_hour(of, AS_IS, 1_000), (), complete=True) for hour, of in sorted(hours.items())]
    publish(store, computed, Stamp("hourly-1", 1, AS_IS.version), END)


def test_the_notebook_of_hourly_tops_gives_what_it_keeps(
    settings: Settings, settings_file: Path, tmp_path: Path
) -> None:
    with Store(settings.mongo) as store:
        published_sample(store)
    kept, now = execute("trends.ipynb", tmp_path, TRENDS_CONFIG=str(settings_file))
    assert texts(now) == texts(kept)
    assert pictures(now) == pictures(kept) == 3


def test_the_notebook_of_bikes_reads_what_the_demo_of_its_feed_writes(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "demo"
    with demo_feed(FeedFile(SHIPPED / "velib.toml").feed({}, {}), folder, 1, wall_clock) as feed:
        run_feed(settings, feed, RunOptions(until_drained=True, polls=4, only=("source", "csv")), threading.Event())
    kept, now = execute("velib.ipynb", tmp_path, TRENDS_STACK__STATE=str(tmp_path / "state"))
    assert texts(now) == texts(kept)
    assert pictures(now) == pictures(kept) == 3


@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.iterdir()))
def test_a_kept_notebook_is_small_and_ran_from_top_to_bottom(name: str) -> None:
    book = read(NOTEBOOKS / name)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert (NOTEBOOKS / name).stat().st_size < 300_000
    assert "error" not in {output.output_type for cell in code for output in cell.outputs}


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.cli.commands.notebook.find_spec", lambda _: None)
    told = CliRunner().invoke(main, ["notebook"])
    assert (told.exit_code, told.stdout) == (1, "")
    assert how_to_install("jupyterlab") in told.stderr


def command_line(process: psutil.Process) -> str:
    """The words of a process; none of one that has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def test_jupyterlab_listens_on_loopback_and_asks_for_its_token(tmp_path: Path) -> None:
    own = {"JUPYTER_RUNTIME_DIR": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "1"}
    command = ["trends", "notebook", str(NOTEBOOKS), "--port", "0", "--no-browser"]
    with subprocess.Popen(command, env=environment(**own), stderr=subprocess.PIPE, text=True, cwd=tmp_path) as lab:
        try:
            assert lab.stderr is not None
            url = next(line.split()[0] for line in lab.stderr if line.startswith("http://"))
            address, token = url.split("/lab?token=")
            assert httpx.get(f"{address}/api/contents", timeout=60).status_code == 403
            allowed = httpx.get(f"{address}/api/contents", headers={"Authorization": f"token {token}"}, timeout=60)
            assert "trends.ipynb" in {each["name"] for each in allowed.json()["content"]}
            process = psutil.Process(lab.pid)
            assert token not in " ".join(word for each in [process, *process.children(True)] for word in each.cmdline())
            listening = {each.laddr.ip for each in process.net_connections() if each.status == psutil.CONN_LISTEN}
            assert listening == {"127.0.0.1"}
        finally:
            lab.terminate()
            rest = lab.stderr.read() if lab.stderr else ""
    assert token not in rest
    assert "Traceback" not in rest
