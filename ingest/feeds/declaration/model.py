"""The model of a feed's file: every table and key that it may hold. docs/feed_files.md explains each to its author.

`load.py` reads a file into it. The model alone checks what it can check without another file, a record or a server:
names, types, references from one table to another.
"""

from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import ConfigDict, Field, model_validator

from config.settings.section import Section
from ingest.feeds.declaration.names import (
    CsvFile,
    Folder,
    LocalFile,
    Name,
    Seconds,
    Topic,
    Url,
    VariableName,
    Zone,
)

ColumnType = Literal["string", "int", "bigint", "double", "boolean", "timestamp", "date", "json", "bytes"]
"""Of a cell."""


class Table(Section):
    """A table of the file: frozen, an unknown key is an error, and so is a number where the file needs a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Variable(Table):
    """A value that `--set`, an environment variable or the file itself gives. `{name}` in a text stands for it."""

    default: str | None = None
    needed: bool = False
    env: VariableName | None = None
    about: str = ""


class Column(Table):
    """One field of a sink's row."""

    from_: str = Field(alias="from", min_length=1)
    """An expression over the record: JMESPath, a dotted path, or one of `$value $key $at $partition $offset $topic
    $sent $now`."""
    type: ColumnType
    zone: Zone | None = None
    """A zone of the tz database: the column then holds its wall clock, without an offset."""
    format: str | None = None
    """`strftime` format of a `string` column that holds a moment."""


ARCHIVE = "archive"
"""The archive of posts, as the `from` of a sink."""
COORDINATES = {
    "kafka_partition": Column.model_validate({"from": "$partition", "type": "int"}),
    "kafka_offset": Column.model_validate({"from": "$offset", "type": "bigint"}),
}
"""Columns that say where a row came from."""


class Ask(Table):
    """One request of a poll."""

    path: str = ""
    query: dict[str, str] = Field(default_factory=dict)
    records: str = "@"
    """JMESPath: the records in the answer, unless the poll sends one record."""
    optional: bool = False


class Secret(Table):
    """A key of the API: the variable that holds it, and the query parameter or the header that takes it."""

    env: VariableName
    query: str | None = None
    header: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.query is None) == (self.header is None):
            raise ValueError("a secret goes into `query` or into `header`: give one of them")
        return self


class HttpSource(Table):
    """An API that the feed polls."""

    type: Literal["http"]
    every: Seconds
    url: Url
    ask: dict[Name, Ask]
    add: dict[Name, str] = Field(default_factory=dict)
    """More fields of the record (`send = "one"`): JMESPath over the object of all answers."""
    join: dict[Name, str] = Field(default_factory=dict)
    """Answers whose records complete those of the first request: the field by which both name the same thing."""
    secret: Secret | None = None
    id: str
    at: str
    send: Literal["changed", "all", "one"]


class FileRecords(Table):
    """Rows of a CSV, values of JSON Lines, or words of texts."""

    type: Literal["file"]
    path: LocalFile
    format: Literal["csv", "json", "words"]
    at: str | None = None


class PostRecords(Table):
    """Posts of any source of `trends ingest`."""

    type: Literal["posts"]
    from_: str = Field(alias="from")
    tag: str | None = None
    lang: str | None = None
    path: LocalFile | None = None
    """The file, where `from` is `file`."""
    options: dict[Name, Any] = Field(default_factory=dict)
    """Options of `trends ingest NAME` for a live service, with `_` for `-`: `{ server = "https://example.org" }`."""


SourceTable = Annotated[HttpSource | FileRecords | PostRecords, Field(discriminator="type")]


class TopicTable(Table):
    """The feed's topic."""

    name: Topic
    partitions: int = Field(default=1, ge=1, le=10_000)
    key: str | None = None
    """JMESPath over the record: the key of its message."""
    keep: Seconds = 7 * 86_400.0


class Where(Table):
    """A choice among records, by the feed's `[watched]` names and keywords or by an expression that is true."""

    watched: Literal["names", "keywords"] | None = None
    in_: list[str] = Field(default_factory=list, alias="in")
    """Expressions whose texts may hold the words."""
    true: str | None = None
    """JMESPath."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.watched is None) == (self.true is None):
            raise ValueError("`where` has either `watched` or `true`")
        if (self.watched is None) != (not self.in_):
            raise ValueError("`watched` needs `in`, and nothing else does")
        return self


class Packet(Table):
    """Bounds of a chunk."""

    messages: int = Field(default=10_000, ge=1, le=1_000_000)
    after: Seconds = 10.0


class _Sink(Table):
    from_: str = Field(default="kafka", alias="from")
    """`kafka`, or the name of another sink."""
    where: Where | None = None
    packet: Packet = Packet()
    start: Literal["position", "now"] = "position"
    columns: dict[Name, Column] = Field(default_factory=dict)


class PostgresSink(_Sink):
    """A table of PostgreSQL."""

    type: Literal["postgres"]
    table: Name


class HdfsSink(_Sink):
    """Files on HDFS."""

    type: Literal["hdfs"]
    root: Folder
    format: Literal["json", "parquet"] = "parquet"
    by: Literal["day", "hour", "none"] = "none"
    files: Name = "part"
    """How names of files begin."""
    engine: Literal["python", "spark"] = "python"
    every: Seconds | None = None
    """How often a stage looks, if it reads another sink."""

    @model_validator(mode="after")
    def _spark_reads_kafka(self) -> Self:
        if self.engine == "spark" and self.from_ != "kafka":
            raise ValueError('engine = "spark" reads Kafka alone: leave `engine` out where `from` names a sink')
        return self


class HiveSink(_Sink):
    """A table of Hive."""

    type: Literal["hive"]
    table: Name
    by: Literal["day", "none"] = "none"
    every: Seconds | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_engine(cls, table: Any) -> Any:
        if isinstance(table, dict) and "engine" in table:
            raise ValueError("Python fills every table of Hive: leave `engine` out; Spark can write the sink it reads")
        return table


class CsvSink(_Sink):
    """One CSV that grows."""

    type: Literal["csv"]
    file: CsvFile


class TopicSink(_Sink):
    """Another topic."""

    type: Literal["topic"]
    topic: Topic


SinkTable = Annotated[PostgresSink | HdfsSink | HiveSink | CsvSink | TopicSink, Field(discriminator="type")]


class Example(Table):
    """Recorded or written answers, and what the feed makes of them: `check` runs it."""

    answers: dict[Name, str] = Field(default_factory=dict)
    """File of the answer to each request, beside the feed's file."""
    rows: list[dict[str, Any]] = Field(default_factory=list)
    """Records instead of answers."""
    gives: dict[Name, list[dict[str, Any]]] = Field(default_factory=dict)
    """Rows of a sink; columns without a name here are not compared."""
    rejects: int = 0


class Feed(Table):
    """A whole file."""

    about: str
    zone: Zone = "UTC"
    """Whose days and hours the folders of rows are."""
    vars: dict[Name, Variable] = Field(default_factory=dict)
    watched: dict[str, list[str]] = Field(default_factory=dict)
    """Names, and the keywords of each."""
    source: SourceTable | None = None
    """None: others fill the topic."""
    topic: TopicTable | None = None
    """None: a feed of posts from the archive has no topic of its own."""
    columns: dict[Name, Column] = Field(default_factory=dict)
    """Columns of each sink that names none."""
    sinks: dict[Name, SinkTable] = Field(min_length=1)
    examples: list[Example] = Field(default_factory=list)

    def columns_of(self, sink: str) -> dict[str, Column]:
        """The columns of a sink: its own, else those of the feed.

        Files, tables of Hive and a CSV also get the coordinates of a row where no column holds them: nobody can verify
        a row that does not say where it came from. A topic has no columns: its records pass on as they are. Nor has a
        table of the archive: its columns are those of a post.
        """
        if isinstance(self.sinks[sink], TopicSink) or self.sinks[sink].from_ == ARCHIVE:
            return {}
        columns = self.sinks[sink].columns or self.columns
        if not isinstance(self.sinks[sink], HdfsSink | HiveSink | CsvSink):
            return columns
        held = {column.from_ for column in columns.values()}
        return columns | {name: column for name, column in COORDINATES.items() if column.from_ not in held}

    @property
    def event_time(self) -> str | None:
        """JMESPath over a record: its event time. None: a record has the time of its message."""
        if isinstance(self.source, PostRecords):
            return "created_at"
        return None if self.source is None else self.source.at


class NamedFeed(NamedTuple):
    """A feed and its name, which is the name of its file."""

    name: str
    declaration: Feed
