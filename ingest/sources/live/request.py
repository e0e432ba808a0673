"""A request for a live service: all input of its class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ingest.sources.formats.contract import Reading
from ingest.sources.selection import PostFilter

SectionT = TypeVar("SectionT")


@dataclass(frozen=True)
class ServiceRequest(Generic[SectionT]):
    """The settings of a service, and the options of its command."""

    settings: SectionT
    """Its section."""
    options: Mapping[str, Any]
    """Values of its options by name (see `Option.name`)."""
    post_filter: PostFilter
    reading: Reading
