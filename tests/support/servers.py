"""Settings of a stack on free ports, as a file that commands and workers can read too."""

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


def own_stack(folder: Path) -> Tables:
    """A stack of its own in a folder, on ports that were free when all of them were chosen."""
    kafka, controller, web, rpc, data, data_web, data_ipc, mongo, zookeeper, nimbus, supervisor, *workers = free_ports(
        14
    )
    return {
        "kafka": {"bootstrap": f"127.0.0.1:{kafka}"},
        "hdfs": {"url": f"http://127.0.0.1:{web}", "name_node": f"hdfs://127.0.0.1:{rpc}"},
        "mongo": {"uri": f"mongodb://127.0.0.1:{mongo}/?replicaSet=rs0"},
        "storm": {"nimbus": f"127.0.0.1:{nimbus}"},
        "stack": {
            "state": str(folder / "state"),
            "kafka_controller_port": controller,
            "datanode_ports": [data, data_web, data_ipc],
            "zookeeper_port": zookeeper,
            "storm_supervisor_port": supervisor,
            "storm_worker_ports": workers,
        },
    }


def written(file: Path, tables: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write tables as TOML; strings, numbers and lists look in it as they do in JSON."""
    lines = []
    for table, values in tables.items():
        lines += [
            f"[{table}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()),
            "",
        ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def apart(stack_file: Path, file: Path, **sections: dict[str, Any]) -> Path:
    """Write the settings of a stack with topics, a group, a database and an HDFS root that nobody else has."""
    mark = uuid.uuid4().hex[:10]
    own: Tables = {
        "kafka": {name: f"{name}-{mark}" for name in ("posts", "hashtags", "rejects", "cursors")}
        | {"archive_group": f"archive-{mark}"},
        "mongo": {"database": f"trends_{mark}"},
        "hdfs": {"root": f"/{mark}/archive/posts"},
        "storm": {"topology": f"hashtag_counts_{mark}"},
    }
    given = tables(stack_file)
    names = given | own | sections
    return written(file, {name: given.get(name, {}) | own.get(name, {}) | sections.get(name, {}) for name in names})


def environment(file: Path, **variables: str) -> dict[str, str]:
    """What a command is started with: one settings file, and no setting of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRENDS_")}
    return kept | {"TRENDS_CONFIG": str(file)} | variables


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Inside, `Settings.read()` and the commands that are started see this file and no variable of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRENDS_") or name in NOT_SETTINGS}
    with mock.patch.dict(os.environ, kept | {"TRENDS_CONFIG": str(file)}, clear=True):
        yield


def read(file: Path) -> Settings:
    """The settings of a file."""
    with reading(file):
        return Settings.read()


def tables(file: Path) -> Tables:
    """What a file says."""
    return tomllib.loads(file.read_text(encoding="utf-8"))
