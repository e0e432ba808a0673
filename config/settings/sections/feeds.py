"""Settings of feeds."""

from pathlib import Path

from config.settings.section import Section


class FeedsSettings(Section):
    """Feeds: other streams than posts, one TOML file each."""

    folder: Path = Path("feeds")
    """Folder of your own feeds. A file in it hides a shipped feed of the same name."""
