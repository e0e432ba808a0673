"""The declaration of a live service: its class, its options on the command line and its section of the settings.

Importing a declaration loads neither the service nor a network library; `service_class` does.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from config.settings.section import Section

if TYPE_CHECKING:
    from ingest.post import Post
    from ingest.sources.live.service import Service


@dataclass(frozen=True)
class Option:
    """One option of `trends ingest NAME`."""

    flag: str
    """`--zstd-dictionary`, for example. The service finds its value under `zstd_dictionary`."""
    help: str
    type: Literal["text", "flag", "path", "moment", "count"] = "text"
    metavar: str | None = None
    required: bool = False
    repeatable: bool = False
    """Whether the option may occur several times: its value is a tuple."""
    most: int | None = None
    """Largest value of a count, which begins at 0."""

    @property
    def name(self) -> str:
        """The key of its value."""
        return self.flag.removeprefix("--").replace("-", "_")


@dataclass(frozen=True)
class LiveEntry:
    """A live service in the registry."""

    service: str
    """`module:class` of its `Service`."""
    settings: type[Section]
    """Its section of the settings, whose name is the name in the registry."""
    help: str
    """Text of `trends ingest NAME --help`, with examples."""
    published_on: str
    """Source of its posts: `bluesky`, for example."""
    format: str
    """Name of the format of its records: this format reads a file of them, and its rejects."""
    reader: str = ""
    """`module:class` of the reader of that format, unless the registry lists the format by itself."""
    options: tuple[Option, ...] = ()

    def service_class(self) -> "type[Service[Post]]":
        """Import the class of the service."""
        found: type[Service[Post]] = load(self.service)
        return found


def load(place: str) -> Any:
    """The object at `module:attribute`."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
