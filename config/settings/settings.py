"""Settings: one frozen, typed object, read once at the edge: defaults < file < `TRENDS_*` environment < flag.

The file is `trends.toml` in the working folder or the nearest one above, or the one that `TRENDS_CONFIG` names. The
environment spells a nested value `TRENDS_KAFKA__BOOTSTRAP`; without that variable, `BOOTSTRAP_SERVERS` counts too.
`TRENDS_MONGO__URI_FILE` names a file that holds the value of `TRENDS_MONGO__URI`, and so for every setting. An unknown
key is an error in either.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError
from pydantic_core import InitErrorDetails

from config.errors import UsageError
from config.settings import secrets
from config.settings.live import live_sections
from config.settings.loaders import PREFIX, Table, find_file, merge, read_environment, read_file, rebase
from config.settings.network.port_offset import moved_defaults
from config.settings.secret_files import with_contents
from config.settings.section import Section
from config.settings.sections.alerts import AlertsSettings
from config.settings.sections.archive import ArchiveSettings
from config.settings.sections.batch import BatchSettings
from config.settings.sections.feeds import FeedsSettings
from config.settings.sections.hdfs import HdfsSettings
from config.settings.sections.hive import HiveSettings
from config.settings.sections.ingest import IngestSettings
from config.settings.sections.kafka import KafkaSettings
from config.settings.sections.mongo import MongoSettings
from config.settings.sections.postgres import PostgresSettings
from config.settings.sections.posts import PostsSettings
from config.settings.sections.rule import RuleSettings
from config.settings.sections.serve import ServeSettings
from config.settings.sections.spark import SparkSettings
from config.settings.sections.speed import SpeedSettings
from config.settings.sections.stack import StackSettings
from config.settings.sections.storm import StormSettings
from config.settings.sections.tops import TopsSettings
from config.settings.sections.trace import TraceSettings
from config.settings.secure_stack import local_logins

NOT_SETTINGS = frozenset({"TRENDS_CONFIG", "TRENDS_TEST_DATA", "TRENDS_TEST_STACK", secrets.FILE})
"""Variables with our prefix that are not settings: where the file is, where secrets are, where tests find things."""

BOOTSTRAP = "BOOTSTRAP_SERVERS"
"""Many programs find their brokers by this variable: `kafka.bootstrap`, unless `TRENDS_KAFKA__BOOTSTRAP` is set."""


class Settings(Section):
    """All settings. `Settings.read()` at the edge is the only place that makes one."""

    kafka: KafkaSettings = KafkaSettings()
    hdfs: HdfsSettings = HdfsSettings()
    mongo: MongoSettings = MongoSettings()
    postgres: PostgresSettings = PostgresSettings()
    hive: HiveSettings = HiveSettings()
    storm: StormSettings = StormSettings()
    spark: SparkSettings = SparkSettings()
    ingest: IngestSettings = IngestSettings()
    archive: ArchiveSettings = ArchiveSettings()
    speed: SpeedSettings = SpeedSettings()
    batch: BatchSettings = BatchSettings()
    tops: TopsSettings = TopsSettings()
    rule: RuleSettings = RuleSettings()
    serve: ServeSettings = ServeSettings()
    posts: PostsSettings = PostsSettings()
    alerts: AlertsSettings = AlertsSettings()
    feeds: FeedsSettings = FeedsSettings()
    trace: TraceSettings = TraceSettings()
    stack: StackSettings = StackSettings()

    _live: dict[str, Section] = PrivateAttr(default_factory=dict)
    """Sections of live services that some source of settings has."""

    @classmethod
    def read(cls, **flags: Any) -> "Settings":
        """Read every source once. Raises `UsageError` naming the key and its source's spelling."""
        _refuse_unknown(os.environ)
        if "TRENDS_CONFIG" in os.environ and not file_path().is_file():
            raise UsageError(
                f"no such file: {file_path()}", where="TRENDS_CONFIG", next_step="Unset it or make the file"
            )
        try:
            tables = merge(flags, merge(environment_tables(), file_tables()))
            secrets.learn(tables, section_types())
            return cls.of(tables).with_local_logins()
        except ValidationError as error:
            raise UsageError(_messages(error), where="settings", next_step="`trends config` lists every key") from None

    @classmethod
    def of(cls, tables: Mapping[str, Any]) -> "Settings":
        """The settings that some tables hold, those of live services included. Raises `ValidationError`."""
        stack = tables.get("stack")
        if isinstance(stack, Mapping) and (offset := stack.get("port_offset")):
            offset = cls.model_validate({"stack": {"port_offset": offset}}).stack.port_offset
            own = {name: type(field.default) for name, field in cls.model_fields.items()}
            tables = merge(tables, moved_defaults(own, offset))
        live = {name: section for name, section in live_sections().items() if name in tables}
        settings = cls.model_validate({name: table for name, table in tables.items() if name not in live})
        settings._live = {name: _section(name, section, tables[name]) for name, section in live.items()}  # noqa: SLF001 - of its own class
        return settings

    def with_local_logins(self) -> "Settings":
        """These settings, connecting to the local stack as its user where it is a secure one."""
        return self.model_copy(update=local_logins(self.stack, self.kafka, self.mongo, self.hdfs))

    def section(self, name: str) -> Section:
        """A section by the name of its table: one of these, or that of a live service. Raises `KeyError`."""
        if name in type(self).model_fields:
            found: Section = getattr(self, name)
            return found
        return self._live.get(name) or live_sections()[name]()


def file_path() -> Path:
    """The settings file, which need not exist."""
    named = os.environ.get("TRENDS_CONFIG")
    return find_file(Path.cwd()) if named is None else Path(named).absolute()


def base_folder() -> Path:
    """The folder that relative paths of settings count from: that of a settings file above this one, else this one."""
    found = file_path()
    return found.parent if "TRENDS_CONFIG" not in os.environ and found.is_file() else Path.cwd()


def environment_tables() -> Table:
    """Tables of settings that the environment holds. Raises `UsageError`."""
    variables = {name: value for name, value in secrets.with_file(os.environ).items() if name not in NOT_SETTINGS}
    tables = _resolve(read_environment(variables, section_types()))
    brokers = os.environ.get(BOOTSTRAP)
    return merge(tables, {"kafka": {"bootstrap": brokers}}) if brokers else tables


def file_tables() -> Table:
    """Tables of the settings file. Raises `UsageError`."""
    tables, base = read_file(file_path()), base_folder()
    return _resolve(tables if base == Path.cwd() else rebase(tables, section_types(), base))


def _resolve(tables: Table) -> Table:
    """Tables with one spelling of each key, and with the contents of files in place of their names."""
    sections = section_types()
    return {
        name: with_contents(name, sections[name], sections[name].canonical(table))
        if name in sections and isinstance(table, Mapping)
        else table
        for name, table in tables.items()
    }


def section_types() -> dict[str, type[Section]]:
    """Section classes by the name of their table."""
    found: dict[str, type[Section]] = {}
    for name, field in Settings.model_fields.items():
        found[name] = type(field.default)
        if name == "ingest":
            found |= live_sections()
    return found


def _section(name: str, section: type[Section], table: Any) -> Section:
    """A checked section, whose errors name it."""
    try:
        return section.model_validate(table)
    except ValidationError as error:
        lines = [
            InitErrorDetails(type=each["type"], loc=(name, *each["loc"]), input=each["input"], ctx=each.get("ctx", {}))
            for each in error.errors()
        ]
        raise ValidationError.from_exception_data(section.__name__, lines, hide_input=True) from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in section_types()}
    for name in environment:
        if name.startswith(PREFIX) and name not in NOT_SETTINGS and name.split("__")[0] not in known:
            raise UsageError("unknown setting", where=name, next_step="`trends config` lists every key")


def _messages(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)
    )
