"""Mastodon's streaming API in the registry."""

from pathlib import Path

from pydantic import Field, SecretStr

from config.settings.section import Section
from ingest.sources.live.entry import LiveEntry, Option


class MastodonSettings(Section):
    """A Mastodon server's posts, live."""

    catch_up_pages: int = Field(default=250, ge=0)
    """Most pages of 40 statuses to request after a lost connection; a server allows 300 in 5 minutes. 0 leaves a
    gap."""

    token: SecretStr | None = None
    """Access token of an account on the server. Never printed."""
    token_file: Path | None = None
    """File that holds the token, in place of `token`."""


ENTRY = LiveEntry(
    service="ingest.sources.mastodon.stream:Mastodon",
    settings=MastodonSettings,
    published_on="mastodon",
    format="mastodon",
    reader="ingest.sources.mastodon.statuses:MastodonReader",
    options=(
        Option("--server", "The server: https://mastodon.example", metavar="URL", required=True),
        Option("--local", "Only posts of its own accounts.", type="flag"),
    ),
    help="""The public posts that a Mastodon server sees, live.

    An access token of an account there is TRENDS_MASTODON__TOKEN, or in the file that TRENDS_MASTODON__TOKEN_FILE
    names.

    \b
    Examples:
      trends ingest mastodon --server https://mastodon.example
      trends ingest mastodon --server https://mastodon.example --tag caturday
    """,
)
