"""The rooms of serving have an order: a room imports rooms before it, also inside functions, and none after it."""

import ast
from pathlib import Path

from tests.house.repository import ROOT, modules

ROOMS = ("views", "answers", "query", "render", "posts", "alerts", "client", "status", "dashboard", "cli")
"""From the documents in MongoDB to what people see."""
REACH_LAYERS = {"posts", "status", "cli"}
"""The only rooms that import the speed layer and the batch layer."""
LAYERS = {"speed_layer", "batch_layer"}
SERVING = [path for path in modules() if path.relative_to(ROOT).parts[0] == "serving" and path.parent.name != "serving"]


def imported(path: Path) -> set[str]:
    """The modules that a module imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return whole | parts


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[1]


def test_a_room_imports_only_rooms_before_it() -> None:
    for path in SERVING:
        room = room_of(path)
        after = ROOMS[ROOMS.index(room) + 1 :]
        names = imported(path)
        assert not [name for name in names for later in after if f"{name}.".startswith(f"serving.{later}.")], path
        if room not in REACH_LAYERS:
            assert not {name for name in names if name.split(".")[0] in LAYERS}, path


def test_every_room_is_in_the_order_and_has_modules() -> None:
    assert {room_of(path) for path in SERVING} == set(ROOMS)


def test_an_import_inside_a_function_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import os\ndef late():\n    from serving.cli import options\n")
    assert imported(module) == {"os", "serving.cli.options"}
