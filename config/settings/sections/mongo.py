"""Settings of MongoDB."""

from pydantic import Field, SecretStr

from config.settings.section import Section


class MongoSettings(Section):
    """The views and the ledger."""

    uri: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    """Connection string of a replica set. May hold a password, so `trends` never prints it."""
    database: str = "trends"
    """Database of the views."""
    timeout_s: float = Field(default=10.0, gt=0)
    """Longest wait to find a server, and for one answer, seconds."""
