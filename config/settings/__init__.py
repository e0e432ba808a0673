"""Settings: one frozen, typed object, read once at the edge: defaults < file < `TRENDS_*` environment < flag.

The file is `trends.toml` in the working folder, or what `TRENDS_CONFIG` names. A nested value is written
`TRENDS_KAFKA__BOOTSTRAP` in the environment. An unknown key is an error in either. Inner code is handed the one
section that it needs (`KafkaSettings`, …) and never looks at the environment.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError

from config.errors import UsageError
from config.settings import secrets
from config.settings.live import JetstreamSettings, MastodonSettings, XSettings
from config.settings.loaders import PREFIX, Table, in_environment, in_file, over
from config.settings.section import Section

NOT_SETTINGS = frozenset({"TRENDS_CONFIG", "TRENDS_TEST_DATA", "TRENDS_TEST_STACK", secrets.FILE})
"""Variables with our prefix that are not settings: where the file is, where secrets are, where tests find things."""


class KafkaSettings(Section):
    """The brokers and the four topics."""

    bootstrap: str = "127.0.0.1:9092"
    """Brokers, `host:port`, comma-separated."""
    posts: str = "posts"
    """Topic of posts."""
    hashtags: str = "hashtags"
    """Topic of uses, one message a hashtag."""
    rejects: str = "rejects"
    """Topic of what could not be read."""
    cursors: str = "cursors"
    """Compacted topic of the sources' cursors."""
    partitions: int = Field(default=6, ge=1)
    """Partitions of `posts` and `hashtags` when they are created. Afterwards Kafka's own number counts."""
    replication: int = Field(default=1, ge=1)
    """Replicas of each partition when its topic is created (3 on a cluster). Afterwards Kafka's own number counts."""
    archive_group: str = "archive"
    """Consumer group of the archiver."""


class HdfsSettings(Section):
    """HDFS, by WebHDFS for the archive and by RPC for Spark."""

    url: str = "http://127.0.0.1:9870"
    """WebHDFS address of the NameNode."""
    name_node: str = "hdfs://127.0.0.1:8020"
    """What Spark reads from: a NameNode or a name service."""
    root: str = "/trends/archive/posts"
    """Folder of the master data set."""
    earlier: tuple[str, ...] = ()
    """Folders of earlier archives that hours are computed from, too; those that were read before are known already."""
    user: str = "trends"
    """User that owns the files."""
    timeout_s: float = Field(default=15.0, gt=0)
    """Longest wait for one answer of the NameNode or a DataNode, seconds."""


class MongoSettings(Section):
    """The views and the ledger."""

    uri: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    """Connection string of a replica set. May hold a password, so it is never printed."""
    database: str = "trends"
    """Database of the views."""
    timeout_s: float = Field(default=10.0, gt=0)
    """Longest wait for a server to be found, and for one answer, seconds."""


class StormSettings(Section):
    """Storm, as `trends` sees it; `sparse` reads config/streamparse.json."""

    nimbus: str = "127.0.0.1:6627"
    """Nimbus, `host:port`."""
    topology: str = "hashtag_counts"
    """Name of the topology."""


class SparkSettings(Section):
    """The batch engine."""

    master: str = "local[*]"
    """`local[*]`, `yarn`, `k8s://…` or `spark://…`."""
    driver_memory: str = "1g"
    """Heap of the driver, and of everything where the master is local."""
    conf: dict[str, str] = Field(default={})
    """Any further Spark configuration."""
    idle_s: float = Field(default=300.0, gt=0)
    """The scheduler lets go of a session that had nothing to compute for this long, seconds: it holds about 600 MB."""


class IngestSettings(Section):
    """The transactional producer."""

    transaction_posts: int = Field(default=10_000, ge=1)
    """Most posts in one transaction."""
    transaction_ms: int = Field(default=200, ge=1)
    """Longest time a live post waits for its transaction to be committed, milliseconds."""
    keep_payload: bool = True
    """Whether the record as received is kept beside the text (about 40 % more bytes)."""
    max_post_bytes: int = Field(default=4_000_000, ge=1_000)
    """Largest post on the wire; a larger one goes to `rejects`."""
    kinds: tuple[Literal["bigram", "trigram"], ...] = ()
    """Phrases that are sent to the speed layer beside hashtags: some twenty messages a post in place of one or two."""


class ArchiveSettings(Section):
    """The archiver: when a chunk is flushed and when an hour is complete."""

    flush_records: int = Field(default=200_000, ge=1)
    """Most posts in a chunk."""
    flush_bytes: int = Field(default=100_000_000, ge=1)
    """Most bytes, as on Kafka, in a chunk."""
    flush_after_s: float = Field(default=20.0, gt=0)
    """Longest time by the wall clock that a post of a live stream waits for its chunk."""
    codec: Literal["deflate", "zstandard", "null"] = "deflate"
    """Avro codec. Any tool reads deflate; zstandard is 15 % faster."""
    upload_threads: int = Field(default=8, ge=1)
    """Parts uploaded at once."""
    lateness_s: float = Field(default=120.0, ge=0)
    """How far behind the latest post of its partition a post may be before its hour counts as complete without it."""
    idle_after_s: float = Field(default=5.0, ge=0)
    """A partition that is drained and has had no post for this long holds no hour open."""
    future_s: float = Field(default=300.0, ge=0)
    """How far ahead of the wall clock a post's time may be; beyond it the post goes to `rejects`."""
    keep_replaced_s: float = Field(default=86_400.0, ge=0)
    """How long files that compaction has replaced are kept for those who still read them: longer than any batch job."""


class SpeedSettings(Section):
    """The speed layer."""

    chunk_messages: int = Field(default=10_000, ge=1)
    """Most messages in a chunk of a live stream."""
    backlog_messages: int = Field(default=50_000, ge=1)
    """Most messages in a chunk of a backlog."""
    chunk_ms: int = Field(default=100, ge=1)
    """Longest time that messages are gathered into a chunk, milliseconds."""
    keep_days: float = Field(default=7.0, gt=0)
    """Days, by the clock of the last write, after which a speed row that nobody needs is removed."""


class BatchSettings(Section):
    """The batch layer and its scheduler."""

    keep: int = Field(default=1_000, ge=10)
    """Ranked tags kept in an hour's document."""
    kinds: tuple[Literal["bigram", "trigram"], ...] = ("bigram", "trigram")
    """Phrases counted beside hashtags; `[]` for none. Each costs some 45 µs of CPU a post, and 1,000 rows an hour."""
    by_source: bool = True
    """Whether hashtags are also kept by source, for hours with posts of more than one."""
    every_s: float = Field(default=15.0, gt=0)
    """How often the scheduler looks for hours to compute, seconds."""
    slice_posts: int = Field(default=2_000_000, ge=1)
    """About how many posts one Spark job reads. A run publishes after each, and goes on after the last published."""
    lease_s: float = Field(default=60.0, gt=0)
    """A run that has not renewed its lease for this long is taken for dead, seconds."""
    compact_after_s: float = Field(default=3_600.0, ge=0)
    """Quiet time after which the files of a complete hour are merged into one, seconds."""


class RuleSettings(Section):
    """Corrections of the hashtag rule. They take part in the rule's version."""

    ignore: tuple[str, ...] = ()
    """Tags that are not counted."""
    aliases: dict[str, str] = Field(default={})
    """Tag to count instead of a tag: `{"prayforboston": "prayersforboston"}`."""


class ServeSettings(Section):
    """The dashboard."""

    host: str = "127.0.0.1"
    """Where it listens. Elsewhere than on loopback a token is needed."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """Its port; 0 takes a free one."""
    token: SecretStr | None = None
    """What others must show to ask, at least 16 characters. Never printed, logged or put into a URL."""
    names: tuple[str, ...] = ()
    """Names by which browsers may call it, beside localhost and addresses."""


class StackSettings(Section):
    """The local stack. A server whose address above is not on this machine is not started."""

    state: Path = Path("state")
    """Folder of the servers' data, logs and sockets."""
    cache: Path | None = None
    """Folder of the servers' jars; the user's cache folder by default."""
    kafka_controller_port: int = 9093
    """Kafka's controller."""
    datanode_ports: tuple[int, int, int] = (9866, 9864, 9867)
    """DataNode: data, http, ipc."""
    zookeeper_port: int = 2181
    """ZooKeeper, for Storm."""
    storm_supervisor_port: int = 6628
    """Storm supervisor's thrift server."""
    storm_worker_ports: tuple[int, ...] = (6700, 6701)
    """Storm worker slots."""


class Settings(Section):
    """All settings. `Settings.read()` at the edge is the only place that makes one."""

    kafka: KafkaSettings = KafkaSettings()
    hdfs: HdfsSettings = HdfsSettings()
    mongo: MongoSettings = MongoSettings()
    storm: StormSettings = StormSettings()
    spark: SparkSettings = SparkSettings()
    ingest: IngestSettings = IngestSettings()
    jetstream: JetstreamSettings = JetstreamSettings()
    x: XSettings = XSettings()
    mastodon: MastodonSettings = MastodonSettings()
    archive: ArchiveSettings = ArchiveSettings()
    speed: SpeedSettings = SpeedSettings()
    batch: BatchSettings = BatchSettings()
    rule: RuleSettings = RuleSettings()
    serve: ServeSettings = ServeSettings()
    stack: StackSettings = StackSettings()

    @classmethod
    def read(cls, **flags: Any) -> "Settings":
        """Read every source once. Raises `UsageError` naming the key and its source's spelling."""
        _refuse_unknown(os.environ)
        if "TRENDS_CONFIG" in os.environ and not file_path().is_file():
            raise UsageError(
                f"no such file: {file_path()}", where="TRENDS_CONFIG", next_step="Unset it or make the file"
            )
        try:
            tables = over(flags, over(from_environment(), in_file(file_path())))
            secrets.learn(tables, sections())
            return cls.model_validate(tables)
        except ValidationError as error:
            raise UsageError(_told(error), where="settings", next_step="`trends config` lists every key") from None


def file_path() -> Path:
    """The settings file, which need not exist."""
    return Path(os.environ.get("TRENDS_CONFIG", "trends.toml")).absolute()


def from_environment() -> Table:
    """What the environment says, as tables. Raises `UsageError`."""
    given = {name: value for name, value in secrets.with_file(os.environ).items() if name not in NOT_SETTINGS}
    return in_environment(given, sections())


def sections() -> dict[str, type[Section]]:
    """The groups of settings by name."""
    return {name: type(field.default) for name, field in Settings.model_fields.items()}


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in environment:
        if name.startswith(PREFIX) and name not in NOT_SETTINGS and name.split("__")[0] not in known:
            raise UsageError("unknown setting", where=name, next_step="`trends config` lists every key")


def _told(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)
    )
