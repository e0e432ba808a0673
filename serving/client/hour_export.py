"""Export: the ranked tags of each hour of a range, read each time that somebody asks for them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from serving.render.row_files import Format, write_rows
from serving.render.rows import Rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Export:
    """Hours with their ranked tags. Each method reads the range again, and raises `NoDataError` if nothing is there."""

    rows: Callable[[], Rows]
    """Makes a stream of rows."""
    tz: ZoneInfo
    notes: tuple[str, ...] = ()
    """How the hours differ from what was asked: hours are whole."""

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """Arrow record batches of some 2,000 rows: memory does not grow with the range."""
        from serving.render.row_tables import arrow_batches  # slow to load

        return arrow_batches(self.rows(), self.tz)

    def to_arrow(self) -> "pa.Table":
        """All rows as an Arrow table."""
        from serving.render.row_tables import arrow_table  # slow to load

        return arrow_table(self.rows(), self.tz)

    def to_pandas(self) -> "pd.DataFrame":
        """All rows as a DataFrame."""
        return self.to_arrow().to_pandas()

    def write(self, file: str | Path, form: Format | None = None) -> None:
        """Write a file, whole or not at all: parquet, csv or json, by its suffix unless you name one."""
        write_rows(self.rows(), self.tz, Path(file), form)
