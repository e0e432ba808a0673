"""Settings of Hive."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from config.settings.section import Section


class HiveSettings(Section):
    """HiveServer2, for the tables of feeds. `trends up hive` starts Spark's Thrift server, which speaks the same."""

    uri: str = ""
    """Another HiveServer2, `host:port`, binary transport. Empty: that of the local stack at `stack.hive_port`."""
    user: str = "trends"
    """User of the sessions."""
    password_file: Path | None = None
    """File that holds the user's password and nothing else. Without one the server must not ask."""
    auth: Literal["plain", "nosasl"] = "plain"
    """`plain`: SASL with user and password (the server's NONE, LDAP, CUSTOM and PAM); `nosasl`: neither."""
    database: str = Field(default="default", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Database of the tables."""
    warehouse: str = Field(default="/user/hive/warehouse", pattern=r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$")
    """Folder on HDFS in which the tables of feeds have their files."""
    timeout_s: float = Field(default=30.0, ge=1)
    """Longest wait for a connection and for one answer, seconds."""
    statement_s: float = Field(default=600.0, ge=1)
    """Longest time that one statement may run, seconds."""
