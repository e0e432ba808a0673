"""Settings of Storm."""

from config.settings.section import Section


class StormSettings(Section):
    """Storm, as `trends` sees it; `sparse` reads config/storm/streamparse.json."""

    nimbus: str = "127.0.0.1:6627"
    """Nimbus, `host:port`."""
    topology: str = "hashtag_counts"
    """Name of the topology."""
