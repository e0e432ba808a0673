"""Settings of the services that are read live."""

from pathlib import Path

from pydantic import Field, SecretStr

from config.section import Section


class JetstreamSettings(Section):
    """Bluesky's posts, live."""

    hosts: tuple[str, ...] = Field(
        default=(
            "wss://jetstream2.us-east.bsky.network",
            "wss://jetstream1.us-east.bsky.network",
            "wss://jetstream2.us-west.bsky.network",
            "wss://jetstream1.us-west.bsky.network",
        ),
        min_length=1,
    )
    """Jetstream hosts. The first is read; where one fails, the next."""


class XSettings(Section):
    """X's posts, live."""

    url: str = "https://api.x.com"
    """Address of the API, version 2."""
    token: SecretStr | None = None
    """Bearer token of the app. Never printed."""
    token_file: Path | None = None
    """File that holds the token, in place of `token`."""


class MastodonSettings(Section):
    """A Mastodon server's posts, live."""

    token: SecretStr | None = None
    """Access token of an account on the server. Never printed."""
    token_file: Path | None = None
    """File that holds the token, in place of `token`."""
