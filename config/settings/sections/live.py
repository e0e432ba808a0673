"""Settings of the services that are read live."""

from pathlib import Path

from pydantic import Field, SecretStr

from config.settings.section import Section


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
    zstd_dictionary: Path | None = None
    """File that holds Jetstream's zstd dictionary: with it, events are asked for packed."""


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

    catch_up_pages: int = Field(default=250, ge=0)
    """Most pages of 40 statuses that are asked for after a cut: a server allows 300 in 5 minutes. 0: what came
    meanwhile is missing."""

    token: SecretStr | None = None
    """Access token of an account on the server. Never printed."""
    token_file: Path | None = None
    """File that holds the token, in place of `token`."""
