"""What answers at once loads nothing that it does not need: `trends top` is to show its first line within 0.3 s."""

import subprocess
import sys

import pytest

SLOW = {
    "confluent_kafka", "fastapi", "fastavro", "hdfs", "httpx", "jinja2", "msgspec", "pandas",
    "prometheus_client", "psutil", "pyarrow", "pydantic_settings", "pyspark", "regex", "requests", "resvg_py", "rich",
    "streamparse", "supervisor",
}  # fmt: skip


@pytest.mark.parametrize("command", ["top", "day", "rising", "tag", "watch", "explain"])
def test_a_command_that_asks_loads_what_an_answer_needs(command: str) -> None:
    told = f"import sys, serving.cli.commands.{command}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert "serving" in loaded
    needed = {"regex", "msgspec"} if command == "tag" else set()  # it writes a tag as it is counted
    assert not SLOW & set(loaded) - needed


def test_status_loads_no_source() -> None:
    told = "import sys; from serving.status import collect; collect._import_drivers(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert "ingest.sources.status" in loaded
    sources = {
        "anyio",
        "httpx",
        "pyarrow",
        "websockets",
        "ingest.sources.live.source",
        "ingest.sources.formats.csv_rows",
    }
    assert not sources & set(loaded)


def test_help_loads_no_command() -> None:
    told = "import sys; from serving.cli import main; main(['--help'], standalone_mode=False)"
    check = f"import atexit, sys; atexit.register(lambda: print('pymongo' in sys.modules, file=sys.stderr)); {told}"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert "trends top" in done.stdout
    assert done.stderr.strip() == "False"


def test_help_of_feeds_reads_no_settings_and_a_feed_into_json_loads_no_parquet() -> None:
    done = _run("import sys; from serving.cli import main; main(['feed', '--help'], standalone_mode=False)")
    assert "trends feed list" in done.stdout
    assert not {"pydantic", "msgspec", "rich"} & set(done.stderr.split())
    assert not {"pyarrow", "fastavro"} & set(_run("import batch_layer.sinks.files.hdfs_files").stderr.split())


def _run(code: str) -> subprocess.CompletedProcess[str]:
    """Run some code, which names the packages that it has loaded on standard error."""
    names = "atexit.register(lambda: print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr))"
    return subprocess.run(
        [sys.executable, "-c", f"import atexit, sys; {names}; {code}"], capture_output=True, text=True, check=True
    )
