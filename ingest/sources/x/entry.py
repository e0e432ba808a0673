"""X's API in the registry."""

from pathlib import Path

from pydantic import SecretStr

from config.settings.section import Section
from ingest.sources.live.entry import LiveEntry, Option


class XSettings(Section):
    """X's posts, live."""

    url: str = "https://api.x.com"
    """Address of the API, version 2."""
    token: SecretStr | None = None
    """Bearer token of the app. Never printed."""
    token_file: Path | None = None
    """File that holds the token, in place of `token`."""


ENTRY = LiveEntry(
    service="ingest.sources.x.stream:XStream",
    settings=XSettings,
    published_on="x",
    format="x-v2",
    options=(
        Option(
            "--rule",
            "A rule of the stream, in X's syntax; repeatable. Default: the rules that are set.",
            metavar="RULE",
            repeatable=True,
        ),
        Option("--sample", "A sample of all posts, instead of those that match rules.", type="flag"),
        Option(
            "--backfill",
            "Let X replay up to 5 minutes after a lost connection, if the account allows it.",
            type="count",
            metavar="MINUTES",
            most=5,
        ),
    ),
    help="""X's posts, live, by its API v2: the filtered stream, or with --sample the volume stream.

    The app's bearer token is TRENDS_X__TOKEN, or in the file that TRENDS_X__TOKEN_FILE names. With --rule, the rules
    that an earlier start of this command set are replaced; no other is touched.

    \b
    Examples:
      trends ingest x --rule '#paris lang:fr' --rule '#東京'
      trends ingest x --sample --lang en
    """,
)
