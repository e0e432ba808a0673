"""Who imports whom: rooms by rooms, imports inside functions included, no cycle, and no test that imports another."""

from collections import defaultdict

from tests.house.imports import cycles, imports, own_modules
from tests.house.repository import OURS

CONFIG = {"config", "config.settings"}
VIEWS = {"serving.views"}
"""All that other layers may know of serving."""
MAY_IMPORT = {
    "config": {"config.settings"},
    "config.settings": {"config"},
    "config.stack": CONFIG,
    "ingest": {*CONFIG, "ingest.kafka", "ingest.rule", "ingest.sources"},
    "ingest.kafka": {*CONFIG, "ingest"},
    "ingest.feeds": {*CONFIG, "ingest", "ingest.kafka", "ingest.rejects", "ingest.rule", "ingest.sources"},
    "ingest.rejects": {*CONFIG, "ingest", "ingest.kafka", "ingest.rule", "ingest.sources"},
    "ingest.rule": {*CONFIG, "ingest"},
    "ingest.sources": {*CONFIG, "ingest", "ingest.rule"},
    "speed_layer": {*CONFIG, *VIEWS, "config.stack", "ingest", "ingest.kafka", "ingest.rejects", "ingest.rule"},
    "speed_layer.storm": {*CONFIG, "config.stack"},
    "batch_layer": {
        *CONFIG, *VIEWS, "batch_layer.archive", "batch_layer.runs", "batch_layer.spark", "batch_layer.storage",
        "batch_layer.tops", "ingest", "ingest.rule",
    },
    "batch_layer.runs": {*CONFIG, *VIEWS, "batch_layer", "batch_layer.archive", "batch_layer.storage", "ingest"},
    "batch_layer.tops": {*CONFIG, *VIEWS, "ingest", "ingest.kafka"},
    "batch_layer.scheduling": {
        *CONFIG, *VIEWS, "batch_layer", "batch_layer.archive", "batch_layer.runs", "batch_layer.spark", "ingest",
        "ingest.rule",
    },
    "batch_layer.archive": {
        *CONFIG, *VIEWS, "batch_layer.delivery", "batch_layer.storage", "ingest", "ingest.kafka", "ingest.rejects",
    },
    "batch_layer.checks": {
        *CONFIG, *VIEWS, "batch_layer", "batch_layer.archive", "batch_layer.runs", "batch_layer.storage", "ingest",
        "ingest.kafka", "ingest.rule",
    },
    "batch_layer.delivery": {*CONFIG, "ingest", "ingest.kafka"},
    "batch_layer.feeds": {
        *CONFIG, "batch_layer.delivery", "batch_layer.sinks", "ingest", "ingest.feeds", "ingest.kafka",
        "ingest.sources",
    },
    "batch_layer.sinks": {
        *CONFIG, "batch_layer.archive", "batch_layer.delivery", "batch_layer.spark", "batch_layer.storage", "ingest",
        "ingest.feeds", "ingest.kafka", "ingest.sources",
    },
    "batch_layer.spark": {
        *CONFIG, *VIEWS, "config.stack", "batch_layer", "batch_layer.archive", "ingest", "ingest.rule",
    },
    "batch_layer.storage": {*CONFIG, "batch_layer.delivery", "ingest", "ingest.kafka"},
    "serving.views": {*CONFIG, "ingest", "ingest.rule"},
    "serving.alerts": {*CONFIG, *VIEWS, "ingest", "serving.answers", "serving.query"},
    "serving.answers": {*CONFIG, *VIEWS, "ingest"},
    "serving.query": {*CONFIG, *VIEWS, "ingest", "serving.answers"},
    "serving.render": {*CONFIG, *VIEWS, "ingest", "serving.answers"},
    "serving.posts": {
        *CONFIG, *VIEWS, "batch_layer.archive", "batch_layer.storage", "ingest", "ingest.rule", "serving.answers",
        "serving.query",
    },
    "serving.status": {
        *CONFIG, *VIEWS, "config.stack", "ingest", "ingest.kafka", "ingest.rejects", "ingest.rule", "ingest.sources",
        "speed_layer",
        "batch_layer", "batch_layer.archive", "batch_layer.feeds", "batch_layer.scheduling", "batch_layer.tops",
        "ingest.feeds",
        "serving.alerts", "serving.answers", "serving.query",
    },
    "serving.client": {
        *CONFIG, *VIEWS, "ingest", "ingest.rule", "serving.answers", "serving.posts", "serving.query",
        "serving.render",
    },
    "serving.dashboard": {
        *CONFIG, *VIEWS, "ingest", "ingest.kafka", "ingest.rule", "serving.answers", "serving.posts", "serving.query",
        "serving.render", "serving.status",
    },
    "topologies": {"config", "speed_layer"},
}  # fmt: skip
"""Imports follow the data. `serving.status` collects from every layer, `serving.posts` reads the archive; `serving.cli`
may import any room."""


def room_of(module: str) -> str:
    """Layer of a module, and the package inside it where there is one: `ingest.kafka`, or `ingest` for its own."""
    first_two = ".".join(module.split(".")[:2])
    path = own_modules().get(first_two)
    return first_two if path and path.name == "__init__.py" else module.split(".", maxsplit=1)[0]


def test_a_room_imports_the_rooms_that_it_may() -> None:
    for each in imports():
        room, other = room_of(each.importer), room_of(each.imported)
        if each.importer.split(".")[0] not in OURS or room in {"serving", "serving.cli"} or room.startswith("bench"):
            continue
        assert other in {room, *MAY_IMPORT[room]}, each


def test_nothing_imports_the_command_line_or_the_benches_but_they_themselves() -> None:
    for each in imports():
        if each.importer.split(".")[0] in OURS:
            if room_of(each.imported) == "serving.cli":
                assert room_of(each.importer) == "serving.cli", each
            if each.imported.startswith("bench"):
                assert each.importer.startswith("bench"), each


def test_code_outside_of_tests_imports_no_test() -> None:
    assert [each for each in imports() if each.imported.startswith("tests") > each.importer.startswith("tests")] == []


def test_no_test_imports_a_test_module() -> None:
    assert [each for each in imports() if each.imported.rpartition(".")[2].startswith("test_")] == []


def test_no_modules_import_one_another() -> None:
    edges = defaultdict(set)
    for each in imports():
        edges[each.importer].add(each.imported)
    assert cycles(edges) == []


def test_a_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert cycles({"a": {"b"}, "b": {"c"}}) == []


def test_the_loop_that_fills_a_sink_knows_no_sink() -> None:
    others = {
        each.imported
        for each in imports()
        if each.importer.startswith("batch_layer.delivery") and each.imported.startswith("batch_layer.")
    }
    assert all(other.startswith("batch_layer.delivery.") for other in others)


def test_formats_know_no_files() -> None:
    of_files = {each.importer for each in imports() if each.imported.startswith("ingest.sources.files")}
    assert not [name for name in of_files if name.startswith(("ingest.sources.formats", "ingest.sources.unpacking"))]
