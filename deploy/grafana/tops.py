"""Dashboard of tops for Grafana: the JSON API of `trends serve` through the Infinity data source.

Infinity (`yesoreyeram-infinity-datasource`) is a plug-in of Grafana's makers. Its queries are not among the types of
the SDK, so this module has the few fields that a query over HTTP needs.
"""

from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef, DataTransformerConfig

PLUGIN = "yesoreyeram-infinity-datasource"
SOURCE = DataSourceRef(type_val=PLUGIN, uid="${datasource}")
NAME, TITLE = "tops", "trends: tops"
_RANGE = {"since": "${__from:date:iso}", "until": "${__to:date:iso}"}


class Column(NamedTuple):
    """A field of each row, and its type: `string`, `number` or `timestamp`."""

    name: str
    type: str


class ApiQuery(Dataquery, Builder[Dataquery]):
    """A request to the API: rows are the list under `rows` of JSON, or the lines of CSV without it."""

    def __init__(self, path: str, params: dict[str, str], columns: tuple[Column, ...], rows: str = "") -> None:
        self.path, self.params, self.columns, self.rows = path, params, columns, rows

    def build(self) -> Dataquery:
        """Itself."""
        return self

    def to_json(self) -> dict[str, Any]:
        """The query as Infinity reads it."""
        params = [{"key": key, "value": value} for key, value in self.params.items()]
        return {
            "refId": "A",
            "datasource": {"type": PLUGIN, "uid": "${datasource}"},
            "type": "json" if self.rows else "csv",
            "parser": "backend",
            "source": "url",
            "format": "table",
            "url": self.path,
            "url_options": {"method": "GET", "params": params},
            "root_selector": self.rows,
            "columns": [{"selector": name, "text": name, "type": kind} for name, kind in self.columns],
            "filters": [],
        }


_TAG = (Column("rank", "number"), Column("shown", "string"), Column("count", "number"))
LIVE = ApiQuery("/api/top", {"last": "1h", "n": "25", "kind": "${kind}"}, _TAG, "top")
RANGE = ApiQuery("/api/top", {**_RANGE, "n": "25", "kind": "${kind}"}, _TAG, "top")
RISING = ApiQuery(
    "/api/rising", {"against": "24h", "n": "25", "kind": "${kind}"}, (*_TAG, Column("score", "number")), "rising"
)
BY_HOUR = ApiQuery(
    "/api/export", {**_RANGE, "n": "5", "kind": "${kind}", "format": "csv"},
    (Column("hour", "timestamp"), Column("shown", "string"), Column("count", "number")),
)  # fmt: skip
QUERIES = {
    "Top of the last hour": LIVE,
    "Top of the time range": RANGE,
    "Rising": RISING,
    "First five by hour": BY_HOUR,
}


def tops_dashboard() -> dashboard.Dashboard:
    """The dashboard for the SDK."""
    made = dashboard.Dashboard(TITLE).uid(f"trends-{NAME}").tags(["trends"]).refresh("1m").time("now-24h", "now")
    made = made.timezone("utc").readonly().tooltip(DashboardCursorSync.CROSSHAIR)
    made = made.with_variable(dashboard.DatasourceVariable("datasource").type(PLUGIN))
    made = made.with_variable(dashboard.CustomVariable("kind").values("hashtag,bigram,trigram"))
    for title, query in QUERIES.items():
        if query is BY_HOUR:
            lines = timeseries.Panel().title(title).unit("short").span(24).height(9).min(0).datasource(SOURCE)
            series = DataTransformerConfig("prepareTimeSeries", options={"format": "multi"})
            made = made.with_panel(lines.with_target(query).with_transformation(series))
        else:
            made = made.with_panel(table.Panel().title(title).span(8).height(12).datasource(SOURCE).with_target(query))
    return made
