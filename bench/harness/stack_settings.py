"""Settings files: a private stack on free ports, and names of its own for each trial or test in a stack."""

import json
import os
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from config.settings import NOT_SETTINGS, Settings
from config.stack.ports import free_ports

Tables = dict[str, dict[str, Any]]
SINGLE_PORTS = (
    *("kafka", "controller", "web", "rpc", "mongo", "zookeeper", "nimbus", "supervisor"),
    *("postgres", "hive", "prometheus"),
)


def private_stack(folder: Path) -> Tables:
    """Tables for servers with their own folder and ports. All ports are free at the same moment."""
    found = free_ports(len(SINGLE_PORTS) + 6 + 2 * 3)
    port = dict(zip(SINGLE_PORTS, found, strict=False))
    jmx, datanode, workers = found[-12:-6], found[-6:-3], found[-3:]
    return {
        "kafka": {"bootstrap": f"127.0.0.1:{port['kafka']}"},
        "hdfs": {"url": f"http://127.0.0.1:{port['web']}", "name_node": f"hdfs://127.0.0.1:{port['rpc']}"},
        "mongo": {"uri": f"mongodb://127.0.0.1:{port['mongo']}/?replicaSet=rs0"},
        "storm": {"nimbus": f"127.0.0.1:{port['nimbus']}"},
        "stack": {
            "state": str(folder / "state"),
            "kafka_controller_port": port["controller"],
            "datanode_ports": datanode,
            "zookeeper_port": port["zookeeper"],
            "storm_supervisor_port": port["supervisor"],
            "storm_worker_ports": workers,
            "postgres_port": port["postgres"],
            "hive_port": port["hive"],
            "jmx_ports": jmx,
            "prometheus_port": port["prometheus"],
        },
    }


def write(file: Path, tables: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write tables as TOML; JSON spells strings, numbers and lists the same way."""
    lines = []
    for table, values in tables.items():
        lines += [
            f"[{table}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()),
            "",
        ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def override(base: Path, file: Path, *layers: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the tables of `base` to another file, with the values of each layer over those before it."""
    joined = tables(base)
    for layer in layers:
        for name, values in layer.items():
            joined[name] = {**joined.get(name, {}), **values}
    return write(file, joined)


def isolate(stack_file: Path, file: Path, **sections: dict[str, Any]) -> Path:
    """Write the settings of a stack with topics, a group, databases and an HDFS root that nobody else uses."""
    mark = uuid.uuid4().hex[:10]
    own: Tables = {
        "kafka": {name: f"{name}-{mark}" for name in ("posts", "hashtags", "rejects", "cursors")}
        | {"archive_group": f"archive-{mark}"},
        "mongo": {"database": f"trends_{mark}"},
        "postgres": {"database": f"trends_{mark}"},
        "hive": {"database": f"trends_{mark}"},
        "hdfs": {"root": f"/{mark}/archive/posts"},
        "storm": {"topology": f"hashtag_counts_{mark}"},
    }
    return override(stack_file, file, own, sections)


def environment(file: Path, **variables: str) -> dict[str, str]:
    """Environment for a command: one settings file, and none of the developer's own `TRENDS_*` variables."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("TRENDS_")}
    return others | {"TRENDS_CONFIG": str(file)} | variables


@contextmanager
def use(file: Path) -> Iterator[None]:
    """Inside, `Settings.read()` and child processes read this file and none of the developer's own variables."""
    others = {
        name: value for name, value in os.environ.items() if not name.startswith("TRENDS_") or name in NOT_SETTINGS
    }
    with mock.patch.dict(os.environ, others | {"TRENDS_CONFIG": str(file)}, clear=True):
        yield


def read(file: Path) -> Settings:
    """Settings that a file holds."""
    with use(file):
        return Settings.read()


def tables(file: Path) -> Tables:
    """Tables that a file holds."""
    return tomllib.loads(file.read_text(encoding="utf-8"))
