"""Post: one thing somebody published, as received from a source. Immutable. At rest it is `post.avsc`."""

import msgspec

from ingest.hours import Hour, Millis


class Post(msgspec.Struct, frozen=True, gc=False):
    """One post. (`source`, `id`) names it: two posts with the same name are the same post, sent twice."""

    id: str
    source: str
    """The service that published it: `x`, `bluesky`, `mastodon`, `sample`, …"""
    created_at: Millis
    """Event time: the author wrote it then, and it counts for that hour."""
    received_at: Millis
    """When we read it."""
    text: str
    """As received: `ingest.rule.escapes` restores the author's own characters."""
    lang: str | None = None
    """BCP 47, as the source says it."""
    tags: tuple[str, ...] | None = None
    """Hashtags that the source itself names, without `#`, in order; None where the source names none at all."""
    payload: str | None = None
    """The record as received, if `ingest.keep_payload` keeps it."""

    @property
    def name(self) -> str:
        """Its identity if a service sends it again."""
        return self.id

    @property
    def at(self) -> Millis:
        """Its event time."""
        return self.created_at

    @property
    def hour(self) -> Hour:
        """The hour of its event time."""
        return Hour.of(self.created_at)
