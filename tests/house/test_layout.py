"""Layout: how long a module is, how many entries a folder has, which names recur, what no file may hold."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.house.repository import OURS, ROOT, modules, tracked

MOST_ENTRIES = 15
"""Modules, folders and files beside them; `__init__.py` and `py.typed` do not count."""
ONE_MODULE_EACH = {"serving/cli/commands", "config/stack/servers", "config/settings/sections"}
"""Folders of one module a command, one module a server, one module a section."""
NAMES_OF_ROLES = {
    "source": "how a kind of source reads",
    "stream": "a service's stream of posts",
    "entry": "a service's entry in the registry, and what an entry is",
    "hdfs": "a server and the section of its settings",
    "kafka": "a server and the section of its settings",
    "mongo": "a server and the section of its settings",
    "storm": "a server and the section of its settings",
    "postgres": "a server and the section of its settings",
    "hive": "a server and the section of its settings",
    "sink": "the contract, and the archive as one sink",
    "runner": "what runs a delivery, and what runs a batch",
    "day": "an answer and the command that prints it",
    "rising": "an answer and the command that prints it",
    "explanation": "an answer and how it is printed",
    "top": "a measure and its peer",
    "textbook": "a topology and its spout and bolt",
}
"""Names of modules that may recur in a layer, each with the roles that it names there."""
PARTICIPLES = {
    "told", "asked", "said", "held", "kept", "given", "found", "wanted", "taken", "made", "meant", "seen", "opened",
    "gathered", "written",
}  # fmt: skip
FOREIGN = {"connection_made"}
"""Names that another library gives."""

KAFKA_CLIENTS = (
    "config/settings/kafka_problems.py",
    "config/stack/servers/secure/kafka_rights.py",
    "ingest/kafka/client.py",
)
"""The only modules that build Kafka clients; the first asks whether the brokers accept one, the second is the broker's
own user."""


def test_there_are_modules_to_look_at() -> None:
    assert len(modules()) > 30


def test_a_module_says_what_it_is_and_is_short() -> None:
    for path in modules():
        text = path.read_text()
        assert ast.get_docstring(ast.parse(text)), f"{path}: a module opens with one line"
        assert text.count("\n") <= 300, path


def test_kafka_clients_are_built_in_one_place_and_configured_by_one_property() -> None:
    product = [path for path in modules() if path.relative_to(ROOT).parts[0] != "bench"]
    naming = [path.relative_to(ROOT).as_posix() for path in product if "bootstrap.servers" in path.read_text()]
    names = ["config/settings/kafka_options.py", "config/settings/sections/kafka.py"]  # the first refuses it
    assert naming == names, "connect by KafkaSettings.connection"
    assert {path for path in product if builds_a_kafka_client(path)} == {ROOT / each for each in KAFKA_CLIENTS}


def builds_a_kafka_client(path: Path) -> bool:
    if "confluent_kafka" not in (text := path.read_text()):
        return False
    tree = ast.parse(text)
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


def test_a_folder_of_code_has_few_entries() -> None:
    entries = defaultdict(set)
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        for depth in range(1, len(parts)):
            entries["/".join(parts[:depth])].add(parts[depth])
    product = {path.relative_to(ROOT).parent.as_posix() for path in modules()} - ONE_MODULE_EACH
    many = {
        folder: len(found)
        for folder in product
        if not folder.startswith("bench") and len(found := entries[folder] - {"__init__.py", "py.typed"}) > MOST_ENTRIES
    }
    assert not many, "sort them into folders by what they do"


@pytest.mark.parametrize("layer", OURS)
def test_a_layer_has_no_two_modules_of_one_name(layer: str) -> None:
    named = defaultdict(list)
    for path in modules():
        place = path.relative_to(ROOT)
        if place.parts[0] == layer and path.stem != "__init__" and path.stem not in NAMES_OF_ROLES:
            named[path.stem].append(place.as_posix())
    assert {stem: paths for stem, paths in named.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("layer", OURS)
def test_no_module_class_or_function_is_named_by_a_participle(layer: str) -> None:
    bad = []
    for path in modules():
        if path.relative_to(ROOT).parts[0] == layer:
            nodes = ast.walk(ast.parse(path.read_text()))
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            names = [path.stem, *(node.name for node in nodes if isinstance(node, kinds))]
            bad += [f"{path.relative_to(ROOT)}: {name}" for name in names if _words(name) & PARTICIPLES]
    assert not bad, "name it by what it is or does"


def _words(name: str) -> set[str]:
    return set() if name in FOREIGN else set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))


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
    names_maven_central = ROOT / "config" / "stack" / "jars" / "downloads.py"  # where it is the default of a setting
    for path in tracked():
        if path not in (Path(__file__), names_maven_central):
            found = pattern.search(path.read_bytes())
            assert not found, f"{path.relative_to(ROOT)}: {found and found[0]!r}"
        assert path.stat().st_size < 400_000, f"{path.relative_to(ROOT)} is too large to be ours"
