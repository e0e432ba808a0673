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
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path of a reverse proxy below which browsers find it, such as `/trends`. The proxy may strip it or pass it on."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or networks of the proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count."""
