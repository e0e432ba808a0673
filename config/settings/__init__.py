"""Settings: `Settings.read()` at the edge; inner code takes the one section that it needs (`KafkaSettings`, …)."""

from config.settings.sections.alerts import AlertRule, AlertsSettings
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
from config.settings.settings import (
    BOOTSTRAP,
    NOT_SETTINGS,
    Settings,
    base_folder,
    environment_tables,
    file_path,
    file_tables,
    section_types,
)

__all__ = [
    "BOOTSTRAP",
    "NOT_SETTINGS",
    "AlertRule",
    "AlertsSettings",
    "ArchiveSettings",
    "BatchSettings",
    "FeedsSettings",
    "HdfsSettings",
    "HiveSettings",
    "IngestSettings",
    "KafkaSettings",
    "MongoSettings",
    "PostgresSettings",
    "PostsSettings",
    "RuleSettings",
    "ServeSettings",
    "Settings",
    "SparkSettings",
    "SpeedSettings",
    "StackSettings",
    "StormSettings",
    "TopsSettings",
    "TraceSettings",
    "base_folder",
    "environment_tables",
    "file_path",
    "file_tables",
    "section_types",
]
