"""Settings of the archiver."""

from typing import Literal

from pydantic import Field

from config.settings.section import Section


class ArchiveSettings(Section):
    """The archiver: when it flushes a chunk and when an hour is complete."""

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
    """A partition without a backlog and without a post for this long holds no hour open."""
    future_s: float = Field(default=300.0, ge=0)
    """How far ahead of the wall clock a post's time may be; beyond it the post goes to `rejects`."""
    keep_replaced_s: float = Field(default=86_400.0, ge=0)
    """How long files that compaction has replaced stay for their readers: longer than any batch job."""
