"""Settings of Kafka."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from config.settings.kafka_options import option_names, options
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

    conf: Annotated[dict[str, str | SecretStr], BeforeValidator(options)] = Field(default={})
    """Further options of librdkafka for every client: `security.protocol`, `sasl.mechanism`, `ssl.ca.location`, …
    `trends` never prints passwords and keys among them, and refuses options on which its guarantees rest."""

    @classmethod
    def canonical(cls, table: Mapping[str, Any]) -> dict[str, Any]:
        """A table whose `conf` has librdkafka's names."""
        conf = table.get("conf")
        return {**table, "conf": option_names(conf)} if isinstance(conf, Mapping) else dict(table)

    @property
    def connection(self) -> dict[str, str]:
        """The options that every client needs to reach the brokers, under the names of librdkafka; secret."""
        conf = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in self.conf.items()}
        return {"bootstrap.servers": self.bootstrap, **conf}
