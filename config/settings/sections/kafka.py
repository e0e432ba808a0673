"""Settings of Kafka."""

from pydantic import Field

from config.settings.section import Section


class KafkaSettings(Section):
    """The brokers and the four topics."""

    bootstrap: str = "127.0.0.1:9092"
    """Brokers, `host:port`, comma-separated. The variable `BOOTSTRAP_SERVERS` names them too."""
    posts: str = "posts"
    """Topic of posts."""
    hashtags: str = "hashtags"
    """Topic of uses, one message a hashtag."""
    rejects: str = "rejects"
    """Topic of unreadable records."""
    cursors: str = "cursors"
    """Compacted topic of the sources' cursors."""
    partitions: int = Field(default=6, ge=1)
    """Partitions of new topics `posts` and `hashtags`. Afterwards Kafka's own number counts."""
    replication: int = Field(default=1, ge=1)
    """Replicas of each partition of a new topic (3 on a cluster). Afterwards Kafka's own number counts."""
    archive_group: str = "archive"
    """Consumer group of the archiver."""

    @property
    def connection(self) -> dict[str, str]:
        """The options that every client needs to reach the brokers, under the names of librdkafka."""
        return {"bootstrap.servers": self.bootstrap}
