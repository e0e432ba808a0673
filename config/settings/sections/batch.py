"""Settings of the batch layer."""

from typing import Literal

from pydantic import Field

from config.settings.section import Section


class BatchSettings(Section):
    """The batch layer and its scheduler."""

    keep: int = Field(default=1_000, ge=10)
    """Ranked tags kept in an hour's document."""
    kinds: tuple[Literal["bigram", "trigram"], ...] = ("bigram", "trigram")
    """Phrases counted beside hashtags; `[]` for none. Each costs some 45 µs of CPU a post, and 1,000 rows an hour."""
    by_source: bool = True
    """Whether the batch layer also keeps hashtags by source, for hours with posts of more than one."""
    sample_posts: int = Field(default=10, ge=0, le=100)
    """Posts of each ranked hashtag of an hour whose places `trends posts` finds; 0 keeps no samples."""
    every_s: float = Field(default=15.0, gt=0)
    """How often the scheduler looks for hours to compute, seconds."""
    slice_posts: int = Field(default=2_000_000, ge=1)
    """About how many posts one Spark job reads. A run publishes after each, and goes on after the last published."""
    lease_s: float = Field(default=60.0, gt=0)
    """A run that has not renewed its lease for this long counts as dead, seconds."""
    compact_after_s: float = Field(default=3_600.0, ge=0)
    """Quiet time after which compaction merges the files of a complete hour into one, seconds."""
