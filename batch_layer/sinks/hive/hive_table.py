"""HiveTable: an external table over a folder of files: its statement, its shape, and the folders that it knows.

The feed's file and the manifests say all of it: anybody may do it again, at any time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from batch_layer.storage.hive_server import HiveServer, identifier, literal
from config.errors import UsageError

AT_ONCE = 100
"""Folders in a statement."""


@dataclass(frozen=True)
class TableShape:
    """What a table consists of."""

    columns: tuple[tuple[str, str], ...]
    """Names and types, in order, without those of folders."""
    labels: tuple[str, ...]
    """Names that folders give to their values."""
    location: str
    """Its folder, as a URI."""
    external: bool = True
    """Whether its files stay when somebody drops it."""

    def difference(self, other: "TableShape") -> str:
        """What `other` has different, in words; empty where it has the same."""
        if self.columns != other.columns:
            missing = [f"{name} {kind}" for name, kind in self.columns if (name, kind) not in other.columns]
            extra = [f"{name} {kind}" for name, kind in other.columns if (name, kind) not in self.columns]
            parts = [f"it lacks {', '.join(missing)}" if missing else "", f"it has {', '.join(extra)}" if extra else ""]
            return "; ".join(part for part in parts if part) or "its columns have another order"
        if self.labels != other.labels:
            theirs, ours = (", ".join(labels) or "none" for labels in (other.labels, self.labels))
            return f"its partition columns are {theirs}, not {ours}"
        if _path(self.location) != _path(other.location):
            return f"its files lie in {other.location}, not in {self.location}"
        if self.external != other.external:
            return "its files belong to Hive"
        return ""


class HiveTable:
    """One table. `hive` opens a session at the first statement."""

    def __init__(self, hive: HiveServer, name: str, shape: TableShape, stored_as: str = "PARQUET") -> None:
        self._hive = hive
        self.name = name
        self._shape = shape
        self._stored_as = stored_as

    def make(self) -> None:
        """Create the table where there is none.

        Raises `UsageError` where one of another shape has its name, `UnavailableError` where Hive does not answer.
        """
        columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in self._shape.columns)
        labels = ", ".join(f"{identifier(name)} STRING" for name in self._shape.labels)
        by = f" PARTITIONED BY ({labels})" if labels else ""
        self._hive.execute(
            f"CREATE EXTERNAL TABLE IF NOT EXISTS {identifier(self.name)} ({columns}){by} "
            f"STORED AS {self._stored_as} LOCATION {literal(self._shape.location)}"
        )
        if difference := self._shape.difference(self._describe()):
            raise UsageError(
                f"the table {self.name} is there and has another shape: {difference}",
                where="Hive",
                next_step=f"Give the sink another table, or type `DROP TABLE {self.name}` if nobody needs that one",
            )

    def exists(self) -> bool:
        """Whether a table has the name."""
        rows = self._hive.execute(f"SHOW TABLES LIKE {literal(self.name)}")
        return any(self.name in row for row in rows)

    def folders(self) -> set[str]:
        """The folders that the table knows, such as `dt=2023-11-20`."""
        if not self._shape.labels:
            return set()
        return {str(row[0]) for row in self._hive.execute(f"SHOW PARTITIONS {identifier(self.name)}")}

    def add(self, folders: Iterable[str]) -> None:
        """Have the table know some folders. Those that it knows already stay as they are."""
        wanted = sorted(folders)
        for first in range(0, len(wanted), AT_ONCE):
            clauses = " ".join(self._clause(folder) for folder in wanted[first : first + AT_ONCE])
            self._hive.execute(f"ALTER TABLE {identifier(self.name)} ADD IF NOT EXISTS {clauses}")

    def drop(self) -> None:
        """Delete the table; its files stay. Raises `UsageError` where it is one over another folder."""
        if not self.exists():
            return
        there = self._describe()
        if not there.external or _path(there.location) != _path(self._shape.location):
            raise UsageError(
                f"the table {self.name} is not this sink's: its files lie in {there.location}",
                where="Hive",
                next_step="Give the sink another table",
            )
        self._hive.execute(f"DROP TABLE IF EXISTS {identifier(self.name)}")

    def close(self) -> None:
        """End the session."""
        self._hive.close()

    def _clause(self, folder: str) -> str:
        values = [label.partition("=") for label in folder.split("/")]
        spec = ", ".join(f"{identifier(name)}={literal(value)}" for name, _, value in values)
        return f"PARTITION ({spec}) LOCATION {literal(f'{self._shape.location}/{folder}')}"

    def _describe(self) -> TableShape:
        """The shape of the table that is there, as Spark and Hive tell it."""
        rows = [
            tuple(str(cell or "").strip() for cell in row)
            for row in self._hive.execute(f"DESCRIBE FORMATTED {identifier(self.name)}")
        ]
        return described(rows)


def described(rows: Sequence[tuple[str, ...]]) -> TableShape:
    """The shape that the rows of a `DESCRIBE FORMATTED` tell, blanks stripped."""
    columns: list[tuple[str, str]] = []
    labels: list[str] = []
    location, external, into = "", False, "columns"
    for name, value, *_ in rows:
        if name.startswith("#"):
            section = name.lower()
            if "partition information" in section:
                into = "labels"
            elif "col_name" not in section:
                into = ""
        elif name.rstrip(":") == "Location":
            location = location or value
        elif name.rstrip(":") in {"Type", "Table Type"}:
            external = external or value.startswith("EXTERNAL")
        elif name and into == "columns":
            columns.append((name, value.lower()))
        elif name and into == "labels":
            labels.append(name)
    return TableShape(tuple(each for each in columns if each[0] not in labels), tuple(labels), location, external)


def _path(uri: str) -> str:
    """The path of a URI of HDFS: a cluster may have several names."""
    head, found, rest = uri.partition("://")
    return ("/" + rest.partition("/")[2] if found else head).rstrip("/")
