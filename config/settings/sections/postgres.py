"""Settings of PostgreSQL."""

from pathlib import Path

from pydantic import Field, SecretStr

from config.settings.section import Section


class PostgresSettings(Section):
    """PostgreSQL, for the rows of feeds. `trends up postgres` starts a local one."""

    url: SecretStr = SecretStr("")
    """Another server: `postgresql://user@host:5432/database`, with libpq's options. Empty: that of the local stack at
    `stack.postgres_port`. May hold a password, so `trends` never prints it."""
    database: str = Field(default="trends", min_length=1)
    """Database, unless `url` names one."""
    password_file: Path | None = None
    """File that holds the password for `url` and nothing else. The local server has one of its own."""
    timeout_s: float = Field(default=30.0, ge=2)
    """Longest wait for a connection and for one answer, and longest pause inside a transaction, seconds."""
