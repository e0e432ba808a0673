"""Sections of live services: each service declares its own in its folder, and the registry of sources lists them.

The settings know that registry by its name alone: it lies above them, as a plug-in does.
"""

from importlib import import_module

from config.settings.section import Section

REGISTRY = "ingest.sources.registry"


def live_sections() -> dict[str, type[Section]]:
    """Section classes of live services by the name of their table."""
    found: dict[str, type[Section]] = import_module(REGISTRY).live_sections()
    return found
