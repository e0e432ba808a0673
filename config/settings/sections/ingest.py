"""Settings of the producer."""

from typing import Literal

from pydantic import Field

from config.settings.section import Section


class IngestSettings(Section):
    """The transactional producer."""

    transaction_posts: int = Field(default=10_000, ge=1)
    """Most posts in one transaction."""
    transaction_ms: int = Field(default=200, ge=1)
    """Longest time a live post waits for the commit of its transaction, milliseconds."""
    keep_payload: bool = True
    """Whether a post keeps the record as received beside the text (about 40 % more bytes)."""
    max_post_bytes: int = Field(default=4_000_000, ge=1_000)
    """Largest post on the wire; a larger one goes to `rejects`."""
    kinds: tuple[Literal["bigram", "trigram"], ...] = ()
    """Phrases that go to the speed layer beside hashtags: some twenty messages a post in place of one or two."""
