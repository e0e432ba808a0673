"""Settings of the dashboard."""

from pydantic import Field, SecretStr

from config.settings.section import Section


class ServeSettings(Section):
    """The dashboard."""

    host: str = "127.0.0.1"
    """Where it listens. Elsewhere than on loopback it needs a token."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """Its port; 0 takes a free one."""
    token: SecretStr | None = None
    """Token that gives others access, at least 16 characters. Never printed, logged or put into a URL."""
    names: tuple[str, ...] = ()
    """Names by which browsers may call it, beside localhost and addresses."""
