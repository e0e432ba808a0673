"""The base class of every group of settings."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def canonical(cls, table: Mapping[str, Any]) -> dict[str, Any]:
        """A table of this section with one spelling of each key, so that one source can override another."""
        return dict(table)
