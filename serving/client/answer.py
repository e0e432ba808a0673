"""Answer: what a question gives, as typed values, as a table of Arrow or pandas, as the command's JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from serving.render.rows import Rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Value = TypeVar("Value")


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """An answer. A notebook shows it as its table."""

    value: Value
    """The typed answer, of `serving.answers`: `View`, `Range`, `Day`, `History`, `Rising`."""
    rows: Rows
    tz: ZoneInfo
    """The zone of the times in tables."""
    json: Callable[[], Mapping[str, Any]] = field(repr=False)
    notes: tuple[str, ...] = ()
    """How the hours differ from what was asked: hours are whole."""

    def to_arrow(self) -> "pa.Table":
        """The rows as an Arrow table: times with zone, tags without `#`."""
        from serving.render.row_tables import arrow_table  # slow to load, and few ask for it

        return arrow_table(self.rows, self.tz)

    def to_pandas(self) -> "pd.DataFrame":
        """The rows as a DataFrame: times with zone, tags without `#`, a missing number as NaN."""
        return self.to_arrow().to_pandas()

    def to_dict(self) -> Mapping[str, Any]:
        """The JSON of the command, `serving.render.json_shapes`."""
        return self.json()

    def _repr_html_(self) -> str:
        return str(self.to_pandas()._repr_html_())
