"""Settings of Spark."""

from pydantic import Field

from config.settings.section import Section


class SparkSettings(Section):
    """The batch engine."""

    master: str = "local[*]"
    """`local[*]`, `yarn`, `k8s://…` or `spark://…`."""
    driver_memory: str = "1g"
    """Heap of the driver, and of everything where the master is local."""
    conf: dict[str, str] = Field(default={})
    """Any further Spark configuration."""
    idle_s: float = Field(default=300.0, gt=0)
    """The scheduler lets go of a session that had nothing to compute for this long, seconds: it holds about 600 MB."""
