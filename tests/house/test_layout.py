"""The house rules that a machine can check: who imports whom, how long a module is, what no file may hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.repository import OURS, ROOT, modules, tracked

MAY_IMPORT = {
    "config": {"config"},
    "ingest": {"config", "ingest"},
    "serving": {"config", "ingest", "serving"},
    "speed_layer": {"config", "ingest", "serving.views.client", "serving.views.documents", "speed_layer"},
    "batch_layer": {
        "config",
        "ingest",
        "serving.views.rulebook",
        "serving.views.validation",
        "serving.views.client",
        "serving.views.documents",
        "batch_layer",
    },
    "topologies": {"config", "speed_layer"},
    "bench": {"bench", "batch_layer", "config", "ingest", "serving", "speed_layer"},
}
"""Imports follow the data. `serving.cli` and `serving.status` reach all layers, inside functions."""

KAFKA_CLIENTS = ("config/stack/servers/kafka.py", "ingest/kafka/client.py")
"""The only modules that build Kafka clients; the first asks the broker that the stack starts whether it is up."""


def imports(path: Path, top_level: bool) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_there_are_modules_to_look_at() -> None:
    assert len(modules()) > 30


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_data(path: Path) -> None:
    place = path.relative_to(ROOT)
    reaches_all = place.parts[:2] in {("serving", "cli"), ("serving", "status")}
    allowed = MAY_IMPORT[place.parts[0]]
    for name in imports(path, top_level=reaches_all):
        if name.split(".")[0] in (*OURS, "tests"):
            assert any(name == each or name.startswith(f"{each}.") for each in allowed), f"{place} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_is_short(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module opens with one line"
    assert text.count("\n") <= 300


def test_the_loop_that_fills_a_sink_knows_no_sink() -> None:
    for path in (ROOT / "batch_layer" / "delivery").glob("*.py"):
        ours = [name for name in imports(path, top_level=False) if name.startswith("batch_layer.")]
        assert all(name.startswith("batch_layer.delivery.") for name in ours), f"{path.name} imports {ours}"


def test_kafka_clients_are_built_in_one_place_and_configured_by_one_property() -> None:
    product = [path for path in modules() if path.relative_to(ROOT).parts[0] != "bench"]
    naming = [path.relative_to(ROOT).as_posix() for path in product if "bootstrap.servers" in path.read_text()]
    assert naming == ["config/settings/sections/kafka.py"], "connect by KafkaSettings.connection"
    assert {path for path in product if builds_a_kafka_client(path)} == {ROOT / each for each in KAFKA_CLIENTS}


def builds_a_kafka_client(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    clients = {
        each.asname or each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("confluent_kafka")
        for each in node.names
        if each.name in {"Consumer", "Producer", "AdminClient"}
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    built = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in clients]
    for call in built:  # or the client writes to standard error by itself
        assert any(word.arg == "logger" for word in call.keywords), f"{path.relative_to(ROOT)}:{call.lineno}"
    return bool(built)


def test_no_module_is_called_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert not [path for path in modules() if path.stem in vague]


def test_the_schema_and_the_rule_have_one_copy() -> None:
    names = [path.name for path in tracked()]
    assert names.count("post.avsc") == 1
    assert names.count("hashtags.py") == 1


def test_no_file_names_a_machine_or_holds_recorded_data() -> None:
    pattern = re.compile(
        rb"/(?:work|home|root)/[a-z.]|files\.pythonhosted|repo1?\.maven|\bTODO\b|FIXME|BEGIN [A-Z ]*PRIVATE KEY"
    )
    for path in tracked():
        if path != Path(__file__):
            found = pattern.search(path.read_bytes())
            assert not found, f"{path.relative_to(ROOT)}: {found and found[0]!r}"
        assert path.stat().st_size < 400_000, f"{path.relative_to(ROOT)} is too large to be ours"
