"""Bluesky's Jetstream in the registry."""

from pathlib import Path

from pydantic import Field

from config.settings.section import Section
from ingest.sources.live.entry import LiveEntry, Option


class JetstreamSettings(Section):
    """Bluesky's posts, live."""

    hosts: tuple[str, ...] = Field(
        default=(
            "wss://jetstream2.us-east.bsky.network",
            "wss://jetstream1.us-east.bsky.network",
            "wss://jetstream2.us-west.bsky.network",
            "wss://jetstream1.us-west.bsky.network",
        ),
        min_length=1,
    )
    """Jetstream hosts. The source reads the first; where one fails, the next."""
    zstd_dictionary: Path | None = None
    """File that holds Jetstream's zstd dictionary: with it, events arrive compressed."""


ENTRY = LiveEntry(
    service="ingest.sources.bluesky.stream:Jetstream",
    settings=JetstreamSettings,
    published_on="bluesky",
    format="jetstream",
    reader="ingest.sources.bluesky.events:JetstreamReader",
    options=(
        Option("--since", "Start so long ago, 1h, or at a time. Default: now.", type="moment", metavar="WHEN"),
        Option(
            "--zstd-dictionary",
            "Jetstream's dictionary, for compressed events. Default: jetstream.zstd_dictionary.",
            type="path",
            metavar="FILE",
        ),
    ),
    help="""Bluesky's posts, live, from Jetstream. No key is needed.

    A new start resumes where the last one ended, as far back as the hosts keep posts (about a day); --since applies to
    the first start, and with --restart. The hosts are the setting jetstream.hosts.

    \b
    Examples:
      trends ingest jetstream
      trends ingest jetstream --since 1h --lang fr
      trends ingest jetstream --limit 1000
    """,
)
