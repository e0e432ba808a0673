"""Settings: one frozen, typed object, read once at the edge: defaults < file < `TRENDS_*` environment < flag.

The file is `trends.toml` in the working folder, or what `TRENDS_CONFIG` names. A nested value is written
`TRENDS_KAFKA__BOOTSTRAP` in the environment. An unknown key is an error in either.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.errors import UsageError
from config.settings import secrets
from config.settings.loaders import PREFIX, Table, merge, read_environment, read_file
from config.settings.section import Section
from config.settings.sections.archive import ArchiveSettings
from config.settings.sections.batch import BatchSettings
from config.settings.sections.hdfs import HdfsSettings
from config.settings.sections.ingest import IngestSettings
from config.settings.sections.kafka import KafkaSettings
from config.settings.sections.live import JetstreamSettings, MastodonSettings, XSettings
from config.settings.sections.mongo import MongoSettings
from config.settings.sections.rule import RuleSettings
from config.settings.sections.serve import ServeSettings
from config.settings.sections.spark import SparkSettings
from config.settings.sections.speed import SpeedSettings
from config.settings.sections.stack import StackSettings
from config.settings.sections.storm import StormSettings

NOT_SETTINGS = frozenset({"TRENDS_CONFIG", "TRENDS_TEST_DATA", "TRENDS_TEST_STACK", secrets.FILE})
"""Variables with our prefix that are not settings: where the file is, where secrets are, where tests find things."""


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
            tables = merge(flags, merge(environment_tables(), read_file(file_path())))
            secrets.learn(tables, section_types())
            return cls.model_validate(tables)
        except ValidationError as error:
            raise UsageError(_messages(error), where="settings", next_step="`trends config` lists every key") from None


def file_path() -> Path:
    """The settings file, which need not exist."""
    return Path(os.environ.get("TRENDS_CONFIG", "trends.toml")).absolute()


def environment_tables() -> Table:
    """Tables of settings that the environment holds. Raises `UsageError`."""
    variables = {name: value for name, value in secrets.with_file(os.environ).items() if name not in NOT_SETTINGS}
    return read_environment(variables, section_types())


def section_types() -> dict[str, type[Section]]:
    """Section classes by the name of their table."""
    return {name: type(field.default) for name, field in Settings.model_fields.items()}


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in environment:
        if name.startswith(PREFIX) and name not in NOT_SETTINGS and name.split("__")[0] not in known:
            raise UsageError("unknown setting", where=name, next_step="`trends config` lists every key")


def _messages(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)
    )
