"""Settings of the topic of finished hours."""

from pydantic import Field

from config.settings.section import Section


class TopsSettings(Section):
    """A compacted Kafka topic with the first 100 hashtags of each finished hour, for other programs."""

    enabled: bool = False
    """Whether the batch layer writes it. Once enabled, it also sends the hours that it computed before."""
    topic: str = Field(default="tops", pattern=r"^[A-Za-z0-9._-]{1,249}$")
    """Its name. No other stage and no feed may write to it."""
